"""The places with 5G around the centre of an area, from `rows_in.csv` and `scope.json`.

A place counts with enough usable samples of NR on enough days on which data came through over it.
That there is none takes as many independent looks - another square of 100 m or another hour - of
modems that the operator's NR served elsewhere; other modems are left out as `not_capable`.
"""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any, NamedTuple

from folder import (
    Row,
    at_us,
    compare,
    local,
    names_of,
    number,
    read_json,
    read_parameters,
    rows_that_count,
)

METRES_PER_DEGREE = 111_320.0
LOOK_M = 100.0
HOUR_US = 3_600_000_000


class Seen(NamedTuple):
    """One look, check or test near a centre."""

    point: str
    north_m: float
    east_m: float
    row: Row

    @property
    def day(self) -> date:
        """Of the Vietnamese calendar."""
        return local(self.row["utc"]).date()

    @property
    def hour(self) -> int:
        """Since 1970."""
        return at_us(self.row["utc"]) // HOUR_US

    def square(self, side_m: float) -> tuple[str, int, int]:
        """On a grid around the centre."""
        return self.point, math.floor(self.north_m / side_m), math.floor(self.east_m / side_m)

    @property
    def is_look(self) -> bool:
        """Checks and tests say whether data came through."""
        return not self.row["data_ok"]


def seen_of(rows: Sequence[Row], centres: Sequence[Any]) -> list[Seen]:
    """Rows with where they lie from their centre."""
    by_code = {one["code"]: one for one in centres}
    found = []
    for row in rows:
        if (centre := by_code.get(row["point"])) is None:
            continue
        parallel = math.cos(math.radians(centre["lat_deg"]))
        north_m = (float(row["lat_deg"]) - centre["lat_deg"]) * METRES_PER_DEGREE
        east_m = (float(row["lon_deg"]) - centre["lon_deg"]) * METRES_PER_DEGREE * parallel
        found.append(Seen(row["point"], north_m, east_m, row))
    return found


def places(seen: Sequence[Seen], asked: Any) -> int:
    """How many places count."""
    data_days = {one.day for one in seen if one.row["data_ok"] == "true"}
    usable: dict[tuple[str, int, int], Counter[date]] = defaultdict(Counter)
    for one in seen:
        level_dbm = number(one.row["nr_dbm"])
        on_nr = one.is_look and one.row["on_nr"] == "true"
        if on_nr and level_dbm is not None and level_dbm >= asked["min_rsrp_dbm"]:
            usable[one.square(asked["place_m"])][one.day] += 1
    found = 0
    for of_day in usable.values():
        days = [
            count
            for day, count in of_day.items()
            if count >= asked["samples_a_day"] and day in data_days
        ]
        found += len(days) >= asked["days"] and sum(days) >= asked["samples"]
    return found


def absent(looks: Sequence[Seen], asked: Any) -> bool:
    """Whether it is shown that there is none."""
    if any(one.row["on_nr"] == "true" for one in looks):
        return False
    independent = {(one.square(LOOK_M), one.hour) for one in looks}
    days = {one.day for one in looks}
    return len(independent) >= asked["absent_looks"] and len(days) >= asked["absent_days"]


def of_operator(seen: Sequence[Seen], asked: Any) -> dict[str, Any]:
    """What one operator showed."""
    looks = [one for one in seen if one.is_look]
    count = float(places(seen, asked))
    most = max(count, 0.0 if absent(looks, asked) else 1.0)
    return {
        "estimate": count if looks else None,
        "lower": count if looks else None,
        "upper": most if looks else None,
        "n": len(looks),
        "blocks": len({(one.square(LOOK_M), one.hour) for one in looks}),
    }


def of_any(of_each: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One operator with 5G is enough; there is none only where each is shown to have none."""
    measured = [one for one in of_each if one["n"]]
    most = max((1.0 if one["upper"] is None else one["upper"] for one in of_each), default=1.0)
    count = max((one["estimate"] for one in measured), default=None)
    return {
        "estimate": count,
        "lower": count,
        "upper": most if measured else None,
        "n": sum(one["n"] for one in of_each),
        "blocks": sum(one["blocks"] for one in of_each),
    }


def main() -> int:
    """Compute, compare, and say so."""
    scope = read_json("scope.json")
    asked = read_parameters()
    centres = [
        one
        for one in scope["points"]
        if one["kind"] == asked["points"] and one["within"].get(scope["level"]) == scope["code"]
    ]
    seen = seen_of(rows_that_count(), centres)
    of_each = [
        of_operator([one for one in seen if one.row["operator"] == name], asked)
        for name in names_of(scope)
    ]
    return compare(of_any(of_each) if scope["operator"] == scope["together"] else of_each[0])


if __name__ == "__main__":
    sys.exit(main())
