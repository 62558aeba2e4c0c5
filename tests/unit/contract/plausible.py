"""What a reading may say at all: whatever a modem printed, nothing else may come out."""

import math
from collections.abc import Iterator

from drivers.modem import fields
from drivers.modem.reading import HeardCell, Levels, Operator, Reading, Registration, Signal
from wire.cells import Rat

CELL_ID_END = {Rat.GSM: 1 << 16, Rat.WCDMA: 1 << 28, Rat.LTE: 1 << 28, Rat.NR: 1 << 36}
AREA_END = {Rat.GSM: 1 << 16, Rat.WCDMA: 1 << 16, Rat.LTE: 1 << 16, Rat.NR: 1 << 24}
LEVEL_RANGES = {
    "rssi_dbm": fields.RSSI_DBM,
    "rscp_dbm": fields.RSCP_DBM,
    "ecio_db": fields.ECIO_DB,
}
INTERVAL_DB = 1.0
"""An index, as of AT+CESQ, gives the lower bound of its interval: the lowest is just outside."""
HAS_RSRP = frozenset({Rat.LTE, Rat.NR})


def impossible(reading: Reading) -> list[str]:
    """Every value of the reading that cannot be, as `what=value`."""
    return [*_of_reading(reading)]


def _of_reading(reading: Reading) -> Iterator[str]:
    for cell in reading.cells or ():
        yield from _of_cell(cell)
    if reading.registration is not None:
        yield from _of_registration(reading.registration)
    if reading.signal is not None:
        yield from _of_signal(reading.signal)
    if reading.operator is not None:
        yield from _of_operator(reading.operator)
    for found in reading.operators or ():
        if found.plmn is not None and not _digits(found.plmn, 5, 6):
            yield f"plmn={found.plmn!r}"


def _of_cell(cell: HeardCell) -> Iterator[str]:
    yield from _outside("arfcn", cell.arfcn, 0, fields.MAX_ARFCN[cell.rat])
    yield from _outside("pci", cell.pci, 0, fields.MAX_PCI.get(cell.rat, -1))
    yield from _outside("psc", cell.psc, 0, 511)
    yield from _outside("bsic", cell.bsic, 0, 63)
    yield from _outside("cell_id", cell.cell_id, 0, CELL_ID_END[cell.rat] - 1)
    yield from _outside("tac", cell.tac, 0, AREA_END[cell.rat] - 1)
    yield from _outside("lac", cell.lac, 0, AREA_END[cell.rat] - 1)
    yield from _outside("band", cell.band, 1, 1900 if cell.rat is Rat.GSM else 512)
    yield from _outside("bandwidth_mhz", cell.bandwidth_mhz, 0, 400)
    yield from _of_levels(cell, cell.rat)
    for name in ("rsrp_rx_dbm", "rssi_rx_dbm"):
        for value in getattr(cell, name) or ():
            yield from _outside_level(name.replace("_rx", ""), cell.rat, value)
    if (cell.mcc is None) != (cell.mnc is None):
        yield f"mcc={cell.mcc!r} and mnc={cell.mnc!r}"
    yield from _of_network(cell.mcc, cell.mnc)


def _of_registration(found: Registration) -> Iterator[str]:
    yield from _outside("stat", found.stat, 0, 99)
    yield from _outside("tac", found.tac, 0, (1 << 24) - 1)
    yield from _outside("lac", found.lac, 0, (1 << 24) - 1)
    yield from _outside("cell_id", found.cell_id, 0, (1 << 36) - 1)


def _of_signal(signal: Signal) -> Iterator[str]:
    yield from _outside("csq", signal.csq, 0, 199)
    bare = Levels(
        rssi_dbm=signal.rssi_dbm,
        rsrp_dbm=signal.rsrp_dbm,
        rsrq_db=signal.rsrq_db,
        sinr_db=signal.sinr_db,
    )
    yield from _of_levels(bare, signal.rat or Rat.NR)
    for value in signal.rsrp_rx_dbm or ():
        yield from _outside_level("rsrp_dbm", signal.rat or Rat.NR, value)
    for rat in Rat:
        levels = getattr(signal, rat.value)
        if levels is not None:
            yield from _of_levels(levels, rat)


def _of_operator(operator: Operator) -> Iterator[str]:
    yield from _of_network(operator.mcc, operator.mnc)
    if operator.plmn is not None and not _digits(operator.plmn, 5, 6):
        yield f"plmn={operator.plmn!r}"


def _of_network(mcc: str | None, mnc: str | None) -> Iterator[str]:
    if mcc is not None and not _digits(mcc, 3, 3):
        yield f"mcc={mcc!r}"
    if mnc is not None and not _digits(mnc, 1, 3):
        yield f"mnc={mnc!r}"


def _of_levels(levels: HeardCell | Levels, rat: Rat) -> Iterator[str]:
    for name in ("rsrp_dbm", "rsrq_db", "sinr_db", *LEVEL_RANGES):
        value = getattr(levels, name)
        if value is not None:
            yield from _outside_level(name, rat, value)
    if levels.sinr_raw is not None and not math.isfinite(levels.sinr_raw):
        yield f"sinr_raw={levels.sinr_raw}"


def _outside_level(name: str, rat: Rat, value: float) -> Iterator[str]:
    if name in LEVEL_RANGES:
        low, high = LEVEL_RANGES[name]
        yield from _outside(name, value, low - INTERVAL_DB, high)
    elif rat not in HAS_RSRP or not _is_level(name, rat, value):
        yield f"{name}={value} of {rat}"


def _is_level(name: str, rat: Rat, value: float) -> bool:
    return any(
        fields.level(name, rat, repr(number)) is not None for number in (value, value + INTERVAL_DB)
    )


def _outside(name: str, value: float | None, low: float, high: float) -> Iterator[str]:
    if value is not None and not low <= value <= high:
        yield f"{name}={value}"


def _digits(text: str, low: int, high: int) -> bool:
    return text.isascii() and text.isdecimal() and low <= len(text) <= high
