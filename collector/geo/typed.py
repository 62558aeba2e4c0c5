"""Given features as typed ones, or what is wrong with each."""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from functools import cache
from typing import Any

import msgspec
from msgspec import inspect

from collector.config import placed
from collector.geo.as_stored import nfc, rounded
from collector.geo.finding import Finding
from collector.geo.foreign import Given
from collector.geo.geojson import Feature, checked
from collector.geo.kinds import SHAPES
from collector.geo.layer import Dated, Kind

MAX_TEXT = 500
"""Characters of a name or a note."""
FIRST_YEAR, LAST_YEAR = 1900, 2199

_LOCAL_DATE = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")
_WHOLE = re.compile(r"(\d+)[.,]0+")
_MISSING = re.compile(r"Object missing required field `(?P<name>\w+)`")
_FORMULA = ("=", "+", "-", "@")
_EMPTY = ("", "-")
"""How tables say that there is nothing."""


def typed(kind: Kind, given: Iterable[Given]) -> Iterator[Feature[Any] | Finding]:
    """Each feature with checked properties and geometry, or why it cannot be."""
    shape = SHAPES[kind]
    for one in given:
        if one.problem is not None:
            yield Finding(one.place, one.problem, fatal=True)
            continue
        try:
            properties = converted(one.properties, shape.properties)
            geometry = checked(one.geometry, shape.geometries)
            # Rounding moves vertices: what is stored must be valid as well.
            if geometry is not None:
                geometry = checked(rounded(geometry), shape.geometries)
        except ValueError as error:
            yield Finding(one.place, str(error), fatal=True)
        else:
            yield Feature(properties, geometry, one.place)


def converted(given: dict[str, Any], type_: type[Dated]) -> Dated:
    """The known ones among the properties; raises ValueError that names the field."""
    found = {}
    for name, kind in _fields(type_).items():
        value = given.get(name)
        if value is not None and value not in _EMPTY:
            try:
                found[name] = _value(value, kind)
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from error
    try:
        return msgspec.convert(found, type_, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(_explained(error, type_)) from error


def day(text: str) -> date:
    """A day as 2025-07-01 or, day first, as 01/07/2025; raises ValueError."""
    local = _LOCAL_DATE.fullmatch(text)
    try:
        found = (
            date.fromisoformat(text)
            if local is None
            else date(int(local[3]), int(local[2]), int(local[1]))
        )
    except ValueError as error:
        raise ValueError(f"{text!r} is no day; write 2025-07-01") from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise ValueError(f"{found} is not between {FIRST_YEAR} and {LAST_YEAR}")
    return found


def clean(text: str) -> str:
    """The text in NFC; raises ValueError where it may do harm where it is shown."""
    found = nfc(text)
    if len(found) > MAX_TEXT:
        raise ValueError(f"has {len(found)} characters, more than {MAX_TEXT}")
    hidden = next((one for one in found if not one.isprintable()), None)
    if hidden is not None:
        name = unicodedata.name(hidden, f"U+{ord(hidden):04X}")
        raise ValueError(f"holds a character that cannot be seen: {name}")
    if found.startswith(_FORMULA):
        raise ValueError(f"{found[:20]!r} begins as a formula: a spreadsheet would run it")
    return found


def _explained(error: msgspec.ValidationError, type_: type[Dated]) -> str:
    """What msgspec says, in words that tell what to do."""
    missing = _MISSING.match(str(error))
    if missing is not None:
        name = missing["name"]
        return f"has no {name}: say --map {name}=THEIR_COLUMN or --set {name}=VALUE"
    name, problem = placed(error)
    allowed = _allowed(type_).get(name)
    return f"{name}: {problem}" + ("" if allowed is None else f"; one of {', '.join(allowed)}")


def _value(value: Any, kind: type) -> Any:
    if kind is str:
        return _text(value)
    if kind is date and isinstance(value, str):
        return day(value.strip())
    return value


def _text(value: Any) -> str:
    """A code or name, also where a table has made it a number."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{type(value).__name__} is no text")  # noqa: TRY004  # of the file
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    whole = _WHOLE.fullmatch(str(value))
    return clean(str(value) if whole is None else whole[1])


@cache
def _fields(type_: type[Dated]) -> dict[str, type]:
    """`str`, `date` or `object` by the name of each field."""
    return {name: _kind(options) for name, options in _options(type_).items()}


@cache
def _allowed(type_: type[Dated]) -> dict[str, list[str]]:
    """The values of each field that has no others."""
    found = {}
    for name, options in _options(type_).items():
        for one in options:
            if isinstance(one, inspect.EnumType):
                found[name] = [str(member.value) for member in one.cls]
            elif isinstance(one, inspect.LiteralType):
                found[name] = [str(value) for value in one.values]
    return found


def _options(type_: type[Dated]) -> dict[str, tuple[inspect.Type, ...]]:
    """The types that each field may have."""
    info = inspect.type_info(type_)
    if not isinstance(info, inspect.StructType):
        raise TypeError(f"{type_.__name__} is no struct")
    return {
        field.name: field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        for field in info.fields
    }


def _kind(options: tuple[inspect.Type, ...]) -> type:
    if any(isinstance(one, inspect.DateType) for one in options):
        return date
    texts = (inspect.StrType, inspect.EnumType, inspect.LiteralType)
    return str if any(isinstance(one, texts) for one in options) else object
