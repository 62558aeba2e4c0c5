"""Share of attempts to reach the Internet that failed (QCVN 81:2019, clause 2.1.2).

An attempt is a latency check; it failed where nothing answered, for want of service or in time.
"""

from collections.abc import Sequence

import msgspec

from collector.kpi import Extract, Ground, Measured, Period, Source, Text
from collector.kpi._access import accesses
from collector.kpi._attempts import extract_of, placed
from collector.kpi._evidence import Minimum
from collector.kpi._shares import Question, measured

TITLE = Text(vi="Tỷ lệ truy nhập không thành công", en="Share of accesses that failed")
UNIT = "share"
HIGHER_IS_BETTER = False
TOGETHER = "all"
TABLES = ("latency",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rat_class: str | None = None
    """`4g` or `5g`: what the whole check must have run on; None takes whatever served it."""
    unserved_locks: tuple[str, ...] = ()
    """With `rat_class`: modes with which an attempt without any service counts."""
    profiles: tuple[str, ...]
    max_position_error_m: float = 50.0
    minimum: Minimum = Minimum(blocks=0)


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Latency checks."""
    return (
        extract_of("access_failures", "latency", accesses, ground=ground, parameters=parameters),
    )


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all operators pooled."""
    [extract] = extracts(ground=ground, parameters=parameters)
    rows = placed(source.rows(extract, period), ground)
    return measured(
        rows.append_column("met", rows["failed"]),
        ground=ground,
        levels=levels,
        question=Question(
            share=threshold,
            minimum=parameters.minimum,
            together=TOGETHER,
            higher_is_better=False,
        ),
    )
