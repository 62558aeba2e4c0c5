"""Telit's AT#RFSTS and AT#SERVINFO: the serving cell of every technology. No I/O.

A row of RFSTS says neither its technology nor how many columns it has; both are counted from the
card's IMSI, the first of the quoted fields behind the measurements. Columns: Telit's AT reference
guides of the 2G, 3G and 4G families, and captures.

AT^RFSTS? of Foxconn's T77W676, sold as LN940, has the row below the prefix: levels with tenths, and
the area in decimal. unverified: in two captures a number that can only be a PCI stands in place of
the cell, and the SINR with its tenths can be no index.
"""

import re
from collections.abc import Sequence

import msgspec

from drivers.modem.fields import (
    INT32_SENTINELS,
    NR_BANDWIDTH_MHZ,
    UTRA_CELL_END,
    area_code,
    arfcn,
    at,
    band,
    ecio_db,
    hexadecimal,
    integer,
    level,
    pci,
    plmn,
    psc,
    rscp_dbm,
    rssi_dbm,
    split,
    within,
)
from drivers.modem.look import MODES
from drivers.modem.readers import Asked
from drivers.modem.reading import HeardCell, Operator, Reading, Role
from drivers.modem.standard import ECI_END, LAC_END
from wire.cells import Rat

SINR_RAW_MAX = 255
"""As printed: others read it as fifths of a dB from -20 on, Telit's guides do not say."""

_FEWEST_BEFORE_IMSI = 6
_GSM_ENDS = 10
"""The IMSI's index in a GSM row, at most; one column is missing without service."""
_UTRA_BEGINS = 13
"""The IMSI's index in a UTRA row, at least; in between it is LTE's, which is 11 or 12."""
_NR_LEG = 9
"""Columns of EN-DC's second cell, behind those of the first."""
_SA_COLUMNS = range(8, 13)
_NO_CHANNEL = re.compile(r"-?[0-9]*|-+")
_FIELDS_WITH_TIMERS = 3
"""Behind the band: two timers, then the SINR."""
_CODE_OF_BANDWIDTH_END = 16
_FIELDS_OF_SERVINFO = 8
_LTE_CELL_DIGITS = 7


def serving(asked: Asked) -> Reading:
    """The serving cell and the name of its network; no cell where there is no service."""
    for value in asked.values("#RFSTS"):
        return _status(asked, value)
    for value in asked.values("^RFSTS"):
        # The row stands in the same line or in the next.
        rows = (value, *(line for line in asked.lines if ":" not in line.partition(",")[0]))
        row = next((row for row in rows if row), None)
        if row is not None:
            return _status(asked, row, in_decimal=True)
    raise asked.unreadable()


def _status(asked: Asked, value: str, *, in_decimal: bool = False) -> Reading:
    fields = split(value)
    quoted = [index for index in _quoted(value) if index >= _FEWEST_BEFORE_IMSI]
    if not quoted:
        # unverified: stand-alone NR of FN980 and FN990, from what two programs read of it.
        if len(fields) not in _SA_COLUMNS:
            raise asked.unreadable()
        return _served(asked, fields, _nr(fields), Rat.NR)
    imsi, behind = quoted[0], fields[quoted[0] + 1 :]
    names = len(quoted) > 1 and quoted[1] == imsi + 1
    name, behind = (behind[0], behind[1:]) if names else ("", behind)
    if imsi <= _GSM_ENDS:
        return _served(asked, fields, _gsm(fields, imsi), Rat.GSM, name)
    if imsi >= _UTRA_BEGINS:
        return _served(asked, fields, _utra(fields, imsi), Rat.WCDMA, name)
    row = _lte_in_decimal if in_decimal else _lte
    reading = _served(asked, fields, row(fields, imsi, behind), Rat.LTE, name)
    leg = _nr_leg(behind[2:])
    return reading if leg is None else _with_leg(reading, leg)


def _served(
    asked: Asked, fields: Sequence[str], cell: HeardCell | None, rat: Rat, name: str = ""
) -> Reading:
    if cell is None and not _NO_CHANNEL.fullmatch(at(fields, 1)):
        raise asked.unreadable()
    return Reading(
        mode="no-service" if cell is None else MODES[rat],
        cells=() if cell is None else (cell,),
        operator=Operator(name=name) if name and cell is not None else None,
    )


