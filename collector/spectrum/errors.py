"""What can go wrong when the spectrum is asked about.

`SpectrumError` is the root; under it `FileError`, a file of facts or of television sites that
cannot be used, and `AskedError`, a question that has no answer as it was put.
"""

from pathlib import Path
from typing import Self

import msgspec

from collector.config import placed


class SpectrumError(ValueError):
    """The root."""


class FileError(SpectrumError):
    """A file cannot be used. `place` is the key or the line that is wrong."""

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


class AskedError(SpectrumError):
    """Nothing can be said to `asked`; the text says what to ask instead."""

    def __init__(self, asked: str, problem: str) -> None:
        """Keep the question."""
        super().__init__(f"{asked}: {problem}")
        self.asked = asked
