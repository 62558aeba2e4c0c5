"""The longest stretch of a road without service, from `rows_in.csv` and `scope.json`.

Of an operator's last passes over each 50 m, enough with a covered look make them covered; looks,
and none of them covered, uncovered; anything else unknown (`passes.py`, `strip.py`). The estimate
lies between looks. The lower limit is what two passes prove of a gap, from the first look without
service to the last one; the upper one takes unknown bins for a gap, up to the last look with
service. Both allow for the error of positions.
What data checks say of looks is in `covered` already, and in the reasons of `rows_out.csv`.
"""

import sys
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from folder import at_us, compare, each_row, names_of, read_json, read_parameters
from passes import MOST_M, Look, Pass, passes_of
from strip import (
    COVERED,
    Gap,
    Rule,
    Strip,
    gaps,
    gaps_of_any,
    least_m,
    length_m,
    most_m,
    of_any,
    seen_by,
    surveyed,
    worst_m,
)

DAY_US = 86_400 * 1_000_000


class Found(NamedTuple):
    """The road of one operator, or of any."""

    strip: Strip
    gaps: list[Gap]
    confirmed: list[Gap]
    """What enough passes saw of them."""
    lit_m: list[float]
    """Where there was service."""
    looks: int
    passes: int


def looks_by_operator() -> dict[str, list[Look]]:
    """Looks that count, and those between data checks that disagree, in the order of their keys."""
    found: dict[str, list[tuple[Any, Look]]] = defaultdict(list)
    for name in ("rows_in.csv", "rows_out.csv"):
        for row in each_row(name):
            if row["kind"] != "radio" or row.get("reason", "data_doubtful") != "data_doubtful":
                continue
            look = Look(
                modem=(row["probe"], row["modem_usb_path"]),
                at_us=at_us(row["utc"]),
                chainage_m=min(max(float(row["chainage_m"]), 0.0), MOST_M),
                error_m=float(row["error_m"] or "nan"),
                covered=row["covered"] == "true",
                counts=name == "rows_in.csv",
            )
            key = (row["probe"], row["epoch"], int(row["seq"]))
            found[row["operator"]].append((key, look))
    return {
        operator: [look for _, look in sorted(own, key=lambda one: one[0])]
        for operator, own in found.items()
    }


def of_operator(looks: Sequence[Look], road: Any, name: str, rule: Rule) -> Found:
    """What the passes of one operator say."""
    passes: list[Pass] = passes_of(looks)
    exceptions = [one for one in road["exceptions"] if one["operator"] in {None, name}]
    strip = surveyed(passes, road, exceptions, rule)
    seen = seen_by(passes)
    return Found(
        strip,
        gaps(strip, seen, exceptions, rule),
        gaps(strip, seen, exceptions, rule, passes=rule.confirming_passes),
        [
            look.chainage_m
            for one in passes
            for leg in one.legs
            for look in leg
            if look.counts and look.covered
        ],
        sum(look.counts for one in passes for leg in one.legs for look in leg),
        len(passes),
    )


def together(of_each: Sequence[Found], rule: Rule) -> Found:
    """The road as any of the operators covers it, of those that were measured there."""
    measured = [one for one in of_each if one.passes] or list(of_each)
    strip = of_any([one.strip for one in measured])
    return Found(
        strip,
        gaps_of_any(strip, [one.gaps for one in measured]),
        gaps_of_any(strip, [one.confirmed for one in measured], passes=rule.confirming_passes),
        [at_m for one in measured for at_m in one.lit_m],
        sum(one.looks for one in measured),
        sum(one.passes for one in measured),
    )


def main() -> int:
    """Compute, compare, and say so."""
    scope, parameters = read_json("scope.json"), read_parameters()
    [road] = scope["roads"]
    fresh_us = round(parameters["fresh_days"] * DAY_US)
    rule = Rule(
        last_passes=parameters["last_passes"],
        covered_passes=parameters["covered_passes"],
        confirming_passes=parameters["confirming_passes"],
        stale_us=at_us(scope["period"]["end_utc"]) - fresh_us,
    )
    looks = looks_by_operator()
    of_each = [of_operator(looks.get(name, []), road, name, rule) for name in names_of(scope)]
    found = together(of_each, rule) if scope["operator"] == scope["together"] else of_each[0]
    longest_m = max(map(length_m, found.gaps), default=0.0)
    proven_m = max((least_m(found.strip, gap) for gap in found.confirmed), default=0.0)
    upper_m = max(worst_m(found.strip, found.lit_m), *map(most_m, found.gaps), 0.0)
    return compare(
        {
            "estimate": longest_m if found.gaps or found.strip.has(COVERED) else None,
            "lower": min(proven_m, longest_m) if found.looks else None,
            "upper": upper_m if found.looks else None,
            "n": found.looks,
            "blocks": found.passes,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
