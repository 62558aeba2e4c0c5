"""Any modem that keeps to 3GPP TS 27.007: no channel and no PCI, but level, cell and network."""

import re
from collections.abc import Mapping

import msgspec

from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.family import Family, Lever
from drivers.modem.standard import (
    ECI_END,
    LAC_END,
    Identification,
    Operator,
    Quality,
    Registration,
)
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.messages import RatMode

_WS46 = Lever("ws46", "AT+WS46?", "AT+WS46={}", re.compile(r"^(?:\+WS46:)?\s*(\d+)\s*$"))
_ONE_TECHNOLOGY = {
    RatMode.G2: 12,
    RatMode.G3: 22,
    RatMode.G4: 28,
    RatMode.G5_SA: 36,
    RatMode.G5: 37,
}
_WIDEST_FIRST = (38, 25, 31, 29, 30)
"""Values that leave the choice to the modem (TS 27.007 5.9)."""
_MODES = {Rat.GSM: "gsm", Rat.WCDMA: "wcdma", Rat.LTE: "lte", Rat.NR: "nr-sa"}


class Generic(Family):
    """A modem of which only the standard is known."""

    name = "generic"
    last_resort = True

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Ask for nothing yet."""
        super().__init__(identification, dialogue)
        self._locks: dict[RatMode, dict[str, str]] | None = None

    @classmethod
    def claims(cls, identification: Identification) -> bool:
        """Takes whatever answers AT."""
        del identification
        return True

    def levers(self) -> tuple[Lever, ...]:
        """AT+WS46, where the modem says which values it takes."""
        return (_WS46,) if self.locks() else ()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """By the values AT+WS46=? lists; asked once."""
        if self._locks is None:
            reply = self.dialogue.ask("AT+WS46=?")
            listed = standard.numbers_in_ranges(_values("".join(reply.lines))) if reply.ok else ()
            chosen = {mode: value for mode, value in _ONE_TECHNOLOGY.items() if value in listed}
            widest = next((value for value in _WIDEST_FIRST if value in listed), None)
            if widest is not None:
                chosen[RatMode.AUTO] = widest
            self._locks = {mode: {_WS46.name: str(value)} for mode, value in chosen.items()}
        return self._locks

    def read_radio(self, *, neighbours: bool) -> radio.Payload:
        """One look; the standard has no neighbours to read."""
        del neighbours
        registrations = self.registrations(None)
        where = next((found for found in registrations if found.registered), None)
        operator = self.registered_operator(registrations, where)
        quality = self.dialogue.read("AT+CESQ", standard.quality)
        rssi_dbm = None
        if quality is None:
            rssi_dbm = self.dialogue.read("AT+CSQ", standard.rssi_dbm)
        serving = nr = None
        if where is not None:
            rat = where.rat or _rat(operator, quality)
            serving = None if rat is None else _cell(rat, where, quality, rssi_dbm)
            serving = _of_network(serving, operator)
            nr = _leg(quality) if rat is Rat.LTE else None
        return radio.Payload(
            mode=_mode(serving, nr),
            registration=standard.best(registrations),
            plmn=None if operator is None else operator.plmn,
            serving=serving,
            nr=nr,
            unread=self.dialogue.take_unread(),
        )


def _mode(serving: Cell | None, nr: Cell | None) -> str | None:
    if serving is None:
        return None
    return "nr-nsa" if nr is not None else _MODES[serving.rat]


def _rat(operator: Operator | None, quality: Quality | None) -> Rat | None:
    """What the network's <AcT> says; else of which technology a level is measured."""
    if operator is not None and operator.act is not None:
        return standard.RAT_BY_ACT.get(operator.act)
    if quality is None:
        return None
    measured = {
        Rat.LTE: quality.lte_rsrp_dbm,
        Rat.NR: quality.nr_rsrp_dbm,
        Rat.WCDMA: quality.rscp_dbm,
        Rat.GSM: quality.gsm_rssi_dbm,
    }
    return next((rat for rat, level in measured.items() if level is not None), None)


def _cell(rat: Rat, where: Registration, quality: Quality | None, rssi_dbm: float | None) -> Cell:
    area, cell_id = where.area_code, where.cell_id
    levels = quality or Quality()
    match rat:
        case Rat.NR:
            return Cell(
                rat=rat,
                tac=area,
                cell_id=cell_id,
                rsrp_dbm=levels.nr_rsrp_dbm,
                rsrq_db=levels.nr_rsrq_db,
                sinr_db=levels.nr_sinr_db,
            )
        case Rat.LTE:
            return Cell(
                rat=rat,
                tac=_below(area, LAC_END),
                cell_id=_below(cell_id, ECI_END),
                rsrp_dbm=levels.lte_rsrp_dbm,
                rsrq_db=levels.lte_rsrq_db,
                rssi_dbm=rssi_dbm,
            )
        case Rat.WCDMA:
            return Cell(
                rat=rat,
                lac=_below(area, LAC_END),
                cell_id=_below(cell_id, ECI_END),
                rscp_dbm=levels.rscp_dbm,
                ecio_db=levels.ecio_db,
                rssi_dbm=rssi_dbm,
            )
        case Rat.GSM:
            return Cell(
                rat=rat,
                lac=_below(area, LAC_END),
                cell_id=_below(cell_id, LAC_END),
                rssi_dbm=levels.gsm_rssi_dbm if rssi_dbm is None else rssi_dbm,
            )


def _of_network(cell: Cell | None, operator: Operator | None) -> Cell | None:
    if cell is None or operator is None or operator.plmn is None:
        return cell
    return msgspec.structs.replace(cell, mcc=operator.plmn[:3], mnc=operator.plmn[3:])


def _leg(quality: Quality | None) -> Cell | None:
    """The NR leg of EN-DC, where AT+CESQ measures one beside LTE."""
    if quality is None or quality.nr_rsrp_dbm is None:
        return None
    return Cell(
        rat=Rat.NR,
        rsrp_dbm=quality.nr_rsrp_dbm,
        rsrq_db=quality.nr_rsrq_db,
        sinr_db=quality.nr_sinr_db,
    )


def _below(value: int | None, end: int) -> int | None:
    return value if value is not None and value < end - 1 else None


def _values(text: str) -> str:
    """The answer to AT+WS46=? without its prefix, whose digits are no value."""
    return re.sub(r"\+WS46:", "", text, flags=re.IGNORECASE)
