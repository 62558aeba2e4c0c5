"""How widely an area was measured: enough blocks, places and parts of the day."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

import msgspec

from collector.kpi import Need, Text
from collector.kpi._attempts import Place

DAY_PARTS = (("06-10", 6, 10), ("10-17", 10, 17), ("17-22", 17, 22), ("22-06", 22, 30))
"""Vietnamese clock: name, first hour, hour after the last."""

_NAMED = 4
"""As many areas are named in a reason; the others are counted."""


class Minimum(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an area must have before anything is said about it."""

    blocks: int = 30
    places: int = 3
    place_distance_m: float = 500.0
    """Places count when they lie at least this far from each other."""
    day_parts: int = 3


class Spot(Protocol):
    """Something measured in one place and hour."""

    @property
    def place(self) -> Place:
        """Where."""

    @property
    def hour_of_day(self) -> int:
        """When, by the Vietnamese clock."""


class Shortfall(NamedTuple):
    """What is missing, as a reason and as a task."""

    reasons: tuple[Text, ...]
    need: tuple[Need, ...]


def shortfall(blocks: Sequence[Spot], *, units: int, minimum: Minimum, where: str) -> Shortfall:
    """What the blocks lack against the minimum; empty when they are enough."""
    reasons: list[Text] = []
    need: list[Need] = []
    if units < minimum.blocks:
        reasons.append(
            Text(
                vi=f"mới có {units} khối đo, cần ít nhất {minimum.blocks}",
                en=f"only {units} blocks, at least {minimum.blocks} needed",
            )
        )
        need.append(Need(what="blocks", more=minimum.blocks - units, where=where))
    places = count_places(
        {block.place for block in blocks},
        distance_m=minimum.place_distance_m,
        enough=minimum.places,
    )
    if places < minimum.places:
        apart = f"{minimum.place_distance_m:g} m"
        reasons.append(
            Text(
                vi=f"mới đo ở {places} nơi cách nhau {apart}, cần ít nhất {minimum.places}",
                en=f"only {places} places {apart} apart, at least {minimum.places} needed",
            )
        )
        need.append(Need(what="places", more=minimum.places - places, where=where))
    missing = missing_day_parts(blocks)
    seen = len(DAY_PARTS) - len(missing)
    if seen < minimum.day_parts:
        reasons.append(
            Text(
                vi=f"mới đo trong {seen} khung giờ, cần ít nhất {minimum.day_parts}",
                en=f"only {seen} parts of the day, at least {minimum.day_parts} needed",
            )
        )
        need.append(
            Need(
                what="day_parts",
                more=minimum.day_parts - seen,
                where=f"{where}: {', '.join(missing)}",
            )
        )
    return Shortfall(tuple(reasons), tuple(need))


def count_places(places: Iterable[Place], *, distance_m: float, enough: int) -> int:
    """How many places lie pairwise this far apart, counted up to `enough`.

    Starts at the corner of the area and always takes the farthest place left, so that it may
    count one too few in a crowd and never one too many.
    """
    left = sorted(places)
    if not left:
        return 0
    chosen = left[0]
    nearest = [math.inf] * len(left)
    for count in range(1, enough):
        nearest = [
            min(reach, math.hypot(one.north_m - chosen.north_m, one.east_m - chosen.east_m))
            for reach, one in zip(nearest, left, strict=True)
        ]
        farthest = max(range(len(left)), key=nearest.__getitem__)
        if nearest[farthest] < distance_m:
            return count
        chosen = left[farthest]
    return enough


def missing_day_parts(blocks: Iterable[Spot]) -> tuple[str, ...]:
    """Parts of the day without a block."""
    hours = {block.hour_of_day for block in blocks}
    return tuple(
        name
        for name, first, after in DAY_PARTS
        if not any(hour % 24 in hours for hour in range(first, after))
    )


def unmeasured(names: Sequence[str]) -> tuple[Text, ...]:
    """The reason that some areas or operators are missing from a whole; none if none is."""
    if not names:
        return ()
    return (
        Text(
            vi=f"chưa đo đủ: {some(names, others='và {} nơi khác')}",
            en=f"not measured enough: {some(names, others='and {} others')}",
        ),
    )


def some(names: Sequence[str], *, others: str) -> str:
    """The first few names, and how many others there are."""
    shown = ", ".join(names[:_NAMED])
    left = len(names) - _NAMED
    return shown if left <= 0 else f"{shown} {others.format(left)}"


def comma(sentence: str) -> str:
    """A sentence of decimals as Vietnamese writes them."""
    return sentence.replace(".", ",")
