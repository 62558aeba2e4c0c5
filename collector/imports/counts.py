"""How many i-Speed samples there are of each commune and month, and which communes reported."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from collector import stats
from collector.geo.set_names import is_of_set
from collector.imports import table
from collector.imports.communes import Communes
from collector.imports.local import local_day


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """The samples and the figures of one commune in one month; rates in Mbit/s, downwards."""

    month: str
    boundary_set: str | None
    commune: str | None
    """None: the position lies outside of every area."""
    technology: str | None
    """None: the file does not say."""
    samples: int
    """That were imported one by one."""
    mean: float | None
    median: float | None
    published_samples: int | None
    """As a table of figures says it of all operators together; None without."""
    published_mean: float | None
    published_median: float | None


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a commune reported of a month."""

    boundary_set: str
    commune: str
    name: str
    reports: int
    received: str | None
    """Day on which the last of them came, as the table of reports says."""


def counts(path: Path, *, month: str | None = None) -> list[Count]:
    """Of every month and commune, or those of one month; raises `StoreError`."""
    rates = _rates(table.rows(path, "ispeed"))
    figures = _figures(table.rows(path, "ispeed_month"))
    keys = sorted({*rates, *figures}, key=lambda key: tuple(part or "" for part in key))
    return [
        _count(key, rates[key], figures.get(key, {})) for key in keys if month in {None, key[0]}
    ]


def reported(
    path: Path, communes: Communes, *, month: date, boundary_set: str | None = None
) -> list[Reported]:
    """Every commune of a set in a month, those that did not report too; raises `StoreError`."""
    rows = table.rows(path, "commune_report").to_pylist()
    of_month = [row for row in rows if row["month"] == f"{month:%Y-%m}"]
    return [
        Reported(
            boundary_set=area.boundary_set,
            commune=area.code,
            name=area.name,
            reports=len(mine),
            received=max((row["received"] for row in mine if row["received"]), default=None),
        )
        for area in sorted(communes.on(month, boundary_set), key=lambda one: one.code)
        for mine in [list(_of(of_month, area.code, area.boundary_set))]
    ]


_Key = tuple[str, str | None, str | None, str | None]
"""Month, boundary set, commune and technology."""


def _count(key: _Key, rates: Sequence[float], figures: Mapping[str, Any]) -> Count:
    mean = stats.mean(rates)
    return Count(
        month=key[0],
        boundary_set=key[1],
        commune=key[2],
        technology=key[3],
        samples=len(rates),
        mean=None if mean is None else mean.value,
        median=stats.median(rates),
        published_samples=figures.get("samples"),
        published_mean=figures.get("download_mean_mbit_s"),
        published_median=figures.get("download_median_mbit_s"),
    )


def _of(rows: Iterable[dict[str, str]], code: str, boundary_set: str) -> Iterable[dict[str, str]]:
    return (
        row
        for row in rows
        if row["commune"] == code and is_of_set(boundary_set, row["boundary_set"])
    )


def _rates(rows: pa.Table) -> defaultdict[_Key, list[float]]:
    found: defaultdict[_Key, list[float]] = defaultdict(list)
    names = ("utc", "boundary_set", "commune", "technology", "download_mbit_s")
    for utc, boundary_set, commune, technology, rate in zip(
        *(rows[name].to_pylist() for name in names), strict=True
    ):
        found[f"{local_day(utc):%Y-%m}", boundary_set, commune, technology].append(rate)
    return found


def _figures(rows: pa.Table) -> dict[_Key, dict[str, Any]]:
    return {
        (row["month"], row["boundary_set"], row["commune"], row["technology"]): row
        for row in rows.to_pylist()
        if row["operator"] is None
    }
