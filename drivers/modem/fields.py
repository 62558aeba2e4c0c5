"""Fields of a reply line: taken apart, and numbers that cannot be turned into None. No I/O."""

import math
from collections.abc import Iterable, Iterator, Sequence

from wire.cells import Rat

ABSENT = frozenset({"", "-", "--", "---", "NA", "N/A"})
INT32_SENTINELS = frozenset({32767, -32768, 65535, 2147483647, -2147483648, 4294967295})
"""What firmware prints where it has no value; no quantity of ours reaches these."""
BANDWIDTH_MHZ_BY_RB = {6: 1.4, 15: 3.0, 25: 5.0, 50: 10.0, 75: 15.0, 100: 20.0}
"""LTE, TS 36.101 table 5.6-1."""

MAX_NUMBER = (1 << 32) - 1
MAX_BAND = 512
UTRA_CELL_END = 1 << 28
MAX_ARFCN = {Rat.GSM: 1023, Rat.WCDMA: 16_383, Rat.LTE: 262_143, Rat.NR: 3_279_165}
MAX_PCI = {Rat.LTE: 503, Rat.NR: 1007}
LTE_BANDWIDTH_MHZ = (1.4, 3.0, 5.0, 10.0, 15.0, 20.0)
NR_BANDWIDTH_MHZ = (5, 10, 15, 20, 25, 30, 40, 50, 60, 70, 80, 90, 100, 200, 400, 35, 45)
NR_SCS_KHZ = (15, 30, 60, 120, 240)
RSCP_DBM = (-121, -24)
RSSI_DBM = (-120, -10)
ECIO_DB = (-32, 0)

# TS 36.133 and TS 38.133 reporting ranges, opened a little for firmware that rounds.
_LEVELS = {
    "rsrp_dbm": {Rat.LTE: (-145, -40), Rat.NR: (-156, -31)},
    "rsrq_db": {Rat.LTE: (-34, 3), Rat.NR: (-43, 20)},
    "sinr_db": {Rat.LTE: (-23, 40), Rat.NR: (-23, 40)},
}


def split(text: str) -> list[str]:
    """Comma-separated fields, stripped and unquoted; a comma inside quotes does not separate."""
    fields, field, quoted = [], "", False
    for char in text:
        if char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            fields.append(field.strip())
            field = ""
        else:
            field += char
    fields.append(field.strip())
    return fields


def values(lines: Iterable[str], prefix: str) -> Iterator[str]:
    """What follows `prefix` and its colon, of the lines that have it."""
    for line in lines:
        name, colon, rest = line.partition(":")
        if colon and name.strip().upper() == prefix.upper():
            yield rest.strip()


def at(fields: Sequence[str], index: int) -> str:
    """The field, or nothing where the line ended before it."""
    return fields[index] if index < len(fields) else ""


def number(text: str) -> float | None:
    """A number; None for one of the many ways to say there is none."""
    if text in ABSENT or not _is_plain(text):
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value not in INT32_SENTINELS else None


def is_digits(text: str) -> bool:
    """Whether it is decimal digits and nothing else; those of other scripts are none."""
    return text.isascii() and text.isdecimal()


def integer(text: str, low: int, high: int) -> int | None:
    """A decimal integer within the bounds, else None."""
    return _integer(text, 10, low, high)


def hexadecimal(text: str, end: int) -> int | None:
    """A hexadecimal integer below `end`, else None; all ones mean unknown."""
    return _integer(text, 16, 0, end - 2)


def level(quantity: str, rat: Rat, text: str, *, scale: int = 1) -> float | None:
    """`rsrp_dbm`, `rsrq_db` or `sinr_db` of an LTE or NR cell; None for the impossible.

    `scale` is 10 where tenths are printed.
    """
    value = number(text)
    low, high = _LEVELS[quantity][rat]
    return value / scale if value is not None and low <= value / scale <= high else None


def within(text: str, low: float, high: float) -> float | None:
    """A number within the bounds, else None."""
    value = number(text)
    return value if value is not None and low <= value <= high else None