def _with_leg(reading: Reading, leg: HeardCell) -> Reading:
    cells = reading.cells or ()
    if not cells:
        return reading
    return Reading(mode="nr-nsa", cells=(*cells, leg), operator=reading.operator)


def _gsm(fields: Sequence[str], imsi: int) -> HeardCell | None:
    """PLMN, channel, RXLEV, LAC, RAC, power, MM, RR, NOM, cell."""
    channel = _channel(Rat.GSM, at(fields, 1))
    if channel is None:
        return None
    mcc, mnc = _network(fields[0])
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rssi_dbm=rssi_dbm(at(fields, 2)),
        lac=area_code(at(fields, 3), LAC_END),
        cell_id=hexadecimal(fields[imsi - 1], LAC_END),
    )


def _utra(fields: Sequence[str], imsi: int) -> HeardCell | None:
    """PLMN, channel, PSC, Ec/Io, RSCP, RSSI, LAC, RAC, power, DRX, MM, RRC, NOM, BLER, cell."""
    channel = _channel(Rat.WCDMA, at(fields, 1))
    if channel is None:
        return None
    mcc, mnc = _network(fields[0])
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        psc=psc(at(fields, 2)),
        ecio_db=ecio_db(at(fields, 3)),
        rscp_dbm=rscp_dbm(at(fields, 4)),
        rssi_dbm=rssi_dbm(at(fields, 5)),
        lac=area_code(at(fields, 6), LAC_END),
        cell_id=hexadecimal(fields[imsi - 1], UTRA_CELL_END),
    )


def _lte(fields: Sequence[str], imsi: int, behind: Sequence[str]) -> HeardCell | None:
    """PLMN, channel, RSRP, RSSI, RSRQ, TAC, ..., cell; behind the name SD, band and what follows.

    That is nothing, the SINR, two timers, two timers and the SINR, or the NR leg.
    """
    channel = _channel(Rat.LTE, at(fields, 1))
    if channel is None:
        return None
    mcc, mnc = _network(fields[0])
    extra = behind[2:]
    has_sinr = len(extra) in {1, _FIELDS_WITH_TIMERS}
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, at(fields, 2)),
        rssi_dbm=rssi_dbm(at(fields, 3)),
        rsrq_db=level("rsrq_db", Rat.LTE, at(fields, 4)),
        tac=area_code(at(fields, 5), LAC_END),
        cell_id=hexadecimal(fields[imsi - 1], ECI_END),
        band=band(at(behind, 1)),
        sinr_raw=within(extra[-1], 0, SINR_RAW_MAX) if has_sinr else None,
    )


def _lte_in_decimal(fields: Sequence[str], imsi: int, behind: Sequence[str]) -> HeardCell | None:
    cell = _lte(fields, imsi, behind)
    if cell is None:
        return None
    identity, sinr = at(fields, imsi - 1), at(behind, 2)
    code = pci(Rat.LTE, identity)
    return msgspec.structs.replace(
        cell,
        tac=area_code(at(fields, 5), LAC_END, base=10),
        pci=code,
        cell_id=integer(identity, 1, ECI_END - 2) if code is None else None,
        sinr_raw=None if "." in sinr else cell.sinr_raw,
        sinr_db=level("sinr_db", Rat.LTE, sinr) if "." in sinr else None,
    )


def _nr_leg(extra: Sequence[str]) -> HeardCell | None:
    """Channels down and up, RSRP, RSSI, RSRQ, band, bandwidth.

    unverified: FN980 and FN990, from what two programs read of it.
    """
    return _nr_cell(Role.NR_SECONDARY, extra[-_NR_LEG:]) if len(extra) >= _NR_LEG else None


def _nr(fields: Sequence[str]) -> HeardCell | None:
    """PLMN, then as in the leg of EN-DC."""
    return _nr_cell(Role.SERVING, fields[1:], *_network(fields[0]))


def _nr_cell(
    role: Role, fields: Sequence[str], mcc: str | None = None, mnc: str | None = None
) -> HeardCell | None:
    channel = arfcn(Rat.NR, at(fields, 0))
    if not channel:
        return None
    return HeardCell(
        role=role,
        rat=Rat.NR,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rsrp_dbm=level("rsrp_dbm", Rat.NR, at(fields, 2)),
        rsrq_db=level("rsrq_db", Rat.NR, at(fields, 4)),
        band=band(at(fields, 5)),
        bandwidth_mhz=nr_width_in_mhz(at(fields, 6)),
    )


