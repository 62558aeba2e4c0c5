"""The share of places around a listed point that have service, from `rows_in.csv`.

Each visit gives one value for each square of `square_m`: the share of its looks with service. Exact
limits (Clopper and Pearson 1934) take those for the trials. Of any operator the point is what the
best one shows there: one that is proven to cover it, then the one with the highest lower limit.
What data checks say of looks is in `covered` already, and in the reasons of `rows_out.csv`.
"""

import math
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from folder import Row, at_us, compare, names_of, read_json, read_parameters, rows_that_count
from limits import Trials, share_figures

METRES_PER_DEGREE = 111_320.0


class Square(NamedTuple):
    """One square of one visit."""

    visit: int
    value: float
    distance_m: float
    """From the point to the middle of the looks."""


class Asked(NamedTuple):
    """What the target asks for."""

    share: float
    parameters: Any


class Found(NamedTuple):
    """One operator at the point."""

    figures: dict[str, Any]
    proven: bool


def squares_of(looks: Sequence[Row], point: Any, asked: Asked) -> list[Square]:
    """The looks of each visit and square as one."""
    pause_us, side_m = asked.parameters["visit_pause_s"] * 1e6, asked.parameters["square_m"]
    parallel = math.cos(math.radians(point["lat_deg"]))
    found: dict[tuple[int, int, int], list[tuple[bool, float]]] = defaultdict(list)
    visit, last_us = 0, None
    for row in sorted(looks, key=lambda row: at_us(row["utc"])):
        here_us = at_us(row["utc"])
        if last_us is not None and here_us - last_us >= pause_us:
            visit += 1
        last_us = here_us
        north_m = (float(row["lat_deg"]) - point["lat_deg"]) * METRES_PER_DEGREE
        east_m = (float(row["lon_deg"]) - point["lon_deg"]) * METRES_PER_DEGREE * parallel
        key = (visit, math.floor(north_m / side_m), math.floor(east_m / side_m))
        found[key].append((row["covered"] == "true", math.hypot(north_m, east_m)))
    return [
        Square(
            key[0],
            sum(covered for covered, _ in own) / len(own),
            math.fsum(distance for _, distance in own) / len(own),
        )
        for key, own in found.items()
    ]


def enough(squares: Sequence[Square], checks: Sequence[Row], asked: Asked) -> bool:
    """Whether what was measured may pass: visits, places, data, and the latest visit."""
    sizes = Counter(one.visit for one in squares)
    least = asked.parameters["min_visit_squares"]
    latest = max((visit for visit in sizes if sizes[visit] >= least), default=max(sizes, default=0))
    now = [one.value for one in squares if one.visit == latest]
    came = sum(row["data_ok"] == "true" for row in checks)
    return (
        len(sizes) >= asked.parameters["min_visits"]
        and any(one.distance_m <= asked.parameters["centre_m"] for one in squares)
        and any(one.distance_m > asked.parameters["far_m"] for one in squares)
        and len(checks) >= asked.parameters["min_data_checks"]
        and came >= asked.parameters["min_data_share"] * len(checks)
        and math.fsum(now) / len(now) >= asked.share
    )


def of_operator(rows: Sequence[Row], point: Any, asked: Asked, *, disputed: bool) -> Found:
    """What one operator showed there."""
    looks = [row for row in rows if row["kind"] == "radio"]
    squares = squares_of(looks, point, asked)
    hits = math.fsum(one.value for one in squares)
    estimate = hits / len(squares) if squares else None
    figures = share_figures(Trials(len(squares), hits), estimate, asked.share)
    lower = figures["lower"]
    reached = lower is not None and lower >= asked.share
    checks = [row for row in rows if row["kind"] == "latency"]
    return Found(
        figures | {"n": len(looks), "blocks": len(squares)},
        reached and not disputed and enough(squares, checks, asked),
    )


def best_of(of_each: Sequence[Found]) -> dict[str, Any]:
    """The point as any operator serves it."""
    measured = [one for one in of_each if one.figures["n"]]
    if not measured:
        return of_each[0].figures
    best = max(
        measured, key=lambda one: (one.proven, one.figures["lower"], one.figures["estimate"])
    )
    most = {name: max(one.figures[name] for one in measured) for name in ("upper", "p_below")}
    return best.figures | most


def main() -> int:
    """Compute, compare, and say so."""
    scope, parameters = read_json("scope.json"), read_parameters()
    asked = Asked(read_json("verdict.json")["threshold"], parameters)
    kind = parameters["points"]
    [point] = [
        one for one in scope["points"] if one["kind"] == kind and one["code"] == scope["code"]
    ]
    # Levels of modems are compared wherever they met, so that the rows of one point do not say it.
    disputed = {
        one["operator"]: bool(one["context"].get("level_disputed"))
        for one in (*read_json("behind.json"), read_json("verdict.json"))
    }
    rows = rows_that_count()
    of_each = [
        of_operator(
            [row for row in rows if row["operator"] == name],
            point,
            asked,
            disputed=disputed[name],
        )
        for name in names_of(scope)
    ]
    together = scope["operator"] == scope["together"]
    return compare(best_of(of_each) if together else of_each[0].figures)


if __name__ == "__main__":
    sys.exit(main())
