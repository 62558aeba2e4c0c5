"""What a modem hears at a place and time: a pure function of the world, vectorised with numpy.

Level of a cell = radiated power - path loss - loss of a stretch + shadow + fast fading.

* Path loss: 118 dB at 1 km and 1840 MHz, 35 dB a decade of distance, 21 dB a decade of frequency:
  open country with masts.
* Shadow: noise over the ground with a lattice of 120 m, the same for all cells of a site.
* Fast fading: noise over time, constant for half a second.

Both noises come from a hash of the seed, the cell and the lattice point, are bounded (3.5 sigma)
and never drawn from a generator with state: any process gets the same at the same instant.
Interference counts the cells of the same channel with the load of the hour.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from sim.world import Stretch, World
from sim.world.route import Floats, Route, metres_per_degree
from sim.world.technology import ALL_TECHNOLOGIES, Cell, Technology
from wire import cells as wire_cells
from wire.bands import frequency_mhz
from wire.cells import Rat
from wire.kinds.radio import Payload, RegistrationState

SENSITIVITY_DBM = {Rat.GSM: -106.0, Rat.LTE: -128.0, Rat.NR: -126.0}
"""A modem cannot be served below this level (of the reference signal; RSSI for GSM)."""
NSA_LEG_DBM = -112.0
"""An LTE anchor adds the NR leg above this level."""
SA_PREFERRED_DBM = -112.0
"""A modem that may use LTE as well takes stand-alone NR above this level."""

_CELLS_HEARD = 8
"""Strongest cells of a channel that are looked at."""
_CHUNK_POINTS = 4096
_LOSS_1KM_DB = 118.0
_LOSS_1KM_MHZ = 1840.0
_LOSS_DB_A_DECADE = 35.0
_LOSS_DB_A_DECADE_OF_FREQUENCY = 21.0
_NEAREST_M = 40.0
_SHADOW_LATTICE_M = 120.0
_SHADOW_SIGMA_DB = 4.5
_FADING_SIGMA_DB = 1.2
_FADING_STEP_S = 0.5
_NOISE_DBM = {Rat.GSM: -113.0, Rat.LTE: -125.0, Rat.NR: -122.0}
_GSM_MHZ = 945.0
_LOCAL_OFFSET_S = 7 * 3600
_LOAD_HOURS = (0, 3, 8, 20, 24)
_LOAD_SHARES = (0.3, 0.2, 0.45, 0.6, 0.3)

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]


class Heard(NamedTuple):
    """The strongest cells of one channel at n places, strongest first: arrays of n x k."""

    cells: Ints
    """Into the channel's cells."""
    rsrp_dbm: Floats
    """Minus infinity where nothing is heard."""
    rsrq_db: Floats
    sinr_db: Floats


