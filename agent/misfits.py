"""Where a TOML document does not fit a struct: every place at once, in words for a person."""

import difflib
import enum
import re
import types
import typing
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import msgspec


class Misfit(NamedTuple):
    """One place and what is wrong there, e.g. `modem[1].lok` and `unknown key`."""

    place: str
    what: str


def misfits(value: object, type_: type[msgspec.Struct], place: str = "") -> Iterator[Misfit]:
    """Unknown and missing keys and values that do not fit, at any depth."""
    if not isinstance(value, dict):
        yield Misfit(place, f"expected a table, got {_toml_name(value)}")
        return
    fields = {field.name: field for field in msgspec.structs.fields(type_)}
    for key in value:
        if key not in fields:
            yield Misfit(_join(place, key), "unknown key; " + suggestion(key, list(fields)))
    for name, field in fields.items():
        if name in value:
            yield from _value_misfits(value[name], field.type, _join(place, name))
        elif field.required:
            yield Misfit(_join(place, name), "required key is missing")


def convert(document: dict[str, Any], type_: type[msgspec.Struct]) -> Any:
    """The document as a struct; call it when there are no misfits."""
    return msgspec.convert(document, type_, dec_hook=_path)


def suggestion(word: str, words: Sequence[str]) -> str:
    """A question with the nearest of `words`, or all of them."""
    close = difflib.get_close_matches(word, words, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"there are: {', '.join(words)}" if words else "there are none"


def _value_misfits(value: object, type_: Any, place: str) -> Iterator[Misfit]:
    struct, many = _struct_in(type_)
    if struct is not None and many and isinstance(value, list):
        for index, item in enumerate(value):
            yield from misfits(item, struct, f"{place}[{index}]")
    elif struct is not None and not many and isinstance(value, dict):
        yield from misfits(value, struct, place)
    else:
        try:
            msgspec.convert(value, type_, dec_hook=_path)
        except msgspec.ValidationError as error:
            found = _in_words(str(error), place)
            words = _enum_words(type_) if found.what.startswith("invalid enum value") else ""
            yield Misfit(found.place, found.what + words)


def _struct_in(type_: Any) -> tuple[type[msgspec.Struct] | None, bool]:
    """The struct of `S`, `S | None` or `tuple[S, ...]`, and whether it stands there many times."""
    if isinstance(type_, type) and issubclass(type_, msgspec.Struct):
        return type_, False
    many = typing.get_origin(type_) is tuple
    if many or typing.get_origin(type_) in {types.UnionType, typing.Union}:
        for part in typing.get_args(type_):
            if isinstance(part, type) and issubclass(part, msgspec.Struct):
                return part, many
    return None, False


def _enum_words(type_: Any) -> str:
    """What an enumeration allows."""
    for part in (type_, *typing.get_args(type_)):
        if isinstance(part, type) and issubclass(part, enum.Enum):
            return "; there are: " + ", ".join(str(member.value) for member in part)
    return ""


def _path(type_: type, value: object) -> object:
    if type_ is Path and isinstance(value, str) and value:
        return Path(value)
    raise ValueError(f"expected a path, got {value!r}")


_MESSAGE = re.compile(r"(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?", re.DOTALL)
_WORDS = {"`object`": "a table", "`array`": "a list", "`str`": "text", "`null`": "nothing"}


def _in_words(message: str, place: str) -> Misfit:
    """A message of msgspec taken apart."""
    match = _MESSAGE.fullmatch(message)
    what, path = (match["what"], match["path"] or "") if match else (message, "")
    what = what.replace(" | null`", "`")
    for code, word in _WORDS.items():
        what = what.replace(code, word)
    what = what.replace("`", "").replace("'", '"')
    return Misfit(_join(place, path), what[:1].lower() + what[1:])


def _toml_name(value: object) -> str:
    match value:
        case list():
            return "a list"
        case str():
            return "text"
        case _:
            return repr(value)


def _join(place: str, key: str) -> str:
    return f"{place}.{key}" if place and key and not key.startswith("[") else place + key
