"""Fields of a reply line: taken apart, and numbers that cannot be turned into None."""

from collections.abc import Iterable, Iterator, Sequence

from wire.cells import Rat

ABSENT = frozenset({"", "-", "--", "---", "NA", "N/A"})
INT32_SENTINELS = frozenset({32767, -32768, 65535, 2147483647, -2147483648, 4294967295})
"""What firmware prints where it has no value; no quantity of ours reaches these."""
BANDWIDTH_MHZ_BY_RB = {6: 1.4, 15: 3.0, 25: 5.0, 50: 10.0, 75: 15.0, 100: 20.0}
"""LTE, TS 36.101 table 5.6-1."""

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
    if text in ABSENT:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if value == value and value not in INT32_SENTINELS else None  # noqa: PLR0124  # NaN


def integer(text: str, low: int, high: int) -> int | None:
    """A decimal integer within the bounds, else None."""
    return _integer(text, 10, low, high)


def hexadecimal(text: str, end: int) -> int | None:
    """A hexadecimal integer below `end`, else None; all ones mean unknown."""
    return _integer(text, 16, 0, end - 2)


def level(quantity: str, rat: Rat, text: str) -> float | None:
    """`rsrp_dbm`, `rsrq_db` or `sinr_db` of an LTE or NR cell; None for the impossible."""
    low, high = _LEVELS[quantity][rat]
    return within(text, low, high)


def within(text: str, low: float, high: float) -> float | None:
    """A number within the bounds, else None."""
    value = number(text)
    return value if value is not None and low <= value <= high else None


def plmn(mcc: str, mnc: str) -> tuple[str | None, str | None]:
    """MCC and MNC as broadcast, both or neither; a one-digit MNC has lost its leading zero."""
    mnc = mnc.zfill(2) if mnc else mnc
    good = mcc.isdecimal() and mnc.isdecimal() and len(mcc) == 3 and len(mnc) in {2, 3}  # noqa: PLR2004  # digits
    return (mcc, mnc) if good and mcc != "000" else (None, None)


def _integer(text: str, base: int, low: int, high: int) -> int | None:
    try:
        value = int(text, base)
    except ValueError:
        return None
    return value if low <= value <= high else None
