"""Telit's AT#BND: codes for the bands of 2G and 3G, masks for those of LTE and NR. No I/O.

`gsm[,umts[,lte[,extended]]]`, `gsm,umts,lte,tdscdma,extended`, or with NR
`gsm,umts,lte,extended,nsa,nsa extended,sa,sa extended`, where an extended mask begins at band 65.
The masks are decimal or hexadecimal, by model.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from drivers.modem.fields import at, integer, mask_of_bands, split
from drivers.modem.readers import Asked
from drivers.modem.reading import Bands, Reading

FIELDS_OF_LM960 = 4
FIELDS_WITH_TDSCDMA = 5
FIELDS_WITH_NR = 8
FIRST_EXTENDED = 65
LTE = 2
"""Where its mask stands."""
_MASK_END = 1 << 64

_HEXADECIMAL = re.compile(r"L[MN]9|F[NE]9|LE910C\d-EUX|LE910Q", re.IGNORECASE)
_WITHOUT_GSM = re.compile(r"L[MN]9|F[NE]9", re.IGNORECASE)
_LONGEST_DECIMAL = 20
_DIGITS = re.compile(r"[0-9A-F]{1,20}", re.IGNORECASE)

_GSM_MHZ = (
    (900, 1800),
    (900, 1900),
    (850, 1800),
    (850, 1900),
    (900, 1800, 1900),
    (850, 900, 1800, 1900),
)
_UMTS = (
    (1,),
    (2,),
    (5,),
    (1, 2, 5),
    (2, 5),
    (8,),
    (1, 8),
    (4,),
    (1, 5),
    (1, 5, 8),
    (2, 4, 5),
    (1, 2, 4, 5, 8),
)
"""Codes from 12 on mean one thing on LM940 and another on LE910, and are left out."""


class _Masks(NamedTuple):
    """Where the masks of a technology stand, the extended one second."""

    first: int
    extended: int


_NR = {"nr_nsa": _Masks(4, 5), "nr_sa": _Masks(6, 7)}


def bands(asked: Asked) -> Reading:
    """The enabled bands.

    Code 0 of 2G or 3G is a band on modems of that generation, and nothing on LTE ones without it:
    there it is not told.
    """
    for value in asked.values():
        fields = split(value)
        code = integer(fields[0], 0, 99)
        if code is None and (fields[0] or len(fields) <= LTE):
            break
        umts = integer(at(fields, 1), 0, 99)
        old = len(fields) <= LTE
        has_gsm = not _WITHOUT_GSM.match(asked.model) and (old or code)
        masks = _masks(asked.model, fields)
        return Reading(
            bands=Bands(
                gsm_mhz=_of_code(_GSM_MHZ, code) if code is not None and has_gsm else None,
                wcdma=_of_code(_UMTS, umts) if umts is not None and (old or umts) else None,
                **masks,
            )
        )
    raise asked.unreadable()


def is_hexadecimal(model: str, fields: Sequence[str]) -> bool:
    """Whether masks are hexadecimal: by their letters, the number of fields, or the model."""
    masks = "".join(fields[LTE:])
    if re.search(r"[A-F]", masks, re.IGNORECASE):
        return True
    if len(fields) in {FIELDS_OF_LM960, FIELDS_WITH_NR}:
        return True
    return len(fields) != FIELDS_WITH_TDSCDMA and bool(_HEXADECIMAL.match(model))


def with_lte(model: str, fields: Sequence[str], wanted: Iterable[int]) -> str | None:
    """The setting with these bands of LTE and all else as it is; None where it has no room."""
    extended = _extended_at(fields)
    wanted = set(wanted)
    high = {band for band in wanted if band >= FIRST_EXTENDED}
    if len(fields) <= LTE or (high and extended is None):
        return None
    base = "X" if is_hexadecimal(model, fields) else "d"
    changed = list(fields)
    changed[LTE] = format(mask_of_bands(wanted - high), base)
    if extended is not None:
        offset = FIRST_EXTENDED - 1
        changed[extended] = format(mask_of_bands(band - offset for band in high), base)
    return ",".join(changed)


def _masks(model: str, fields: Sequence[str]) -> dict[str, tuple[int, ...]]:
    base = 16 if is_hexadecimal(model, fields) else 10
    places = {}
    if len(fields) > LTE:
        places["lte"] = _Masks(LTE, _extended_at(fields) or len(fields))
    if len(fields) >= FIELDS_WITH_NR:
        places |= _NR
    found = {}
    for name, place in places.items():
        low, high = _mask(at(fields, place.first), base), _mask(at(fields, place.extended), base)
        if low is not None:
            found[name] = (*_set(low, 1), *_set(high or 0, FIRST_EXTENDED))
    return found


def _extended_at(fields: Sequence[str]) -> int | None:
    return {FIELDS_OF_LM960: 3, FIELDS_WITH_TDSCDMA: 4, FIELDS_WITH_NR: 3}.get(len(fields))


def _mask(text: str, base: int) -> int | None:
    if not _DIGITS.fullmatch(text) or len(text) > _LONGEST_DECIMAL:
        return None
    try:
        mask = int(text, base)
    except ValueError:
        return None
    return mask if mask < _MASK_END else None


def _set(mask: int, first: int) -> tuple[int, ...]:
    return tuple(first + bit for bit in range(mask.bit_length()) if mask >> bit & 1)


def _of_code(table: Sequence[tuple[int, ...]], code: int) -> tuple[int, ...] | None:
    return table[code] if code < len(table) else None
