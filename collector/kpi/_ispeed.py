"""i-Speed samples and published figures of places and months, put together (for `ispeed_mean`)."""

import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from collector import stats
from collector.kpi import Area
from collector.kpi._imported import FIXED, Placed, by_place, with_reason

TOGETHER = "all"

_HOUR_US = 3_600_000_000


class Part(NamedTuple):
    """What is known of one commune, month and operator, or of all operators together."""

    rates_mbit_s: tuple[float, ...] = ()
    """Of samples that came one by one."""
    blocks: tuple[Hashable, ...] = ()
    """That each of them is in."""
    unknown_technology: int = 0
    figure: "Figure | None" = None


class Figure(NamedTuple):
    """A published figure, or several as one."""

    samples: int
    mean_mbit_s: float | None
    median_mbit_s: float | None


class Whole(NamedTuple):
    """Several parts as one."""

    n: int
    value: float | None
    mean: stats.Mean | None
    """With its variance, where all samples came one by one."""
    median: float | None
    rates_mbit_s: tuple[float, ...]
    blocks: int
    poorest: int
    """Samples of the month that has the fewest."""
    unknown_technology: int
    published: int
    """Samples that only a figure speaks for."""


Parts = Mapping[tuple[Placed, str], Part]
"""By commune, month and operator; all operators together are `TOGETHER`."""


def of_technology(rows: pa.Table, technology: str) -> pa.Table:
    """With the reason of those that another technology, or a fixed line, served."""
    reasons = {None: None, technology: None, FIXED: "fixed_line"}
    return with_reason(
        rows, [reasons.get(one, "other_technology") for one in rows["technology"].to_pylist()]
    )


def less_exact(figures: pa.Table) -> list[str | None]:
    """Figures of an unknown technology, where there is one of the technology itself."""
    names = ("commune", "month", "operator", "technology", "reason")
    lines = list(zip(*(figures[name].to_pylist() for name in names), strict=True))
    exact = {line[:3] for line in lines if line[4] is None and line[3] is not None}
    return [
        "other_technology" if line[4] is None and line[3] is None and line[:3] in exact else None
        for line in lines
    ]


def chosen(samples: pa.Table, figures: pa.Table, minimum_samples: int) -> tuple[pa.Table, pa.Table]:
    """Of each commune and month either its samples or its figures: both are of the same tests.

    Samples can prove something, so they are taken where there are enough of them, or as many as
    the figures speak of; otherwise figures are.
    """
    one_by_one = {place: len(rows) for place, rows in by_place(samples, ["operator"]).items()}
    published = {
        place: _all_of(rows).samples for place, rows in by_place(figures, _FIGURE_COLUMNS).items()
    }
    raw = {
        place: one_by_one.get(place, 0) >= min(minimum_samples, published.get(place, 0) or 1)
        for place in {*one_by_one, *published}
    }

    def same(rows: pa.Table, *, keep: bool) -> list[str | None]:
        where = zip(rows["commune"].to_pylist(), rows["month"].to_pylist(), strict=True)
        return ["same_samples" if raw.get(Placed(*one), keep) != keep else None for one in where]

    return (
        with_reason(samples, same(samples, keep=True)),
        with_reason(figures, same(figures, keep=False)),
    )


_SAMPLE_COLUMNS = ("operator", "utc", "technology", "download_mbit_s")
_FIGURE_COLUMNS = (
    "operator",
    "technology",
    "samples",
    "download_mean_mbit_s",
    "download_median_mbit_s",
)


def parts(samples: pa.Table, figures: pa.Table) -> Parts:
    """What is known of each commune, month and operator."""
    found: dict[tuple[Placed, str], Part] = {}
    for place, rows in by_place(samples, _SAMPLE_COLUMNS).items():
        by_operator: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for row in rows:
            by_operator[TOGETHER].append(row)
            if row[0] is not None:
                by_operator[row[0]].append(row)
        for operator, mine in by_operator.items():
            found[place, operator] = _part(place, mine)
    for place, rows in by_place(figures, _FIGURE_COLUMNS).items():
        by_name: defaultdict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for row in rows:
            by_name[row[0] or TOGETHER].append(row)
        for operator, mine in by_name.items():
            found[place, operator] = _published(_pooled_figure(mine), mine)
        found[place, TOGETHER] = _published(_all_of(rows), rows)
    return found


