"""Quectel's AT+QENG: serving cell and neighbours of every technology. No I/O.

The fields are those of the QuecCell and network application notes; where chipsets differ, a
`Dialect` says how.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from drivers.modem.errors import UnreadableError
from drivers.modem.fields import (
    at,
    hexadecimal,
    integer,
    level,
    number,
    plmn,
    split,
    values,
    within,
)
from drivers.modem.standard import ECI_END, LAC_END, NCI_END, TAC_5G_END
from wire.cells import Cell, Rat

UTRA_CELL_END = 1 << 28
MAX_ARFCN = {Rat.GSM: 1023, Rat.WCDMA: 16_383, Rat.LTE: 262_143, Rat.NR: 3_279_165}
MAX_PCI = {Rat.LTE: 503, Rat.NR: 1007}
LTE_BANDWIDTH_MHZ = (1.4, 3.0, 5.0, 10.0, 15.0, 20.0)
NR_BANDWIDTH_MHZ = (5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100, 200, 400, 35, 45)
NR_SCS_KHZ = (15, 30, 60, 120, 240)
_RSCP = (-121, -24)
_RSSI = (-120, -10)
_ECIO = (-32, 0)

_RAT_OF_LABEL = {
    "GSM": Rat.GSM,
    "2G": Rat.GSM,
    "WCDMA": Rat.WCDMA,
    "3G": Rat.WCDMA,
    "LTE": Rat.LTE,
    "CAT-M": Rat.LTE,
    "CAT-NB": Rat.LTE,
    "NR5G-NSA": Rat.NR,
    "NR5G-SA": Rat.NR,
    "NR": Rat.NR,
}
_MODE_OF_RAT = {Rat.GSM: "gsm", Rat.WCDMA: "wcdma", Rat.LTE: "lte", Rat.NR: "nr-sa"}


@dataclass(frozen=True)
class Dialect:
    """What differs between chipsets behind the same command."""

    lte_sinr_is_db: bool = False
    """Otherwise the scale of SINR in the LTE row is not certain, and it is kept as printed."""
    unisoc: bool = False
    """Bandwidth in MHz instead of a code, and other fields at the end of the NR row."""


@dataclass(frozen=True)
class Serving:
    """The answer to AT+QENG="servingcell"."""

    rrc_state: str | None = None
    serving: Cell | None = None
    nr: Cell | None = None
    unread: tuple[str, ...] = ()

    @property
    def mode(self) -> str | None:
        """As in a radio record; None without a serving cell."""
        if self.serving is None:
            return None
        return "nr-nsa" if self.nr is not None else _MODE_OF_RAT[self.serving.rat]


class Cells(NamedTuple):
    """Cells of a list, and the rows that are none we know."""

    cells: tuple[Cell, ...]
    unread: tuple[str, ...]


def serving(lines: Iterable[str], dialect: Dialect) -> Serving:
    """The serving cell; EN-DC comes in three rows, no service as a state without a cell."""
    lines = tuple(lines)
    state: str | None = None
    cell: Cell | None = None
    nr: Cell | None = None
    unread = []
    for value in values(lines, "+QENG"):
        fields = split(value)
        if fields[0].lower() == "servingcell":
            state = at(fields, 1).lower() or None
            fields = fields[2:]
        if not any(fields[1:]):
            # The state alone, or the label of an EN-DC leg that is not there.
            continue
        found = _serving_row(fields, dialect)
        if found is None:
            unread.append(value)
        elif fields[0].upper() == "NR5G-NSA":
            nr = found if found.rsrp_dbm is not None or found.sinr_db is not None else None
        else:
            cell = found
    if state is None:
        raise UnreadableError("\n".join(lines))
    return Serving(rrc_state=state, serving=cell, nr=nr, unread=tuple(unread))


def neighbours(lines: Iterable[str], camped_on: Rat | None) -> Cells:
    """Measured cells of AT+QENG="neighbourcell", which lists the serving cell as well.

    The fields of a row depend on the technology the modem is camped on. Rows without a cell
    identity are frequencies the modem was told to look at, and are left out.
    """
    cells, unread = [], []
    rows = [(value, split(value)) for value in values(lines, "+QENG")]
    if any(fields[0].lower().startswith("neighbourcell int") for _, fields in rows):
        # Intra and inter frequency rows come only while camped on LTE.
        camped_on = Rat.LTE
    for value, fields in rows:
        if fields[0].lower() == "3gcomm":
            row = _ROWS_3GCOMM.get((at(fields, 1).lower(), at(fields, 2).upper()))
            found = row(fields[3:]) if row else None
        else:
            row = _neighbour_row(fields, camped_on)
            found = row(fields[2:]) if row else None
        if row is None:
            unread.append(value)
        elif found is not None:
            cells.append(found)
    return Cells(tuple(cells), tuple(unread))


def nr_bandwidth_mhz(text: str) -> float | None:
    """A code of the NR bandwidth, or the MHz some firmware prints instead."""
    code = integer(text, 0, 400)
    if code is None:
        return None
    return float(NR_BANDWIDTH_MHZ[code] if code < len(NR_BANDWIDTH_MHZ) else code)


def nr_scs_khz(text: str) -> int | None:
    """A code of the subcarrier spacing."""
    code = integer(text, 0, len(NR_SCS_KHZ) - 1)
    return None if code is None else NR_SCS_KHZ[code]


def arfcn(rat: Rat, text: str) -> int | None:
    """A channel number that can be."""
    return integer(text, 0, MAX_ARFCN[rat])


def pci(rat: Rat, text: str) -> int | None:
    """A physical cell identity that can be."""
    return integer(text, 0, MAX_PCI[rat])


def band(text: str) -> int | None:
    """A band number, bare or as the last word of `LTE BAND 3` or `NR N78`."""
    return integer(text.rsplit(" ", maxsplit=1)[-1].lstrip("nN"), 1, 512)


def gsm_rssi_dbm(text: str) -> float | None:
    """RXLEV in dBm, or as its index 0 to 63 (TS 45.008 8.1.4)."""
    index = integer(text, 0, 63)
    return within(text, *_RSSI) if index is None else index - 111.0


def rscp_dbm(text: str) -> float | None:
    """Received power of a UTRA cell."""
    return within(text, *_RSCP)


def ecio_db(text: str) -> float | None:
    """Quality of a UTRA cell."""
    return within(text, *_ECIO)


def rssi_dbm(text: str) -> float | None:
    """Power of the whole channel."""
    return within(text, *_RSSI)


def _serving_row(fields: Sequence[str], dialect: Dialect) -> Cell | None:
    match fields[0].upper(), fields[1:]:
        case "LTE" | "CAT-M" | "CAT-NB", [str() as duplex, *rest] if duplex in {"FDD", "TDD"}:
            return _lte(duplex, rest, dialect)
        case "NR5G-SA", [str() as duplex, *rest]:
            return _nr_sa(duplex, rest, dialect)
        case "NR5G-NSA", rest:
            return _nr_nsa(rest)
        case "WCDMA", rest:
            return _wcdma(rest)
        case "GSM", rest:
            return _gsm(rest)
        case _:
            return None


def _lte(duplex: str, fields: Sequence[str], dialect: Dialect) -> Cell | None:
    channel, identity = arfcn(Rat.LTE, at(fields, 4)), pci(Rat.LTE, at(fields, 3))
    if channel is None or identity is None:
        return None
    mcc, mnc = plmn(fields[0], at(fields, 1))
    code = integer(at(fields, 7), 0, len(LTE_BANDWIDTH_MHZ) - 1)
    coded = None if code is None else LTE_BANDWIDTH_MHZ[code]
    sinr = at(fields, 12)
    return Cell(
        rat=Rat.LTE,
        duplex=duplex.lower(),
        mcc=mcc,
        mnc=mnc,
        cell_id=hexadecimal(at(fields, 2), ECI_END),
        pci=identity,
        arfcn=channel,
        band=band(at(fields, 5)),
        bandwidth_mhz=within(at(fields, 7), 1.4, 20) if dialect.unisoc else coded,
        tac=hexadecimal(at(fields, 8), LAC_END),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 9)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 10)),
        rssi_dbm=rssi_dbm(at(fields, 11)),
        sinr_db=level("sinr_db", Rat.LTE, sinr) if dialect.lte_sinr_is_db else None,
        sinr_raw=None if dialect.lte_sinr_is_db else number(sinr),
    )


def _nr_sa(duplex: str, fields: Sequence[str], dialect: Dialect) -> Cell | None:
    channel, identity = arfcn(Rat.NR, at(fields, 5)), pci(Rat.NR, at(fields, 3))
    if channel is None or identity is None:
        return None
    mcc, mnc = plmn(fields[0], at(fields, 1))
    bandwidth = at(fields, 7)
    return Cell(
        rat=Rat.NR,
        duplex=duplex.lower() if duplex in {"FDD", "TDD"} else None,
        mcc=mcc,
        mnc=mnc,
        cell_id=hexadecimal(at(fields, 2), NCI_END),
        pci=identity,
        tac=hexadecimal(at(fields, 4), TAC_5G_END),
        arfcn=channel,
        band=band(at(fields, 6)),
        bandwidth_mhz=within(bandwidth, 5, 400) if dialect.unisoc else nr_bandwidth_mhz(bandwidth),
        scs_khz=None if dialect.unisoc else nr_scs_khz(at(fields, 11)),
        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 8)),
        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 9)),
        sinr_db=level("sinr_db", Rat.NR, at(fields, 10)),
    )


def _nr_nsa(fields: Sequence[str]) -> Cell | None:
    identity = pci(Rat.NR, at(fields, 2))
    if identity is None:
        return None
    mcc, mnc = plmn(fields[0], at(fields, 1))
    return Cell(
        rat=Rat.NR,
        mcc=mcc,
        mnc=mnc,
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 3)),
        sinr_db=level("sinr_db", Rat.NR, at(fields, 4)),
        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 5)),
        arfcn=arfcn(Rat.NR, at(fields, 6)),
        band=band(at(fields, 7)),
        bandwidth_mhz=nr_bandwidth_mhz(at(fields, 8)),
        scs_khz=nr_scs_khz(at(fields, 9)),
    )


def _wcdma(fields: Sequence[str]) -> Cell | None:
    channel = arfcn(Rat.WCDMA, at(fields, 4))
    if channel is None:
        return None
    mcc, mnc = plmn(fields[0], at(fields, 1))
    return Cell(
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        lac=hexadecimal(at(fields, 2), LAC_END),
        cell_id=hexadecimal(at(fields, 3), UTRA_CELL_END),
        arfcn=channel,
        psc=_psc(at(fields, 5)),
        rscp_dbm=rscp_dbm(at(fields, 7)),
        ecio_db=ecio_db(at(fields, 8)),
    )


def _gsm(fields: Sequence[str]) -> Cell | None:
    return _gsm_cell(fields, rssi=at(fields, 7))


def _gsm_neighbour_of_gsm(fields: Sequence[str]) -> Cell | None:
    return _gsm_cell(fields, rssi=at(fields, 6))


def _gsm_cell(fields: Sequence[str], *, rssi: str) -> Cell | None:
    channel = arfcn(Rat.GSM, at(fields, 5))
    if channel is None:
        return None
    mcc, mnc = plmn(fields[0], at(fields, 1))
    return Cell(
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        lac=hexadecimal(at(fields, 2), LAC_END),
        cell_id=hexadecimal(at(fields, 3), LAC_END),
        bsic=_bsic(at(fields, 4)),
        arfcn=channel,
        rssi_dbm=gsm_rssi_dbm(rssi),
    )


_Row = Callable[[Sequence[str]], Cell | None]


def _neighbour_row(fields: Sequence[str], camped_on: Rat | None) -> _Row | None:
    label = fields[0].lower()
    if not label.startswith("neighbourcell"):
        return None
    rat = _RAT_OF_LABEL.get(at(fields, 1).upper())
    if rat is Rat.LTE:
        # "neighbourcell intra" and "inter" while camped on LTE, plain otherwise: other order.
        return _lte_neighbour_of_lte if " " in label else _lte_neighbour
    if rat is Rat.NR:
        return _nr_neighbour
    if rat is Rat.WCDMA and camped_on is not None:
        return _WCDMA_ROWS.get(camped_on)
    if rat is Rat.GSM and camped_on is not None:
        return _GSM_ROWS.get(camped_on)
    return None


def _lte_neighbour_of_lte(fields: Sequence[str]) -> Cell | None:
    return _lte_measured(fields, rsrq=at(fields, 2), rsrp=at(fields, 3), rssi=at(fields, 4))


def _lte_neighbour(fields: Sequence[str]) -> Cell | None:
    return _lte_measured(fields, rsrp=at(fields, 2), rsrq=at(fields, 3), rssi="")


def _lte_measured(fields: Sequence[str], *, rsrp: str, rsrq: str, rssi: str) -> Cell | None:
    identity = pci(Rat.LTE, at(fields, 1))
    if identity is None:
        return None
    return Cell(
        rat=Rat.LTE,
        arfcn=arfcn(Rat.LTE, fields[0]),
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, rsrp),
        rsrq_db=level("rsrq_db", Rat.LTE, rsrq),
        rssi_dbm=rssi_dbm(rssi),
    )


def _nr_neighbour(fields: Sequence[str]) -> Cell | None:
    identity = pci(Rat.NR, at(fields, 1))
    if identity is None:
        return None
    return Cell(
        rat=Rat.NR,
        arfcn=arfcn(Rat.NR, fields[0]),
        pci=identity,
        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 2)),
        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 3)),
    )


def _wcdma_neighbour(psc_at: int) -> _Row:
    def row(fields: Sequence[str]) -> Cell | None:
        psc = _psc(at(fields, psc_at))
        if psc is None:
            return None
        power, scale = _whole_or_tenths(at(fields, psc_at + 1), *_RSCP)
        quality = number(at(fields, psc_at + 2))
        return Cell(
            rat=Rat.WCDMA,
            arfcn=arfcn(Rat.WCDMA, fields[0]),
            psc=psc,
            rscp_dbm=power,
            ecio_db=None if quality is None else within(str(quality / scale), *_ECIO),
        )

    return row


def _gsm_neighbour_of_lte(fields: Sequence[str]) -> Cell | None:
    power, _ = _whole_or_tenths(at(fields, 7), *_RSSI)
    if power is None:
        return None
    return Cell(
        rat=Rat.GSM, arfcn=arfcn(Rat.GSM, fields[0]), bsic=_bsic(at(fields, 6)), rssi_dbm=power
    )


def _utra_of_3gcomm(fields: Sequence[str]) -> Cell | None:
    cell = _wcdma([*fields[:6], "", at(fields, 7), ""])
    return None if cell is None else msgspec.structs.replace(cell, rssi_dbm=rssi_dbm(at(fields, 6)))


def _gsm_of_3gcomm(fields: Sequence[str]) -> Cell | None:
    return Cell(
        rat=Rat.GSM,
        arfcn=arfcn(Rat.GSM, at(fields, 0)),
        bsic=_bsic(at(fields, 1)),
        rssi_dbm=gsm_rssi_dbm(at(fields, 2)),
    )


# Where the scrambling code stands depends on what the modem is camped on.
_WCDMA_ROWS: dict[Rat, _Row] = {
    Rat.LTE: _wcdma_neighbour(4),
    Rat.WCDMA: _wcdma_neighbour(2),
    Rat.GSM: _wcdma_neighbour(1),
}
_GSM_ROWS: dict[Rat, _Row] = {Rat.GSM: _gsm_neighbour_of_gsm, Rat.LTE: _gsm_neighbour_of_lte}
_ROWS_3GCOMM: dict[tuple[str, str], _Row] = {
    ("servingcell", "3G"): lambda fields: _utra_of_3gcomm(fields[1:]),
    ("neighbourcell", "3G"): _utra_of_3gcomm,
    ("neighbourcell", "2G"): _gsm_of_3gcomm,
}


def _psc(text: str) -> int | None:
    return integer(text, 0, 511)


def _bsic(text: str) -> int | None:
    return integer(text, 0, 63)


def _whole_or_tenths(text: str, low: float, high: float) -> tuple[float | None, int]:
    """A level printed in whole units or in tenths, and which of the two (1 or 10)."""
    value = number(text)
    for scale in (1, 10):
        if value is not None and low <= value / scale <= high:
            return value / scale, scale
    return None, 1
