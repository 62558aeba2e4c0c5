"""What a check has found."""

import msgspec

from collector.geo.geojson import place_of


class Finding(msgspec.Struct, frozen=True):
    """One thing about a feature or, where `place` is None, about all of it."""

    place: int | str | None
    problem: str
    fatal: bool = False
    """Whether nothing is stored because of it."""

    def __str__(self) -> str:
        return f"{place_of(self.place)} {self.problem}".strip()