class Survey:
    """What one operator's network offers at n places; row by row as `Payload`."""

    def __init__(
        self,
        plmn: str,
        channels: Sequence["_Channel"],
        heard: Sequence[Heard],
        allowed: frozenset[Technology],
    ) -> None:
        """Choose the serving cell of each place."""
        self._plmn = plmn
        self._channels = channels
        self._heard = heard
        count = len(heard[0].rsrp_dbm) if heard else 0
        self._best = {rat: self._best_channel(rat, count) for rat in (Rat.GSM, Rat.LTE, Rat.NR)}
        lte_dbm = self._best[Rat.LTE][1]
        nr_dbm = self._best[Rat.NR][1]
        lte = (lte_dbm >= SENSITIVITY_DBM[Rat.LTE]) & (Technology.LTE in allowed)
        sa = (nr_dbm >= SENSITIVITY_DBM[Rat.NR]) & (Technology.NR_SA in allowed)
        self.nr_sa: Bools = sa & (~lte | (nr_dbm >= SA_PREFERRED_DBM))
        """Where stand-alone NR serves."""
        self.lte: Bools = lte & ~self.nr_sa
        """Where LTE serves, with or without an NR leg."""
        self.nr_leg: Bools = self.lte & (nr_dbm >= NSA_LEG_DBM) & (Technology.NR_NSA in allowed)
        self.gsm: Bools = (
            ~self.lte
            & ~self.nr_sa
            & (self._best[Rat.GSM][1] >= SENSITIVITY_DBM[Rat.GSM])
            & (Technology.GSM in allowed)
        )

    def __len__(self) -> int:
        """How many places."""
        return len(self.lte)

    @property
    def served(self) -> Bools:
        """Where there is service at all."""
        return self.lte | self.nr_sa | self.gsm

    @property
    def rsrp_dbm(self) -> Floats:
        """Level of the serving cell (RSSI for GSM); NaN without service."""
        return np.select(
            [self.nr_sa, self.lte, self.gsm],
            [self._best[rat][1] for rat in (Rat.NR, Rat.LTE, Rat.GSM)],
            np.nan,
        )

    def payload(self, row: int, *, neighbours: bool = True) -> Payload:
        """One place as the modem of a probe would report it."""
        if self.nr_sa[row]:
            mode, rat = "nr-sa", Rat.NR
        elif self.lte[row]:
            mode, rat = "nr-nsa" if self.nr_leg[row] else "lte", Rat.LTE
        elif self.gsm[row]:
            mode, rat = "gsm", Rat.GSM
        else:
            return Payload(rrc_state="search", registration=RegistrationState.SEARCHING)
        serving = self._serving(rat, row)
        return Payload(
            mode=mode,
            rrc_state="noconn",
            registration=RegistrationState.HOME,
            plmn=self._plmn,
            serving=serving,
            nr=self._leg(row) if self.nr_leg[row] else None,
            neighbours=self.cells(row, rat)[1:] if neighbours else (),
        )

    def cells(self, row: int, *rats: Rat) -> tuple[wire_cells.Cell, ...]:
        """All cells of some technologies heard at one place, strongest first."""
        return tuple(
            sorted(
                (
                    self._cell(number, row, rank)
                    for number, channel in enumerate(self._channels)
                    if channel.rat in rats
                    for rank in range(self._heard[number].cells.shape[1])
                    if self._heard[number].rsrp_dbm[row, rank] >= SENSITIVITY_DBM[channel.rat]
                ),
                key=_level_dbm,
                reverse=True,
            )
        )

    def _best_channel(self, rat: Rat, count: int) -> tuple[Ints, Floats]:
        """For each place the channel of a technology that is heard best, and its level."""
        best = np.full(count, -1, dtype=np.int64)
        level = np.full(count, -np.inf)
        for number, channel in enumerate(self._channels):
            if channel.rat is rat:
                strongest = self._heard[number].rsrp_dbm[:, 0]
                better = strongest > level
                best[better] = number
                level = np.maximum(level, strongest)
        return best, level

    def _serving(self, rat: Rat, row: int) -> wire_cells.Cell:
        return self._cell(int(self._best[rat][0][row]), row, 0)

    def _leg(self, row: int) -> wire_cells.Cell:
        """The NR leg of EN-DC: it broadcasts no identity of its own."""
        return msgspec.structs.replace(self._serving(Rat.NR, row), cell_id=None, tac=None)

    def _cell(self, number: int, row: int, rank: int) -> wire_cells.Cell:
        heard = self._heard[number]
        cell = self._channels[number].cells[heard.cells[row, rank]]
        level = round(float(heard.rsrp_dbm[row, rank]), 1)
        common = wire_cells.Cell(
            rat=cell.rat,
            mcc=cell.plmn[:3],
            mnc=cell.plmn[3:],
            cell_id=cell.cell_id,
            arfcn=cell.arfcn,
            band=cell.band,
        )
        if cell.rat is Rat.GSM:
            return msgspec.structs.replace(
                common, lac=cell.area_code, bsic=cell.code, rssi_dbm=level
            )
        rsrq = round(float(heard.rsrq_db[row, rank]), 1)
        resource_blocks = cell.bandwidth_mhz * (5 if cell.rat is Rat.LTE else 2.73)
        return msgspec.structs.replace(
            common,
            tac=cell.area_code,
            pci=cell.code,
            bandwidth_mhz=cell.bandwidth_mhz,
            scs_khz=cell.scs_khz,
            duplex=cell.duplex,
            rsrp_dbm=level,
            rsrq_db=rsrq,
            sinr_db=round(float(heard.sinr_db[row, rank]), 1),
            rssi_dbm=(
                round(level - rsrq + 10 * float(np.log10(resource_blocks)), 1)
                if cell.rat is Rat.LTE
                else None
            ),
        )


