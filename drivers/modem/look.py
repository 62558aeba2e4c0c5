"""From readings to one look at the radio: which cell serves, what is missing, whose level it is.

Several commands speak of the same moment; each adds what the ones before left open, and none may
add to another cell than its own. No I/O.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec

from drivers.modem.reading import (
    RAT_BY_ACT,
    HeardCell,
    Operator,
    Reading,
    Registration,
    Role,
    Signal,
    those,
)
from drivers.modem.standard import ECI_END, LAC_END, best
from wire.cells import Cell, Rat
from wire.kinds import radio

C = TypeVar("C", bound=Cell)

MAX_CELLS = 256
"""Carriers, and neighbours, of one look: a modem that names more is out of its mind."""
SAME_CELL_DB = 10.0
"""The modem may have changed the cell between two answers."""
MODES = {Rat.GSM: "gsm", Rat.WCDMA: "wcdma", Rat.LTE: "lte", Rat.NR: "nr-sa"}
_IDENTITY = ("arfcn", "pci", "psc", "bsic", "cell_id", "tac", "lac")
_LEVEL_FIELDS = ("rsrp_dbm", "rsrq_db", "sinr_db", "sinr_raw", "rssi_dbm", "rscp_dbm", "ecio_db")


@dataclass(frozen=True)
class Look:
    """What is known so far."""

    rrc_state: str | None = None
    serving: HeardCell | None = None
    nr: HeardCell | None = None
    carriers: tuple[HeardCell, ...] = ()
    neighbours: tuple[HeardCell, ...] = ()
    signals: tuple[Signal, ...] = ()
    temperature_c: float | None = None

    @property
    def rat(self) -> Rat | None:
        """Technology of the serving cell."""
        return None if self.serving is None else self.serving.rat

    @property
    def key(self) -> tuple[object, ...] | None:
        """Which cells serve: another key means that kept answers are about other cells."""
        if self.serving is None:
            return None
        return identity(self.serving), None if self.nr is None else identity(self.nr)

    @property
    def lacks_sinr(self) -> bool:
        """Whether LTE serves and no reading had its SINR in dB."""
        return self.rat is Rat.LTE and self.completed().sinr_db is None

    def add(self, reading: Reading | None) -> "Look":
        """With what another reply says."""
        if reading is None:
            return self
        look = replace(
            self,
            rrc_state=self.rrc_state or reading.rrc_state,
            signals=self.signals if reading.signal is None else (*self.signals, reading.signal),
            temperature_c=_hottest(self.temperature_c, reading.temperature_c),
        )
        for cell in reading.cells or ():
            # A row of sentinels, as some firmware prints it while it searches, is none.
            look = look if _is_bare(cell) else look.hearing(cell)
        return look

    def completed(self) -> Cell:
        """The serving cell with levels of other replies; only where one serves."""
        assert self.serving is not None  # noqa: S101  # see the docstring
        return self._levelled(self.serving)

    def record(
        self,
        registrations: Iterable[Registration],
        operator: Operator | None,
        unread: tuple[radio.Unread, ...],
        *,
        registered_serves: bool = False,
    ) -> radio.Payload:
        """The look as it is recorded.

        `registered_serves`: the modem has no word for its serving cell, so it is the one that it
        is registered at. Where it has one, registration only adds to it: it outlives the cell.
        """
        registrations = tuple(registrations)
        look = self
        if self.serving is not None or registered_serves:
            look = self._where_registered(registrations, operator)
        serving = None if look.serving is None else look.completed()
        nr = None if serving is None or serving.rat is not Rat.LTE else look.leg()
        mode = None if serving is None else MODES[serving.rat]
        served = {identity(cell) for cell in (serving, nr) if cell is not None}
        return radio.Payload(
            mode="nr-nsa" if nr is not None else mode,
            rrc_state=look.rrc_state,
            registration=best(registrations),
            plmn=None if operator is None else operator.plmn,
            serving=serving,
            nr=nr,
            carriers=_apart((*look.carriers, *those(look.nr)), served),
            neighbours=_apart(look.neighbours, served),
            temperature_c=look.temperature_c,
            unread=unread,
        )

    def hearing(self, cell: HeardCell) -> "Look":
        """With one more cell, in its role."""
        match cell.role:
            case Role.SERVING:
                return replace(self, serving=_merged(self.serving, cell))
            case Role.NR_SECONDARY:
                return replace(self, nr=_merged(self.nr, cell))
            case Role.SCC:
                return replace(self, carriers=_added(self.carriers, cell))
            case Role.MEASURED if self.serving is not None and _same_channel(self.serving, cell):
                return replace(self, serving=_merged(self.serving, cell))
            case Role.SCAN:
                return self
            case _:
                return replace(self, neighbours=_added(self.neighbours, cell))

    def _where_registered(
        self, registrations: tuple[Registration, ...], operator: Operator | None
    ) -> "Look":
        """With what the registration says of the serving cell."""
        where = next((found for found in registrations if found.registered), None)
        if where is None:
            return self
        rat = where.cell_rat or self.rat or _rat_of(operator, self.signals)
        if rat is None:
            return self
        return self.hearing(_registered_cell(rat, where, operator))

    def leg(self) -> Cell | None:
        """The NR leg of EN-DC; where no command names it, from a signal that measures NR.

        A leg without a level is only configured: it goes with the carriers.
        """
        if self.nr is not None:
            leg = self._levelled(self.nr)
            return None if leg.rsrp_dbm is None and leg.sinr_db is None else leg
        levels = next((found for signal in self.signals if (found := signal.nr)), None)
        if levels is None or levels.rsrp_dbm is None:
            return None
        return Cell(
            rat=Rat.NR,
            rsrp_dbm=levels.rsrp_dbm,
            rsrq_db=levels.rsrq_db,
            sinr_db=levels.sinr_db,
        )

    def _levelled(self, cell: HeardCell) -> Cell:
        """The cell as in a record, with levels that were told without a cell, where they fit."""
        found = cell.recorded()
        for signal in self.signals:
            levels = signal.of(cell.rat)
            if levels is not None and _same_level(levels.rsrp_dbm, found.rsrp_dbm):
                found = _filled(found, {n: getattr(levels, n) for n in _LEVEL_FIELDS})
            if cell.role is Role.SERVING and signal.rat in {None, cell.rat}:
                # The RSSI of +CSQ is of whatever serves.
                found = _filled(found, {"rssi_dbm": _rssi(signal, cell.rat)})
        return found


def identity(cell: Cell) -> tuple[object, ...]:
    """What tells a cell from others on the air."""
    return cell.rat, cell.arfcn, cell.pci, cell.psc, cell.bsic


def _registered_cell(rat: Rat, where: Registration, operator: Operator | None) -> HeardCell:
    area, cell_id = where.area_code, where.cell_id
    if rat is not Rat.NR:
        area = area if area is not None and area < LAC_END - 1 else None
        end = LAC_END if rat is Rat.GSM else ECI_END
        cell_id = cell_id if cell_id is not None and cell_id < end - 1 else None
    has_tac = rat in {Rat.LTE, Rat.NR}
    return HeardCell(
        role=Role.SERVING,
        rat=rat,
        mcc=None if operator is None else operator.mcc,
        mnc=None if operator is None else operator.mnc,
        cell_id=cell_id,
        tac=area if has_tac else None,
        lac=None if has_tac else area,
    )


def _is_bare(cell: HeardCell) -> bool:
    told = msgspec.structs.asdict(cell)
    return all(value is None for name, value in told.items() if name not in {"role", "rat"})


def _rat_of(operator: Operator | None, signals: Iterable[Signal]) -> Rat | None:
    """What the network's <AcT> says; else of which technology a level is measured."""
    if operator is not None and operator.act is not None:
        return RAT_BY_ACT.get(operator.act)
    order = (Rat.LTE, Rat.NR, Rat.WCDMA, Rat.GSM)
    return next((rat for signal in signals for rat in order if signal.of(rat) is not None), None)


