"""What became of a campaign, for a terminal and as a page of the documentation."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.table import Table

from tests.province.campaign import Result
from tests.province.compare import EDGE_ERROR_M, ERROR_RATE, Edge, Outcome

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "measured-verdicts.md"
COLUMNS = (
    Outcome.RIGHT,
    Outcome.TIMID,
    Outcome.OPPOSITE,
    Outcome.OPEN,
    Outcome.LUCKY,
    Outcome.UNLUCKY,
    Outcome.UNCOMPARED,
    Outcome.NOT_FOUND,
)
_SHOWN_PROBLEMS = 40
_TEMPLATE = """\
# How true the verdicts are

`make province` writes a province-year with planted truth (`dosong-sim province`), imports it in
two deliveries, asks `dosong-collector verdicts` for every period and compares; it writes this page
and ends with an error where a promise is not kept.

{communes} communes, {roads} roads, {first} to {last}, seed {seed}: {records:,} records, of which
{late:,} came with the second delivery; {duplicates:,} lines came twice. Making them took
{generated_s:.0f} s, importing {imported_s:.0f} s, {verdicts:,} verdicts {judged_s:.0f} s.

## Verdicts

*Decidable* is what can be decided rightly with a chance of 99.9 % at the number of tests there
are, reckoned from what was planted. Where it is not, NOT PROVEN is right, and at the threshold
itself a wrong decision may come in {rate:.0%} of the cases.

{verdict_table}

How many tests count, and how many of them failed, is known exactly; both were compared for every
verdict on T1, T5, T6 and T8. Rows that must not count - spoilt, roaming, unlocked, badly placed,
undated, delivered twice - carry numbers that would give them away.

## Ends of gaps on roads

Promised are {edge_error_m:.0f} m.

{edge_table}

{rest}
"""
_KEPT = """\
A stretch that nobody drove was never a gap and never covered, no tunnel was a gap, and no gap was
found where none was planted, although one of three vehicles read all levels 12 dB low."""


def table(result: Result) -> Table:
    """A line for each target."""
    made = Table("target", *COLUMNS)
    for target, found in result.judgement.by_target().items():
        made.add_row(target, *(str(found[outcome]) for outcome in COLUMNS))
    return made


def page(result: Result) -> str:
    """`docs/reference/measured-verdicts.md`."""
    truth, judgement = result.truth, result.judgement
    return _TEMPLATE.format(
        communes=len(truth.communes),
        roads=len(truth.roads),
        first=truth.months[0],
        last=truth.months[-1],
        seed=truth.seed,
        records=truth.made.records,
        late=truth.made.late,
        duplicates=truth.made.duplicates,
        generated_s=result.generated_s,
        imported_s=sum(result.imported_s),
        verdicts=result.verdicts,
        judged_s=result.judged_s,
        rate=ERROR_RATE,
        verdict_table=_markdown(
            ("target", *COLUMNS),
            (
                (target, *(f"{found[outcome]:,}" for outcome in COLUMNS))
                for target, found in judgement.by_target().items()
            ),
        ),
        edge_error_m=EDGE_ERROR_M,
        edge_table=_markdown(
            ("fastest pass", "gaps", "median error", "95 %", "worst", "not found"),
            _edge_rows(judgement.edges),
        ),
        rest=_problems(judgement.problems) if judgement.problems else _KEPT,
    )


def _markdown(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    first = list(headings)
    lines = [first, ["---"] * len(first), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _edge_rows(edges: tuple[Edge, ...]) -> Iterator[tuple[str, ...]]:
    for speed, count in sorted(Counter(one.gap.fastest_km_h for one in edges).items()):
        of_speed = [one for one in edges if one.gap.fastest_km_h == speed]
        errors = sorted(
            abs(error)
            for one in of_speed
            for error in (one.from_error_m, one.to_error_m)
            if error is not None
        )
        missing = sum(one.worst_m is None for one in of_speed)
        if errors:
            high = errors[min(len(errors) - 1, round(0.95 * len(errors)))]
            middle = statistics.median(errors)
            yield (
                f"{speed:.0f} km/h",
                str(count),
                *(f"{error:.1f} m" for error in (middle, high, errors[-1])),
                str(missing),
            )


def _problems(problems: tuple[str, ...]) -> str:
    shown = [f"- {problem}" for problem in problems[:_SHOWN_PROBLEMS]]
    if len(problems) > len(shown):
        shown.append(f"- and {len(problems) - len(shown)} more")
    return "\n".join(["## What is not as promised", "", *shown])
