"""What a headline is made of: the verdicts in `behind.json`, and which of them hold together.

FAIL stands on verdicts that hold although many were tested (Holm 1979, 5 %); those without a
p-value are seen and not inferred. PASS needs every one of them. Areas not measured make no test.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from typing import Any

from folder import compare, read_json

ALPHA = 0.05
VALUES = ("PASS", "FAIL", "NOT_PROVEN", "NO_DATA", "NOT_APPLICABLE")
P_VALUE = {"PASS": "p_above", "FAIL": "p_below"}


def holding(judged: Sequence[Any], value: str) -> int:
    """How many verdicts of this value hold together."""
    certain, family = 0, []
    for one in judged:
        p_value = one[P_VALUE[value]]
        if one["verdict"] == value and p_value is None:
            certain += 1
        elif one["verdict"] != "NO_DATA":
            family.append(p_value if one["verdict"] == value else 1.0)
    standing = 0
    for rank, p_value in enumerate(sorted(family)):
        if p_value > ALPHA / (len(family) - rank):
            break
        standing += 1
    return certain + standing


def value_of(values: Sequence[str], fails: int) -> str:
    """The headline."""
    if not values:
        return "NOT_APPLICABLE"
    if fails:
        return "FAIL"
    return values[0] if set(values) in ({"PASS"}, {"NO_DATA"}) else "NOT_PROVEN"


def main() -> int:
    """Compute, compare, and say so."""
    verdict, behind = read_json("verdict.json"), read_json("behind.json")
    if verdict["threshold"] is None:
        return compare({"verdict": "NOT_APPLICABLE", "counts": {}})
    judged = [one for one in behind if one["verdict"] != "NOT_APPLICABLE"]
    fails, passes = holding(judged, "FAIL"), holding(judged, "PASS")
    counts = Counter(one["verdict"] for one in behind)
    return compare(
        {
            "verdict": value_of([one["verdict"] for one in judged], fails),
            "counts": {value: counts[value] for value in VALUES},
            "blocks": sum(one["blocks"] for one in behind),
            "context.fails_holding": fails,
            "context.passes_holding": passes,
        }
    )


if __name__ == "__main__":
    sys.exit(main())