class RadioMap:
    """The radio of a world, made ready for fast questions."""

    def __init__(self, world: World) -> None:
        """Sort the cells into channels."""
        self._origin_lat = world.cells[0].lat_deg
        self._origin_lon = world.cells[0].lon_deg
        self._lat_m, self._lon_m = metres_per_degree(self._origin_lat)
        self._technologies = {o.plmn: frozenset(o.technologies) for o in world.operators}
        grouped: dict[tuple[str, Rat, int], list[Cell]] = {}
        for cell in world.cells:
            grouped.setdefault((cell.plmn, cell.rat, cell.arfcn), []).append(cell)
        self._channels: dict[str, list[_Channel]] = {plmn: [] for plmn in self._technologies}
        for (plmn, _, _), cells in grouped.items():
            self._channels[plmn].append(_Channel(cells, self, world.seed))
        self._stretches = [
            _Corridor(stretch, world.road(stretch.road).route) for stretch in world.stretches
        ]

    def survey(
        self,
        plmn: str,
        lat_deg: npt.ArrayLike,
        lon_deg: npt.ArrayLike,
        unix_s: npt.ArrayLike,
        allowed: frozenset[Technology] = ALL_TECHNOLOGIES,
    ) -> Survey:
        """What the operator's network offers at many places, each at its own time."""
        lat, lon, seconds = np.broadcast_arrays(
            np.atleast_1d(np.asarray(lat_deg, float)),
            np.atleast_1d(np.asarray(lon_deg, float)),
            np.atleast_1d(np.asarray(unix_s, float)),
        )
        rats = _rats(allowed & self._technologies[plmn])
        channels = [channel for channel in self._channels[plmn] if channel.rat in rats]
        parts: list[list[Heard]] = [[] for _ in channels]
        for start in range(0, len(lat), _CHUNK_POINTS):
            part = slice(start, start + _CHUNK_POINTS)
            loss = self._loss_db(plmn, lat[part], lon[part])
            east, north = self.plane_m(lat[part], lon[part])
            for channel, heard in zip(channels, parts, strict=True):
                heard.append(channel.hear(east, north, seconds[part], loss))
        heard = [Heard(*map(np.concatenate, zip(*part, strict=True))) for part in parts]
        return Survey(plmn, channels, heard, allowed & self._technologies[plmn])

    def radio_at(
        self,
        plmn: str,
        lat_deg: float,
        lon_deg: float,
        unix_s: float,
        allowed: frozenset[Technology] = ALL_TECHNOLOGIES,
    ) -> Payload:
        """What a modem with the operator's SIM hears; without service `serving` is None."""
        if not allowed & self._technologies[plmn]:
            return Payload(rrc_state="search", registration=RegistrationState.SEARCHING)
        return self.survey(plmn, lat_deg, lon_deg, unix_s, allowed).payload(0)

    def cells_at(
        self, lat_deg: float, lon_deg: float, unix_s: float, *rats: Rat
    ) -> tuple[wire_cells.Cell, ...]:
        """Every cell of any operator heard there, by operator and then strongest first."""
        return tuple(
            cell
            for plmn in sorted(self._channels)
            for cell in self.survey(plmn, lat_deg, lon_deg, unix_s).cells(0, *rats)
        )

    def plane_m(self, lat_deg: Floats, lon_deg: Floats) -> tuple[Floats, Floats]:
        """Metres east and north of the world's origin."""
        return (
            (lon_deg - self._origin_lon) * self._lon_m,
            (lat_deg - self._origin_lat) * self._lat_m,
        )

    def _loss_db(self, plmn: str, lat_deg: Floats, lon_deg: Floats) -> Floats:
        loss = np.zeros(len(lat_deg))
        for corridor in self._stretches:
            if not corridor.stretch.plmns or plmn in corridor.stretch.plmns:
                inside = corridor.contains(lat_deg, lon_deg)
                extra = corridor.stretch.loss_db
                loss[inside] += np.inf if extra is None else extra
        return loss