def _merged(old: HeardCell | None, new: HeardCell) -> HeardCell:
    """The old one with what the new one adds; as it was where they are two cells."""
    if old is None:
        return new
    if old.rat is not new.rat or any(
        None not in {mine := getattr(old, name), theirs := getattr(new, name)} and mine != theirs
        for name in _IDENTITY
    ):
        return old
    return _filled(old, {name: getattr(new, name) for name in new.__struct_fields__})


def _filled(cell: C, more: dict[str, object]) -> C:
    added = {
        name: value
        for name, value in more.items()
        if value is not None and getattr(cell, name) is None
    }
    return msgspec.structs.replace(cell, **added) if added else cell


def _added(cells: tuple[HeardCell, ...], cell: HeardCell) -> tuple[HeardCell, ...]:
    if len(cells) >= MAX_CELLS:
        return cells
    return (*(known for known in cells if identity(known) != identity(cell)), cell)


def _apart(cells: Iterable[HeardCell], served: set[tuple[object, ...]]) -> tuple[Cell, ...]:
    """Lists have the cells that serve as well."""
    return tuple(cell.recorded() for cell in cells if identity(cell) not in served)


def _same_channel(one: Cell, other: Cell) -> bool:
    return (one.rat, one.arfcn, one.pci) == (other.rat, other.arfcn, other.pci)


def _same_level(one: float | None, other: float | None) -> bool:
    """Whether two answers can be about one cell."""
    return one is None or other is None or abs(one - other) <= SAME_CELL_DB


def _rssi(signal: Signal, rat: Rat) -> float | None:
    return None if rat is Rat.NR or signal.csq is None else signal.rssi_dbm


def _hottest(
    known: float | None, said: float | tuple[float, ...] | dict[str, float] | None
) -> float | None:
    """The hottest of all sensors."""
    match said:
        case dict():
            sensors = tuple(said.values())
        case tuple():
            sensors = said
        case None:
            sensors = ()
        case _:
            sensors = (said,)
    return max((*sensors, *(() if known is None else (known,))), default=None)
