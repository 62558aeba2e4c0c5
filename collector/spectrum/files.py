"""The files of facts in `config/spectrum/`: TOML to a checked type, or an error with its place."""

import tomllib
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Protocol, TypeVar

import msgspec

from collector.spectrum.errors import FileError

T = TypeVar("T")


class _Dated(Protocol):
    @property
    def valid_from(self) -> date: ...


D = TypeVar("D", bound=_Dated)


def read(file: Path, type_: type[T]) -> T:
    """One file as its type; raises `FileError`."""
    try:
        raw = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(file, "", f"cannot be read: {error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise FileError(file, "", f"not TOML: {error}") from error
    try:
        return msgspec.convert(raw, type_)
    except msgspec.ValidationError as error:
        raise FileError.invalid(file, error) from error


def latest(entries: Iterable[D], day: date) -> D | None:
    """The entry with the latest `valid_from` that is not after the day; None before the first."""
    begun = [one for one in entries if one.valid_from <= day]
    return max(begun, key=lambda one: one.valid_from, default=None)