class _Channel:
    """The cells of one operator on one frequency."""

    def __init__(self, cells: list[Cell], plane: RadioMap, seed: int) -> None:
        self.cells = cells
        self.rat = cells[0].rat
        self._east, self._north = plane.plane_m(
            np.array([cell.lat_deg for cell in cells]), np.array([cell.lon_deg for cell in cells])
        )
        mhz = frequency_mhz(self.rat, cells[0].arfcn) or _GSM_MHZ
        loss_1km = _LOSS_1KM_DB + _LOSS_DB_A_DECADE_OF_FREQUENCY * np.log10(mhz / _LOSS_1KM_MHZ)
        self._at_1km_dbm = np.array([cell.reference_dbm for cell in cells]) - loss_1km
        site = [round(cell.lat_deg * 1e5) << 32 ^ round(cell.lon_deg * 1e5) for cell in cells]
        self._site_salt = _hash(np.array(site, np.uint64) ^ np.uint64(seed))
        self._cell_salt = _hash(np.array([cell.cell_id for cell in cells], np.uint64))

    def hear(self, east: Floats, north: Floats, seconds: Floats, loss_db: Floats) -> Heard:
        """The strongest cells at places on the plane; `loss_db` of infinity means none."""
        away_km = (
            np.hypot(
                self._east[None, :] - east[:, None], self._north[None, :] - north[:, None]
            ).clip(_NEAREST_M)
            / 1000
        )
        level = self._at_1km_dbm[None, :] - _LOSS_DB_A_DECADE * np.log10(away_km)
        count = min(_CELLS_HEARD, len(self.cells))
        index = np.argpartition(-level, count - 1, axis=1)[:, :count]
        rsrp = (
            np.take_along_axis(level, index, axis=1)
            + _shadow_db(self._site_salt[index], east, north)
            + _fading_db(self._cell_salt[index], seconds)
            - loss_db[:, None]
        )
        order = np.argsort(-rsrp, axis=1)
        index = np.take_along_axis(index, order, axis=1)
        rsrp = np.take_along_axis(rsrp, order, axis=1)
        rsrq, sinr = _quality_db(rsrp, seconds, _NOISE_DBM[self.rat])
        return Heard(index, rsrp, rsrq, sinr)


class _Corridor:
    """A stretch of a road as an area."""

    def __init__(self, stretch: Stretch, route: Route) -> None:
        self.stretch = stretch
        self._route = route
        inside = route.part(stretch.start_m, stretch.end_m).points
        lat_m, lon_m = metres_per_degree(inside[0][0])
        lats = [lat for lat, _ in inside]
        lons = [lon for _, lon in inside]
        lat_margin = stretch.half_width_m / lat_m
        lon_margin = stretch.half_width_m / lon_m
        self._south, self._north = min(lats) - lat_margin, max(lats) + lat_margin
        self._west, self._east = min(lons) - lon_margin, max(lons) + lon_margin

    def contains(self, lat_deg: Floats, lon_deg: Floats) -> Bools:
        """Whether the nearest point of the road lies in the stretch, and not too far."""
        inside: Bools = (
            (lat_deg >= self._south)
            & (lat_deg <= self._north)
            & (lon_deg >= self._west)
            & (lon_deg <= self._east)
        )
        if inside.any():
            chainage, offset = self._route.project(lat_deg[inside], lon_deg[inside])
            inside[inside] = (
                (chainage >= self.stretch.start_m)
                & (chainage <= self.stretch.end_m)
                & (offset <= self.stretch.half_width_m)
            )
        return inside


