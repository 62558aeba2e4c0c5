"""What can be wrong with the files a verdict rests on."""

from pathlib import Path
from typing import Self

import msgspec

from collector.config import placed


class TargetError(ValueError):
    """A file of targets or operators cannot be used. `place` names the key that is wrong."""

    def __init__(self, file: Path, place: str, problem: str) -> None:
        """Keep where and what."""
        super().__init__(": ".join(part for part in (file.name, place, problem) if part))
        self.file = file
        self.place = place
        self.problem = problem

    @classmethod
    def invalid(cls, file: Path, error: msgspec.ValidationError, *, below: str = "") -> Self:
        """What msgspec found, with the place in our words."""
        return cls(file, *placed(error, below=below))
