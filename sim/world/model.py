"""The world that all simulated parts share: roads, a drive, operators, cells and silent stretches.

A world is a frozen value in a JSON file. What follows from it is a pure function of the world and
of the time, so separate processes agree without talking to each other: the GNSS receiver and each
modem ask `World.position_at` and `sim.world.radio.RadioMap` for the same instant.
"""

import math
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import msgspec

from sim.world.places import read_communes, read_roads
from sim.world.route import LatLon, Route
from sim.world.sites import Anchor, plan_cells
from sim.world.technology import Cell, Operator, Technology

DEMO_ROAD = "QL14-demo"
DEMO_DRIVE_START_M = 38_000.0
DEMO_DRIVE_END_M = 41_500.0
DEMO_GAP_START_M = 38_700.0
DEMO_GAP_LENGTH_M = 1_400.0
DEMO_WEAK_START_M = 60_000.0
DEMO_WEAK_LENGTH_M = 700.0
DEMO_WEAK_LOSS_DB = 46.0
DEMO_SPEED_M_S = 25.0


class UnreadableWorldError(ValueError):
    """A file is no world; the text names the place that is wrong."""


class AfterDrive(StrEnum):
    """What the vehicle does at the end of its drive."""

    STAND = "stand"
    TURN_BACK = "turn_back"