def load_share(unix_s: Floats) -> Floats:
    """Share of the resources in use, by the local hour: quiet at 3 o'clock, busy at 20 o'clock."""
    hour = ((unix_s + _LOCAL_OFFSET_S) / 3600) % 24
    return np.interp(hour, _LOAD_HOURS, _LOAD_SHARES)


def _quality_db(rsrp_dbm: Floats, unix_s: Floats, noise_dbm: float) -> tuple[Floats, Floats]:
    """RSRQ and SINR of each cell against the others of its channel and the noise."""
    power = 10 ** (rsrp_dbm / 10)
    load = load_share(unix_s)[:, None]
    others = power.sum(axis=1, keepdims=True) - power
    noise = 10 ** (noise_dbm / 10)
    with np.errstate(divide="ignore"):
        sinr = 10 * np.log10(power / (others * load + noise))
        # Two of twelve resource elements carry reference signals; the others follow the load.
        rsrq = 10 * np.log10(power / 12 / ((others + power) * (1 / 6 + 5 / 6 * load) + noise))
    return np.clip(rsrq, -34.0, -3.0), np.clip(sinr, -20.0, 30.0)


def _shadow_db(salt: Hashes, east: Floats, north: Floats) -> Floats:
    column = np.floor(east / _SHADOW_LATTICE_M)
    row = np.floor(north / _SHADOW_LATTICE_M)
    right = _smooth(east / _SHADOW_LATTICE_M - column)[:, None]
    up = _smooth(north / _SHADOW_LATTICE_M - row)[:, None]
    columns = column.astype(np.int64).astype(np.uint64)[:, None]
    rows = row.astype(np.int64).astype(np.uint64)[:, None]
    one = np.uint64(1)

    def corner(column: Hashes, row: Hashes) -> Floats:
        return _bell(salt ^ _hash(column * np.uint64(0x9E3779B97F4A7C15) + _hash(row)))

    lower = corner(columns, rows) * (1 - right) + corner(columns + one, rows) * right
    upper = corner(columns, rows + one) * (1 - right) + corner(columns + one, rows + one) * right
    return (lower * (1 - up) + upper * up) * _SHADOW_SIGMA_DB


def _fading_db(salt: Hashes, unix_s: Floats) -> Floats:
    tick = np.floor(unix_s / _FADING_STEP_S).astype(np.int64).astype(np.uint64)[:, None]
    return _bell(salt ^ _hash(tick)) * _FADING_SIGMA_DB


def _smooth(share: Floats) -> Floats:
    return share * share * (3 - 2 * share)


def _bell(key: Hashes) -> Floats:
    """Nearly normal with variance 1 and at most 3.47: the sum of four even numbers."""
    bits = _hash(key)
    total: Floats = np.zeros(bits.shape)
    for shift in (0, 16, 32, 48):
        total += ((bits >> np.uint64(shift)) & np.uint64(0xFFFF)).astype(np.float64)
    return (total / 65535 - 2) * 3**0.5


def _hash(value: Hashes) -> Hashes:
    """The finaliser of splitmix64; multiplication wraps."""
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


def _rats(allowed: frozenset[Technology]) -> frozenset[Rat]:
    rats = {
        Technology.GSM: Rat.GSM,
        Technology.LTE: Rat.LTE,
        Technology.NR_NSA: Rat.NR,
        Technology.NR_SA: Rat.NR,
    }
    return frozenset(rats[technology] for technology in allowed)


def _level_dbm(cell: wire_cells.Cell) -> float:
    level = cell.rssi_dbm if cell.rat is Rat.GSM else cell.rsrp_dbm
    return -np.inf if level is None else level
