"""The files of this folder, and how what comes out is held against what was said."""

import csv
import json
import math
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
VIET_NAM = timedelta(hours=7)
TOLERANCE = 1e-9
"""Relative, and a thousandth of it as such: other versions of NumPy and SciPy round otherwise."""

Row = Mapping[str, str]
"""A line of a CSV file: empty is unknown, `true` and `false` are as they say."""


def read_json(name: str) -> Any:
    """One of the JSON files."""
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def read_parameters() -> Any:
    """The parameters of the target, those it leaves to their defaults among them."""
    return read_json("verdict.json")["evidence"]["parameters"]


def each_row(name: str) -> Iterator[Row]:
    """The lines of one of the CSV files, one after the other."""
    with (HERE / name).open(encoding="utf-8", newline="") as stream:
        yield from csv.DictReader(stream)


def rows_that_count() -> list[Row]:
    """`rows_in.csv`."""
    return list(each_row("rows_in.csv"))


def names_of(scope: Any) -> list[str]:
    """The operators that a verdict is about: one, or all that are judged."""
    names = [one["name"] for one in scope["operators"]]
    return names if scope["operator"] == scope["together"] else [scope["operator"]]


def number(text: str) -> float | None:
    """None where it is unknown."""
    return float(text) if text else None


def at_us(text: str) -> int:
    """An instant as microseconds since 1970."""
    since = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
    return since // timedelta(microseconds=1)


def local(text: str) -> datetime:
    """An instant as clocks in Viet Nam show it."""
    return datetime.fromisoformat(text) + VIET_NAM


def compare(computed: Mapping[str, Any]) -> int:
    """Say what came out beside what was said; 0 if all of it agrees, 1 otherwise.

    A name with a dot is a figure inside of another, as in `context.winners`.
    """
    verdict = read_json("verdict.json")
    wrong = 0
    for name, value in computed.items():
        said = verdict
        for part in name.split("."):
            said = said[part]
        same = _same(value, said)
        wrong += not same
        sys.stdout.write(f"{'same ' if same else 'OTHER'} {name}: {value} (said: {said})\n")
    return int(wrong > 0)


def _same(value: Any, said: Any) -> bool:
    if isinstance(value, float) and isinstance(said, int | float):
        return math.isclose(value, said, rel_tol=TOLERANCE, abs_tol=TOLERANCE / 1000)
    return bool(value == said)
