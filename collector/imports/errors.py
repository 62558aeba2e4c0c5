"""What can be wrong with what others send.

    ImportsError
    |- MappingError    the mapping cannot be used: correct the key it names
    |- SheetError      the file is no such table at all: ask for it anew, or correct the mapping
    |- StoreError      the database of imports cannot be used or has no such import
    `- AuditError      no sample can be drawn

A line that cannot be used is none of these: see `collector.imports.line.Unusable`.
"""

from pathlib import Path
from typing import Self

import msgspec

from collector.config import placed


class ImportsError(ValueError):
    """The root of them all."""


class MappingError(ImportsError):
    """A mapping cannot be used. `place` is the key that is wrong, e.g. `columns.time`."""

    def __init__(self, file: Path, place: str, problem: str) -> None:
        """Keep where and what."""
        super().__init__(": ".join(part for part in (file.name, place, problem) if part))
        self.file = file
        self.place = place
        self.problem = problem

    @classmethod
    def invalid(cls, file: Path, error: msgspec.ValidationError) -> Self:
        """What msgspec found, with the place in our words."""
        return cls(file, *placed(error))


class SheetError(ImportsError):
    """A file cannot be read as a table; `line` counts from 1, None is the whole file."""

    def __init__(self, file: Path, line: int | None, problem: str) -> None:
        """Keep where and what."""
        place = "" if line is None else f" line {line}:"
        super().__init__(f"{file.name}:{place} {problem}")
        self.file = file
        self.line = line
        self.problem = problem


class StoreError(ImportsError):
    """The database of imports cannot be used, or does not hold what was asked for."""


class AuditError(ImportsError):
    """No sample can be drawn: what is missing stands in the text."""
