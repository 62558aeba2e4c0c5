"""Share of started transfers that the network cut off (QCVN 81:2019, clause 2.1.4).

A transfer is a capacity test that moved at least one byte; it is dropped where it ended before its
window did (the data transfer cut-off ratio of ETSI TS 102 250-2). A test that never began is a
failed access and no transfer.
"""

from collections.abc import Sequence

import msgspec

from collector.kpi import Extract, Ground, Measured, Period, Source, Text
from collector.kpi._attempts import extract_of, placed
from collector.kpi._capacity import capacity_tests
from collector.kpi._evidence import Minimum
from collector.kpi._shares import Question, measured

TITLE = Text(vi="Tỷ lệ truyền tải dữ liệu bị rơi", en="Share of transfers dropped")
UNIT = "share"
HIGHER_IS_BETTER = False
TOGETHER = "all"
TABLES = ("throughput",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rat_class: str | None = None
    """`4g` or `5g`: what the whole test must have run on; None takes whatever served it."""
    direction: str = "down"
    """`down` or `up`."""
    profiles: tuple[str, ...]
    max_position_error_m: float = 50.0
    min_server_mbit_s: float | None = None
    """What the server's own control test must have reached; a slower server is not the network."""
    minimum: Minimum = Minimum(blocks=0)

    @property
    def unserved_locks(self) -> tuple[str, ...]:
        """None: what found no service has not begun."""
        return ()


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Capacity tests that have begun."""
    return (
        extract_of(
            "dropped_transfers",
            "throughput",
            capacity_tests,
            ground=ground,
            parameters=parameters,
            direction=parameters.direction,
            started=True,
        ),
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
