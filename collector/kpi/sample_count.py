"""Number of i-Speed samples of a commune in a month (target A5).

Annex task 5 of the provincial plan asks for at least 300 i-Speed samples in each commune each
month. A count is a count: it has no confidence limits. Samples of probes are no i-Speed samples and
never count; nor do samples of fixed lines.

What VNNIC sends one by one and what it publishes as a number are the same samples, counted twice if
they were added. Of both the larger number is taken; each is a floor of how many there were.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector.kpi import Area, Finding, Ground, Measured, Need, Period, Scope, Source, Text
from collector.kpi._evidence import some
from collector.kpi._imported import (
    FIXED,
    Left,
    Month,
    Placed,
    by_place,
    evidence,
    left_out,
    located,
    months,
    parts_of_totals,
    with_reason,
)

TITLE = Text(vi="Số mẫu đo i-Speed", en="Number of i-Speed samples")
UNIT = "samples"
HIGHER_IS_BETTER = True
TOGETHER = "all"
BY_OPERATOR = False
TABLES = ()
IMPORTS = ("ispeed", "ispeed_month", "commune_report")


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    left_out_technologies: tuple[str, ...] = (FIXED,)
    """Samples that say one of these do not count; those that say nothing do."""


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each commune. A period of several months counts by the poorest of them."""
    samples = _without(located(source.imported("ispeed", period), ground), parameters)
    figures = _without(located(source.imported("ispeed_month", period), ground), parameters)
    figures = with_reason(figures, parts_of_totals(figures))
    reports = located(source.imported("commune_report", period), ground)
    one_by_one = {place: len(rows) for place, rows in by_place(samples, ["operator"]).items()}
    published = {
        place: sum(number for (number,) in rows)
        for place, rows in by_place(figures, ["samples"]).items()
    }
    larger = {
        place: place in one_by_one and one_by_one[place] >= published.get(place, 0)
        for place in {*one_by_one, *published}
    }
    samples = with_reason(samples, _same(samples, larger, keep=True))
    figures = with_reason(figures, _same(figures, larger, keep=False))
    rows = evidence({"sample": samples, "figure": figures})
    books = _Books(
        one_by_one, published, _operators(samples), by_place(reports, ["received"]), left_out(rows)
    )
    needed = months(period)
    findings = tuple(
        _finding(area, needed, books, threshold)
        for area in (ground.at("commune") if "commune" in levels else ())
    )
    return Measured(
        findings=findings,
        n=sum(finding.n for finding in findings),
        failures=0,
        excluded=books.left.all(),
        rows=rows,
    )


class _Books(NamedTuple):
    """What is known of each commune and month."""

    one_by_one: Mapping[Placed, int]
    published: Mapping[Placed, int]
    operators: Mapping[str, Mapping[str, int]]
    reports: Mapping[Placed, Sequence[tuple[str | None]]]
    left: Left

    def known(self, place: Placed) -> int | None:
        """None where nobody said a number."""
        if place not in self.one_by_one and place not in self.published:
            return None
        return max(self.one_by_one.get(place, 0), self.published.get(place, 0))


def _finding(area: Area, needed: Sequence[Month], books: _Books, threshold: float) -> Finding:
    places = [Placed(area.code, month) for month in needed]
    counts = [books.known(place) for place in places]
    known = [count for count in counts if count is not None]
    silent = [place.month for place, count in zip(places, counts, strict=True) if count is None]
    reports = [received for place in places for (received,) in books.reports.get(place, ())]
    least = min(known, default=None)
    lower = 0 if silent and known else least
    short = max(int(threshold) - (lower or 0), 0)
    return Finding(
        scope=Scope(level=area.level, code=area.code, name=area.name, operator=TOGETHER),
        estimate=least,
        lower=lower,
        upper=least,
        n=sum(known),
        blocks=len(known),
        excluded=books.left.of(area.level, area.code),
        against_pass=_silent(silent) if known else (),
        need=(Need(what="samples", more=short, where=area.name),) if short else (),
        context={
            "samples_one_by_one": sum(books.one_by_one.get(place, 0) for place in places),
            "samples_published": sum(books.published.get(place, 0) for place in places),
            "samples_by_operator": [
                f"{name}: {number}"
                for name, number in sorted(books.operators.get(area.code, {}).items())
            ],
            "reports": len(reports),
            "report_received": max((one for one in reports if one is not None), default=None),
        },
    )


def _silent(silent: Sequence[Month]) -> tuple[Text, ...]:
    if not silent:
        return ()
    return (
        Text(
            vi=f"chưa có số mẫu của tháng {some(silent, others='và {} tháng khác')}",
            en=f"nothing is known of {some(silent, others='and {} other months')}",
        ),
    )


def _without(rows: pa.Table, parameters: Parameters) -> pa.Table:
    out = set(parameters.left_out_technologies)
    return with_reason(
        rows, ["fixed_line" if one in out else None for one in rows["technology"].to_pylist()]
    )


def _same(rows: pa.Table, larger: Mapping[Placed, bool], *, keep: bool) -> list[str | None]:
    """The samples that the other kind counts already."""
    where = zip(rows["commune"].to_pylist(), rows["month"].to_pylist(), strict=True)
    return ["same_samples" if larger.get(Placed(*one), keep) != keep else None for one in where]


def _operators(samples: pa.Table) -> Mapping[str, Mapping[str, int]]:
    counting = samples.filter(pc.is_null(samples["reason"]))
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for commune, operator in zip(
        counting["commune"].to_pylist(), counting["operator"].to_pylist(), strict=True
    ):
        name = operator or "?"
        found[commune][name] = found[commune].get(name, 0) + 1
    return found
