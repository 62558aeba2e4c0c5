"""Everything our queries may say of a row, over the values that engines disagree on."""

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import ibis
import pyarrow as pa

from collector.store import columns

_END_OF_DAY = datetime(2026, 11, 1, 16, 59, 59, 999_999, tzinfo=UTC)
_MONTH = datetime(2026, 10, 31, 17, tzinfo=UTC)

ROWS = pa.table(
    {
        "row": pa.array(range(8), pa.int64()),
        "whole": pa.array([0, 1, -1, None, 2**62 + 1, -7, 7, 2**53 + 1], pa.int64()),
        "small": pa.array([0, 1, -1, None, 5, -7, 7, 100], pa.int64()),
        "x": [0.0, -0.0, math.nan, None, 1e300, -2.5, 2.5, 0.1],
        "y": [1.0, 3.5, 2.0, None, math.nan, -0.5, 1.5, 0.3],
        "text": ["", "45204", "đắk", None, "Nông x", "452", "a'b\\c", '{"a":[1,2]}'],
        "true": [True, False, None, True, False, True, None, False],
        "at": pa.array(
            [
                _END_OF_DAY,
                datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=UTC),
                None,
                datetime(2026, 1, 1, tzinfo=UTC),
                _MONTH,
                datetime(2026, 11, 1, 3, 0, 0, 1, tzinfo=UTC),
                datetime(2099, 12, 31, tzinfo=UTC),
                datetime(2020, 1, 1, tzinfo=UTC),
            ],
            columns.TIMESTAMP,
        ),
    }
)

Expression = Callable[[Any], Any]

