"""A random sample of what an operator declares to be covered, drawn so that people count.

Squares are drawn with replacement, each with a chance in proportion to the people in it, and each
district gets draws in proportion to its people. So the confirmed share of the draws estimates the
share of the people in the map who have service, and its exact binomial limits (Clopper-Pearson)
hold; that districts get their share beforehand only makes the estimate better (Hoeffding 1956). A
square that was drawn twice is visited once and counts twice.

The same seed draws the same sample, on every machine.
"""

import math
import random
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import accumulate
from typing import NamedTuple

from collector.imports.errors import AuditError
from collector.imports.store import DrawnCell

LEAST_DRAWS = 59
"""So many, all of them confirmed, prove a share of 95 %; no smaller sample can."""


class Candidate(NamedTuple):
    """One populated square inside the declared map."""

    district: str | None
    lat_deg: float
    lon_deg: float
    side_m: float
    population: float


def drawn(candidates: Sequence[Candidate], *, draws: int, seed: int) -> tuple[DrawnCell, ...]:
    """The squares that a sample of so many draws meets, numbered from north to south.

    Raises `AuditError` where nobody lives in the map.
    """
    peopled = sorted(
        (one for one in candidates if one.population > 0),
        key=lambda one: (one.lat_deg, one.lon_deg, one.side_m),
    )
    if not peopled:
        raise AuditError("nobody lives in the declared coverage: there is nothing to draw from")
    strata: defaultdict[str, list[Candidate]] = defaultdict(list)
    for one in peopled:
        strata[one.district or ""].append(one)
    chance = random.Random(seed)  # noqa: S311  # to be drawn again by whoever knows the seed
    hits: Counter[Candidate] = Counter()
    for district, share in _shares(strata, draws).items():
        cells = strata[district]
        bounds = list(accumulate(one.population for one in cells))
        for _ in range(share):
            place = bisect_right(bounds, chance.random() * bounds[-1])
            hits[cells[min(place, len(cells) - 1)]] += 1
    met = sorted(hits, key=lambda one: (-one.lat_deg, one.lon_deg))
    return tuple(
        DrawnCell(number=number, hits=hits[one], **one._asdict())
        for number, one in enumerate(met, 1)
    )


def _shares(strata: dict[str, list[Candidate]], draws: int) -> dict[str, int]:
    """Draws of each district, by its people and the largest remainders."""
    people = {
        district: math.fsum(one.population for one in cells)
        for district, cells in sorted(strata.items())
    }
    total = math.fsum(people.values())
    exact = {district: draws * number / total for district, number in people.items()}
    shares = {district: int(number) for district, number in exact.items()}
    left = sorted(exact, key=lambda district: (shares[district] - exact[district], district))
    for district in left[: draws - sum(shares.values())]:
        shares[district] += 1
    return shares
