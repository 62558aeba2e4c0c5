"""What can be wrong with the files a verdict rests on."""

import re
from pathlib import Path
from typing import Self

import msgspec

_UNKNOWN_KEY = re.compile(r"Object contains unknown field `(?P<key>.*)`")


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
        problem, _, place = str(error).partition(" - at `$")
        parts = [below, place.removesuffix("`").lstrip(".")]
        unknown = _UNKNOWN_KEY.fullmatch(problem)
        if unknown is not None:
            parts.append(unknown["key"])
            problem = "unknown key"
        return cls(file, ".".join(part for part in parts if part), problem)