def area_code(text: str, end: int, base: int = 16) -> int | None:
    """TAC or LAC below `end`; None for 0 and the last two, which name no area (TS 23.003)."""
    return _integer(text, base, 1, end - 3)


def plmn(mcc: str, mnc: str) -> tuple[str | None, str | None]:
    """MCC and MNC as printed, both or neither: `HeardCell.recorded` mends a lost leading zero."""
    good = is_digits(mcc) and is_digits(mnc) and len(mcc) == 3 and 1 <= len(mnc) <= 3  # noqa: PLR2004  # digits
    return (mcc, mnc) if good and mcc != "000" else (None, None)


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


def lte_width(text: str) -> float | None:
    """MHz of a code of the LTE bandwidth."""
    code = integer(text, 0, len(LTE_BANDWIDTH_MHZ) - 1)
    return None if code is None else LTE_BANDWIDTH_MHZ[code]


def lte_width_in_mhz(text: str) -> float | None:
    """MHz as printed; None for what LTE has not."""
    return within(text, 1.4, 20)


def lte_width_of_blocks(text: str) -> float | None:
    """MHz of a number of resource blocks."""
    return BANDWIDTH_MHZ_BY_RB.get(integer(text, 0, 100) or 0)


def arfcn(rat: Rat, text: str) -> int | None:
    """A channel number that can be."""
    return integer(text, 0, MAX_ARFCN[rat])


def pci(rat: Rat, text: str) -> int | None:
    """A physical cell identity that can be."""
    return integer(text, 0, MAX_PCI[rat])


def band(text: str) -> int | None:
    """A band number: bare, as in `B3` and `n78`, or as the last word of `LTE BAND 3`."""
    return integer(text.rsplit(" ", maxsplit=1)[-1].lstrip("nNbB"), 1, MAX_BAND)


def gsm_rssi_dbm(text: str) -> float | None:
    """RXLEV in dBm, or as its index 0 to 63 (TS 45.008 8.1.4)."""
    index = integer(text, 0, 63)
    return within(text, *RSSI_DBM) if index is None else index - 111.0


def rscp_dbm(text: str) -> float | None:
    """Received power of a UTRA cell."""
    return within(text, *RSCP_DBM)


def ecio_db(text: str) -> float | None:
    """Quality of a UTRA cell."""
    return within(text, *ECIO_DB)


def rssi_dbm(text: str) -> float | None:
    """Power of the whole channel."""
    return within(text, *RSSI_DBM)


def psc(text: str) -> int | None:
    """A primary scrambling code that can be."""
    return integer(text, 0, 511)


def bsic(text: str) -> int | None:
    """A base station identity code that can be."""
    return integer(text, 0, 63)


def bands_in_mask(text: str) -> tuple[int, ...] | None:
    """Bands of a hexadecimal mask whose bit n-1 is band n; None for what is no mask."""
    mask = _integer(text, 16, 0, (1 << MAX_BAND) - 1)
    if mask is None:
        return None
    return tuple(bit + 1 for bit in range(mask.bit_length()) if mask >> bit & 1)


def mask_of_bands(bands: Iterable[int]) -> int:
    """The mask whose bit n-1 is band n."""
    return sum(1 << (band - 1) for band in set(bands))


def numbers(text: str, separator: str = ",") -> tuple[int, ...]:
    """The decimal numbers of a list below 2^32, whatever else stands in it left out."""
    found = (integer(part, 0, MAX_NUMBER) for part in text.split(separator))
    return tuple(number for number in found if number is not None)


def _integer(text: str, base: int, low: int, high: int) -> int | None:
    if not _is_plain(text):
        return None
    try:
        value = int(text, base)
    except ValueError:
        return None
    return value if low <= value <= high else None


def _is_plain(text: str) -> bool:
    """Python also takes `1_000` for a number, and the digits of every script."""
    return text.isascii() and "_" not in text