OF_A_ROW: Mapping[str, Expression] = {
    "null": lambda t: t.x.isnull(),
    "not_null": lambda t: t.x.notnull(),
    "nan": lambda t: t.x.isnan(),
    "nan_above": lambda t: t.x > 1,
    "nan_below": lambda t: t.x < 1,
    "nan_between": lambda t: t.x.between(0, 3),
    "nan_equal": lambda t: t.x == t.x,  # NaN is the question
    "first": lambda t: ibis.coalesce(t.x, t.y, 0.0),
    "filled": lambda t: t.text.fill_null("-"),
    "null_if": lambda t: t.x.nullif(0.0),
    "greatest": lambda t: ibis.greatest(t.x, t.y),
    "least": lambda t: ibis.least(t.x, t.y),
    "clipped": lambda t: t.x.clip(0, 10),
    "cases": lambda t: ibis.cases((t.whole > 0, "up"), (t.whole < 0, "down"), else_=None),
    "cases_of_numbers": lambda t: ibis.cases((t.x > 1, t.x), else_=t.y),
    "in": lambda t: t.text.isin(["452", "đắk"]),
    "not_in": lambda t: ~t.text.isin(["452"]),
    "in_nothing": lambda t: t.text.isin([]),
    "and": lambda t: t.true & (t.whole > 0),
    "or": lambda t: t.true | (t.whole > 0),
    "not": lambda t: ~t.true,
    "plus": lambda t: t.small + 1,
    "halves": lambda t: t.whole / 2,
    "half": lambda t: t.small // 2,
    "rest": lambda t: t.small % 3,
    "ratio": lambda t: t.y / t.small,
    "by_zero": lambda t: t.y / 0,
    "times": lambda t: t.y * 1e6,
    "power": lambda t: t.y**2,
    "size": lambda t: t.small.abs(),
    "root": lambda t: t.y.abs().sqrt(),
    "floor": lambda t: t.y.nullif(math.nan).floor(),
    "ceiling": lambda t: t.y.nullif(math.nan).ceil(),
    "rounded": lambda t: t.y.round(1),
    "whole_of": lambda t: ibis.cases((t.y.abs() < 100, t.y)).cast("int64"),
    "number_of": lambda t: t.whole.cast("float64"),
    "text_of": lambda t: t.whole.cast("string"),
    "text_of_true": lambda t: t.true.cast("string"),
    "one_of_true": lambda t: t.true.cast("int64"),
    "if_it_is_a_number": lambda t: t.text.try_cast("int64"),
    "starts": lambda t: t.text.startswith("452"),
    "ends": lambda t: t.text.endswith("04"),
    "upper": lambda t: t.text.upper(),
    "length": lambda t: t.text.length(),
    "part": lambda t: t.text.substr(0, 3),
    "left": lambda t: t.text.left(2),
    "holds": lambda t: t.text.contains("ô"),
    "joined": lambda t: t.text + "x",
    "stripped": lambda t: t.text.strip(),
    "found": lambda t: t.text.find("5"),
    "replaced": lambda t: t.text.replace("4", "x"),
    "like": lambda t: t.text.like("4%"),
    "matches": lambda t: t.text.re_search("^45[0-9]+"),
    "matched": lambda t: t.text.re_extract("(4)(5)", 2),
    "words": lambda t: t.text.split(" "),
    "hash": lambda t: t.text.hexdigest("sha256"),
    "quoted": lambda _: ibis.literal("a'b\\c"),
    "moment": lambda _: ibis.literal(_MONTH),
    "precise": lambda _: ibis.literal(0.1),
    "large": lambda _: ibis.literal(2**53 + 1),
    "nothing": lambda _: ibis.null("string"),
    "since": lambda t: t.at >= ibis.literal(_MONTH),
    "within": lambda t: t.at.between(_MONTH, _MONTH + timedelta(days=1)),
    "later": lambda t: t.at + ibis.interval(hours=7),
    "shifted": lambda t: t.at - t.small.as_interval("us"),
    "apart_us": lambda t: t.at.delta(ibis.literal(_MONTH), unit="microsecond"),
    "seconds": lambda t: t.at.epoch_seconds().cast("float64"),
    "hours": lambda t: (t.at.epoch_seconds() // 3600).cast("int64"),
    "day": lambda t: t.at.date().cast("string"),
    "year": lambda t: t.at.year(),
    "month": lambda t: t.at.month(),
    "hour": lambda t: t.at.hour(),
    "second": lambda t: t.at.second(),
    "weekday": lambda t: t.at.day_of_week.index(),
    "whole_hour": lambda t: t.at.truncate("h"),
    "written": lambda t: t.at.strftime("%Y-%m-%d %H"),
    "text_of_time": lambda t: t.at.cast("string"),
}
"""By name. Sines, quantiles and numbers as text are left out: engines differ in them, and what has
to be the same is worked out after reading (docs/reference/engines.md)."""

OF_MANY: Mapping[str, Expression] = {
    "numbers": lambda t: t.aggregate(
        rows=t.count(),
        some=t.count(where=t.true),
        total=t.small.sum(),
        total_where=t.small.sum(where=t.small > 0),
        least=t.x.min(),
        most=t.x.max(),
        trues=t.true.sum(),
        kinds=t.text.nunique(),
        mean=t.small.mean(),
        median=t.small.median(),
        any=t.true.any(),
        all=t.true.all(),
        newest=t.at.max(),
        last_text=t.text.argmax(t.row),
    ),
    "of nothing": lambda t: _of_nothing(t.filter(t.row > 100)),
    "groups": lambda t: t.group_by("true").aggregate(rows=t.count()).order_by("true"),
    "groups of numbers": lambda t: t.group_by("x").aggregate(rows=t.count()).order_by("x"),
    "order of text": lambda t: t.order_by("text").select("text"),
    "order of numbers": lambda t: t.order_by(t.x.desc(), t.row).select("x", "row"),
    "distinct": lambda t: t.select("true").distinct().order_by("true"),
    "union": lambda t: t.select("row").union(t.select("row")).order_by("row"),
    "window": lambda t: t.select(
        "row",
        number=ibis.row_number().over(ibis.window(order_by=t.row)),
        before=t.whole.lag().over(ibis.window(order_by=t.row)),
        most=t.row.max().over(ibis.window(group_by=t.true)),
    ).order_by("row"),
    "part": lambda t: t.order_by("row").limit(3, offset=2).select("row"),
    "semi": lambda t: t.semi_join(_known(), "text").order_by("row").select("row"),
    "anti": lambda t: t.anti_join(_known(), "text").order_by("row").select("row"),
    "left": lambda t: t.left_join(_known(), "text").order_by("row").select("row", "weight"),
}
"""Whole queries by name, each with an order."""


def _of_nothing(table: Any) -> Any:
    return table.aggregate(
        rows=table.count(),
        total=table.small.sum(),
        all=table.x.collect(),
        newest=table.at.max(),
    )


def _known() -> Any:
    return ibis.memtable(pa.table({"text": ["452", "zz", None], "weight": [2**53 + 1, 1, None]}))
