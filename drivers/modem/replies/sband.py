"""Cinterion's AT^SCFG="Radio/Band...": bands in one number, or in masks by generation. No I/O."""

import re
from collections.abc import Iterable, Sequence

from drivers.modem.fields import at, bands_in_mask, integer, mask_of_bands, split
from drivers.modem.readers import Asked
from drivers.modem.reading import Bands, Reading

MASK_BITS = 32
_SINGLE = {
    "gsm_mhz": ((0, 900), (1, 1800), (2, 850), (3, 1900)),
    "wcdma": ((4, 1), (5, 2), (6, 5), (7, 8), (8, 6), (9, 4), (10, 19), (12, 3)),
    "lte": (
        *((13, 1), (14, 2), (15, 3), (16, 4), (17, 5), (18, 7)),
        *((19, 8), (20, 17), (21, 20), (22, 13), (24, 19)),
    ),
}
"""Bits and bands of the one number that the PHS8 and PLS8 generation has for all."""
_GSM_OF_PREFIXED = {0x04: 900, 0x10: 1800, 0x20: 1900, 0x40: 850}
"""Of modems that print `0x` before their masks."""
_GSM_OF_PLAIN = {0x01: 900, 0x02: 1800, 0x04: 850, 0x08: 1900}
_UCS2 = re.compile(r"(?:00[2-7][0-9A-F]){3,20}", re.IGNORECASE | re.ASCII)
_MASK = re.compile(r"(0x)?([0-9A-F]{1,16})", re.IGNORECASE | re.ASCII)


def bands(asked: Asked) -> Reading:
    """The enabled bands, whatever else of the configuration is listed beside them.

    AT^SCFG=? has ranges instead, `("00000001"-"000000df")`, whose end is all that there are.
    """
    found: dict[str, tuple[int, ...]] = {}
    for value in asked.values():
        name, *fields = (_text(field) for field in split(value))
        match name.upper():
            case "RADIO/BAND":
                found |= _single(at(fields, 0))
            case "RADIO/BAND/2G":
                found |= _gsm(at(fields, 0))
            case "RADIO/BAND/3G":
                found |= _named("wcdma", fields[:1])
            case "RADIO/BAND/4G":
                found |= _named("lte", fields[:2])
    if not found:
        raise asked.unreadable()
    return Reading(bands=Bands(**found))


def masks(bands: Iterable[int], like: str) -> str | None:
    """A setting of these bands, spelled like the present one; None for a band it has no bit for."""
    wanted = set(bands)
    words = [part.strip().strip('"') for part in like.split(",")]
    prefixed = words[0].lower().startswith("0x")
    if any(not 1 <= band <= MASK_BITS * len(words) for band in wanted):
        return None
    mask = mask_of_bands(wanted)
    spelled = []
    for index in range(len(words)):
        part = mask >> index * MASK_BITS & (1 << MASK_BITS) - 1
        spelled.append(f'"0x{part:08X}"' if prefixed else f'"{part:08x}"')
    return ",".join(spelled)


def _single(text: str) -> dict[str, tuple[int, ...]]:
    mask = integer(text, 0, (1 << MASK_BITS) - 1)
    if mask is None:
        return {}
    found = {
        name: tuple(sorted(band for bit, band in table if mask >> bit & 1))
        for name, table in _SINGLE.items()
    }
    return {name: listed for name, listed in found.items() if listed}


def _gsm(text: str) -> dict[str, tuple[int, ...]]:
    mask = _MASK.fullmatch(text)
    if mask is None:
        return {}
    known = _GSM_OF_PREFIXED if mask[1] else _GSM_OF_PLAIN
    mhz = (frequency for bit, frequency in known.items() if int(mask[2], 16) & bit)
    return {"gsm_mhz": tuple(sorted(mhz))}


def _named(name: str, fields: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """A mask, and where there is a second one it goes on behind it."""
    found: list[int] = []
    for index, text in enumerate(fields):
        mask = _MASK.fullmatch(text)
        listed = None if mask is None else bands_in_mask(mask[2])
        if listed is None:
            # What stands behind the masks is something else.
            fields = fields[:index]
            break
        found += (band + index * MASK_BITS for band in listed)
    return {name: tuple(found)} if fields else {}


def _text(field: str) -> str:
    """A value, or the end of a range; behind AT+CSCS="UCS2" a character comes as four digits."""
    field = field.strip("()").rpartition("-")[2]
    if not _UCS2.fullmatch(field):
        return field
    return bytes.fromhex(field).decode("utf-16-be")