class Road(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A road's centre line; chainage counts from its first point."""

    name: str
    points: tuple[LatLon, ...]

    @cached_property
    def route(self) -> Route:
        """The line with its chainage."""
        return Route(self.points)


class Drive(msgspec.Struct, frozen=True, kw_only=True):
    """What the probe's vehicle does: along a road from one chainage to another."""

    road: str
    start_m: float
    end_m: float
    speed_m_s: float
    after: AfterDrive = AfterDrive.STAND


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a road where the radio is worse than its cells explain."""

    road: str
    start_m: float
    end_m: float
    loss_db: float | None = None
    """Added to every path; None means that nothing at all is heard."""
    plmns: tuple[str, ...] = ()
    """Whom it concerns; empty means all."""
    half_width_m: float = 400.0
    """How far beside the road it reaches."""

    @property
    def length_m(self) -> float:
        """Along the road."""
        return self.end_m - self.start_m


class SimulatedModem(msgspec.Struct, frozen=True, kw_only=True):
    """One modem of the probe with its SIM card."""

    name: str
    plmn: str
    """Home network of the SIM."""
    persona: str
    """Name of a file in `sim/transcripts`, without `.txt`."""
    imei: str
    imsi: str
    iccid: str


class Motion(msgspec.Struct, frozen=True, kw_only=True):
    """Where the vehicle is and how it moves."""

    lat_deg: float
    lon_deg: float
    altitude_m: float
    speed_m_s: float
    course_deg: float
    chainage_m: float
    """On the road of the drive."""


class World(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything the simulated parts need to know."""

    seed: int
    t0_unix_s: float
    """The vehicle starts then; before that it stands at the start."""
    roads: tuple[Road, ...]
    drive: Drive
    operators: tuple[Operator, ...]
    cells: tuple[Cell, ...]
    stretches: tuple[Stretch, ...] = ()
    modems: tuple[SimulatedModem, ...] = ()

    def road(self, name: str) -> Road:
        """The road of that name; raises `KeyError`."""
        return self._roads[name]

    def operator(self, plmn: str) -> Operator:
        """The operator of that PLMN; raises `KeyError`."""
        return self._operators[plmn]

    def modem(self, name: str) -> SimulatedModem:
        """The modem of that name; raises `KeyError` with the names there are."""
        for modem in self.modems:
            if modem.name == name:
                return modem
        known = ", ".join(modem.name for modem in self.modems)
        raise KeyError(f"no modem {name!r} in the world (there are: {known})")

    @property
    def gaps(self) -> tuple[Stretch, ...]:
        """The stretches where no operator is heard at all."""
        return tuple(s for s in self.stretches if s.loss_db is None and not s.plmns)

    @property
    def drive_duration_s(self) -> float:
        """From the start of the drive to its end."""
        return abs(self.drive.end_m - self.drive.start_m) / self.drive.speed_m_s

    def position_at(self, unix_s: float) -> Motion:
        """Where the vehicle is at a time."""
        drive = self.drive
        moved_s = max(0.0, unix_s - self.t0_unix_s)
        duration_s = self.drive_duration_s
        if drive.after is AfterDrive.TURN_BACK:
            lap, moved_s = divmod(moved_s, duration_s)
            back = lap % 2 == 1
            moving = unix_s >= self.t0_unix_s
        else:
            back = False
            moving = self.t0_unix_s <= unix_s < self.t0_unix_s + duration_s
            moved_s = min(moved_s, duration_s)
        forward = drive.end_m >= drive.start_m
        moved_m = moved_s * drive.speed_m_s * (1 if forward else -1)
        chainage_m = drive.end_m - moved_m if back else drive.start_m + moved_m
        place = self.road(drive.road).route.at(chainage_m)
        return Motion(
            lat_deg=place.lat_deg,
            lon_deg=place.lon_deg,
            altitude_m=650.0 + 80.0 * math.sin(chainage_m / 7_000.0),
            speed_m_s=drive.speed_m_s if moving else 0.0,
            course_deg=(place.course_deg + (180.0 if back == forward else 0.0)) % 360.0,
            chainage_m=chainage_m,
        )

    @cached_property
    def _roads(self) -> dict[str, Road]:
        return {road.name: road for road in self.roads}

    @cached_property
    def _operators(self) -> dict[str, Operator]:
        return {operator.plmn: operator for operator in self.operators}


def load_world(path: Path) -> World:
    """The world in a file; raises `UnreadableWorldError` or `OSError`."""
    try:
        world = msgspec.json.decode(path.read_bytes(), type=World)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableWorldError(f"{path}: {error}") from error
    known = {road.name for road in world.roads}
    for named in (world.drive.road, *(stretch.road for stretch in world.stretches)):
        if named not in known:
            raise UnreadableWorldError(f"{path}: no road {named!r} in `$.roads`")
    return world


def save_world(world: World, path: Path) -> None:
    """Write a world where `load_world` finds it."""
    path.write_bytes(msgspec.json.encode(world) + b"\n")


def demo_world(
    t0_unix_s: float,
    *,
    seed: int = 14,
    speed_m_s: float = DEMO_SPEED_M_S,
    after: AfterDrive = AfterDrive.STAND,
) -> World:
    """Three operators over the demo province, and a drive of 3.5 km through the planted gap.

    The drive starts 700 m before the gap; the gap of 1,400 m lies at `DEMO_GAP_START_M` of
    `QL14-demo` (also in `World.gaps`). A weak stretch of 700 m lies 20 km further on.
    """
    roads = tuple(Road(name=name, points=points) for name, points in read_roads().items())
    operators = (
        Operator(plmn="45201", name="MobiFone", technologies=(Technology.GSM, Technology.LTE)),
        Operator(
            plmn="45202",
            name="VinaPhone",
            technologies=(Technology.GSM, Technology.LTE, Technology.NR_NSA),
        ),
        Operator(plmn="45204", name="Viettel", technologies=(Technology.LTE, Technology.NR_SA)),
    )
    anchors = tuple(
        Anchor(
            lat_deg=commune.lat_deg,
            lon_deg=commune.lon_deg,
            area=int(commune.district_code),
            town=commune.type in {"Phường", "Thị trấn"},
        )
        for commune in read_communes()
    )
    return World(
        seed=seed,
        t0_unix_s=t0_unix_s,
        roads=roads,
        drive=Drive(
            road=DEMO_ROAD,
            start_m=DEMO_DRIVE_START_M,
            end_m=DEMO_DRIVE_END_M,
            speed_m_s=speed_m_s,
            after=after,
        ),
        operators=operators,
        cells=plan_cells(
            operators,
            anchors=anchors,
            routes={road.name: road.route for road in roads},
            nr_routes={DEMO_ROAD},
            seed=seed,
        ),
        stretches=(
            Stretch(
                road=DEMO_ROAD,
                start_m=DEMO_GAP_START_M,
                end_m=DEMO_GAP_START_M + DEMO_GAP_LENGTH_M,
            ),
            Stretch(
                road=DEMO_ROAD,
                start_m=DEMO_WEAK_START_M,
                end_m=DEMO_WEAK_START_M + DEMO_WEAK_LENGTH_M,
                loss_db=DEMO_WEAK_LOSS_DB,
            ),
        ),
        modems=(
            SimulatedModem(
                name="viettel",
                plmn="45204",
                persona="quectel_rm520n",
                imei="860000000000041",
                imsi="452040000000047",
                iccid="8984040000000000041",
            ),
            SimulatedModem(
                name="vinaphone",
                plmn="45202",
                persona="quectel_rm520n",
                imei="860000000000025",
                imsi="452020000000021",
                iccid="8984020000000000029",
            ),
            SimulatedModem(
                name="mobifone",
                plmn="45201",
                persona="quectel_ec25",
                imei="860000000000017",
                imsi="452010000000013",
                iccid="8984010000000000013",
            ),
        ),
    )
