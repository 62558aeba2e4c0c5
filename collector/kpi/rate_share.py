"""Share of capacity tests that reach a rate: `Pd` of the technical regulations.

QCVN 81:2019 and QCVN 126:2021, clause 2.1.5: the share of samples whose download rate is at least
the `Vdmin` of the service area. A test the network failed has not reached it. Without `rat_class`
it is the same share of whatever served the tests: the reading of T5 on plain capacity tests.
"""

from collections.abc import Sequence

import msgspec
import pyarrow.compute as pc

from collector.kpi import Extract, Ground, Measured, Period, Source, Text
from collector.kpi._attempts import extract_of, placed
from collector.kpi._capacity import capacity_tests
from collector.kpi._evidence import Minimum
from collector.kpi._shares import Question, measured

TITLE = Text(vi="Tỷ lệ phép đo đạt tốc độ", en="Share of tests fast enough")
UNIT = "share"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ("throughput",)


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rate_mbit_s: float
    """A test at least this fast is good."""
    rat_class: str | None = None
    """`4g` or `5g`: what the whole test must have run on; None takes whatever served it."""
    unserved_locks: tuple[str, ...] = ()
    """With `rat_class`: modes asked of the modem with which a test without any service counts."""
    direction: str = "down"
    """`down` or `up`."""
    profiles: tuple[str, ...]
    max_position_error_m: float = 50.0
    min_server_mbit_s: float | None = None
    """What the server's own control test must have reached; a slower server is not the network."""
    minimum: Minimum = Minimum(blocks=0)


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Capacity tests."""
    return (
        extract_of(
            "rate_share",
            "throughput",
            capacity_tests,
            ground=ground,
            parameters=parameters,
            direction=parameters.direction,
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
    fast = pc.greater_equal(rows["rate_mbit_s"], parameters.rate_mbit_s)
    met = pc.and_(pc.fill_null(fast, False), pc.invert(rows["failed"]))
    return measured(
        rows.append_column("met", met),
        ground=ground,
        levels=levels,
        question=Question(share=threshold, minimum=parameters.minimum, together=TOGETHER),
    )