def _part(place: Placed, rows: Sequence[tuple[Any, ...]]) -> Part:
    return Part(
        rates_mbit_s=tuple(rate for *_, rate in rows),
        blocks=tuple(
            (place.commune, round(utc.timestamp() * 1_000_000) // _HOUR_US, operator)
            for operator, utc, *_ in rows
        ),
        unknown_technology=sum(technology is None for _, _, technology, _ in rows),
    )


def _published(figure: Figure, rows: Iterable[tuple[Any, ...]]) -> Part:
    unknown = sum(samples for _, technology, samples, *_ in rows if technology is None)
    return Part(figure=figure, unknown_technology=unknown)


def _all_of(rows: Sequence[tuple[Any, ...]]) -> Figure:
    """The figure of all operators: the published one, or those of all operators as one."""
    totals = [row for row in rows if row[0] is None]
    return _pooled_figure(totals or rows)


def _pooled_figure(rows: Sequence[tuple[Any, ...]]) -> Figure:
    """Figures as one: means by their samples; medians of parts make no median of the whole."""
    said = [(samples, mean) for _, _, samples, mean, _ in rows if samples]
    total = sum(samples for samples, _ in said)
    known = [(samples, mean) for samples, mean in said if mean is not None]
    mean = None
    if total and len(known) == len(said):
        mean = math.fsum(samples * value for samples, value in known) / total
    return Figure(total, mean, rows[0][4] if len(rows) == 1 else None)


def pooled(parts: Sequence[Part]) -> Whole:
    """The months of one commune as one: every sample weighs the same."""
    rates = tuple(rate for part in parts for rate in part.rates_mbit_s)
    blocks = tuple(block for part in parts for block in part.blocks)
    figures = [part.figure for part in parts if part.figure is not None and part.figure.samples]
    counts = [
        len(part.rates_mbit_s) + (0 if part.figure is None else part.figure.samples)
        for part in parts
    ]
    clustered = stats.clustered_mean(rates, where={"block": blocks}) if not figures else None
    median = stats.median(rates) if not figures else None
    if len(figures) == 1 and not rates:
        median = figures[0].median_mbit_s
    return Whole(
        n=sum(counts),
        value=_pooled_value(rates, figures),
        mean=None if clustered is None else clustered.mean,
        median=median,
        rates_mbit_s=rates,
        blocks=len(set(blocks)),
        poorest=min(counts),
        unknown_technology=sum(part.unknown_technology for part in parts),
        published=sum(figure.samples for figure in figures),
    )


def _pooled_value(rates: Sequence[float], figures: Sequence[Figure]) -> float | None:
    total = len(rates) + sum(figure.samples for figure in figures)
    means = [figure.mean_mbit_s for figure in figures]
    if not total or None in means:
        return None
    published = math.fsum(
        figure.samples * figure.mean_mbit_s for figure in figures if figure.mean_mbit_s is not None
    )
    return math.fsum((math.fsum(rates), published)) / total


def together(communes: Sequence[Area], wholes: Sequence[Whole]) -> Whole:
    """Communes as one: by their population where that of all is known, else each the same."""
    populations = [one.population for one in communes]
    rates = tuple(rate for whole in wholes for rate in whole.rates_mbit_s)
    published = sum(whole.published for whole in wholes)
    there = [
        (1.0 if None in populations else float(population or 0), whole)
        for population, whole in zip(populations, wholes, strict=True)
        if whole.n
    ]
    means = [(weight, whole.mean) for weight, whole in there if whole.mean is not None]
    mean = stats.weighted_mean(means) if not published else None
    return Whole(
        n=sum(whole.n for whole in wholes),
        value=_weighted(there),
        mean=mean,
        median=stats.median(rates) if not published else None,
        rates_mbit_s=rates,
        blocks=sum(whole.blocks for whole in wholes),
        poorest=min((whole.poorest for whole in wholes), default=0),
        unknown_technology=sum(whole.unknown_technology for whole in wholes),
        published=published,
    )


def _weighted(there: Sequence[tuple[float, Whole]]) -> float | None:
    values = [(weight, whole.value) for weight, whole in there if whole.value is not None]
    total = math.fsum(weight for weight, _ in values)
    if not total or len(values) < len(there):
        return None
    return math.fsum(weight * value for weight, value in values) / total


def plain_mean(values: Sequence[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return math.fsum(values) / len(values) if values else None