def nr_width_in_mhz(text: str) -> float | None:
    """MHz that cannot be a code."""
    width = integer(text, _CODE_OF_BANDWIDTH_END + 1, max(NR_BANDWIDTH_MHZ))
    return float(width) if width in NR_BANDWIDTH_MHZ else None


def service(asked: Asked) -> Reading:
    """AT#SERVINFO: channel, power, name, network, then by technology; empty fields are unknown.

    GSM has BSIC, LAC, timing advance; UTRA PSC, LAC, DRX, domain, RSCP; LTE cell, TAC, DRX,
    domain, RSRP. LTE is told from UTRA by its cell, which has seven digits.
    """
    for value in asked.values():
        fields = split(value)
        if len(fields) < _FIELDS_OF_SERVINFO:
            raise asked.unreadable()
        has_level = at(fields, 8).startswith("-")
        is_lte = has_level and len(fields[4]) >= _LTE_CELL_DIGITS
        row = _lte_service if is_lte else _utra_service if has_level else _gsm_service
        cell = row(fields)
        if cell is None and not _NO_CHANNEL.fullmatch(fields[0]):
            raise asked.unreadable()
        return Reading(
            mode="no-service" if cell is None else MODES[cell.rat],
            cells=() if cell is None else (cell,),
            operator=Operator(name=fields[2]) if cell is not None and fields[2] else None,
        )
    raise asked.unreadable()


def _gsm_service(fields: Sequence[str]) -> HeardCell | None:
    channel = _channel(Rat.GSM, fields[0])
    if channel is None:
        return None
    mcc, mnc = _network(fields[3])
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.GSM,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rssi_dbm=rssi_dbm(fields[1]),
        bsic=octal_bsic(fields[4]),
        lac=area_code(fields[5], LAC_END),
    )


def _utra_service(fields: Sequence[str]) -> HeardCell | None:
    channel = _channel(Rat.WCDMA, fields[0])
    if channel is None:
        return None
    mcc, mnc = _network(fields[3])
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.WCDMA,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rssi_dbm=rssi_dbm(fields[1]),
        psc=psc(fields[4]),
        lac=area_code(fields[5], LAC_END),
        rscp_dbm=rscp_dbm(fields[8]),
    )


def _lte_service(fields: Sequence[str]) -> HeardCell | None:
    channel = _channel(Rat.LTE, fields[0])
    if channel is None:
        return None
    mcc, mnc = _network(fields[3])
    cell = hexadecimal(fields[4], ECI_END)
    # ME910 has the physical cell there, padded with zeros.
    identity = None if cell is None else pci(Rat.LTE, str(cell))
    return HeardCell(
        role=Role.SERVING,
        rat=Rat.LTE,
        mcc=mcc,
        mnc=mnc,
        arfcn=channel,
        rssi_dbm=rssi_dbm(fields[1]),
        cell_id=cell if identity is None else None,
        pci=identity,
        tac=area_code(fields[5], LAC_END),
        rsrp_dbm=level("rsrp_dbm", Rat.LTE, fields[8]),
    )


def octal_bsic(text: str) -> int | None:
    """NCC and BCC, a digit each: Telit prints `73`, which is no number from 0 to 63."""
    if len(text) > 2 or not re.fullmatch(r"[0-7]{1,2}", text):  # noqa: PLR2004  # digits
        return None
    return int(text, 8)


def _channel(rat: Rat, text: str) -> int | None:
    """Without the sentinels that LTE would have room for."""
    channel = arfcn(rat, text)
    return None if channel in INT32_SENTINELS else channel


def _network(text: str) -> tuple[str | None, str | None]:
    """`452 04`, or without the space."""
    digits = text.replace(" ", "")
    return plmn(digits[:3], digits[3:])


def _quoted(text: str) -> list[int]:
    """Indexes of the fields in quotes."""
    indexes, commas = [], 0
    for number, piece in enumerate(text.split('"')):
        if number % 2:
            indexes.append(commas)
        else:
            commas += piece.count(",")
    return indexes
