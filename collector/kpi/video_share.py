"""Share of video session attempts that reach a download rate (targets T5 and T6).

Every attempt counts that is not the probe's fault; one the network failed has not reached the
rate. The share is of attempts. Its limits take all attempts of one operator, place and hour for one
and the same, whatever the cells, so that a probe that repeats itself proves nothing; and they
count places, cells or hours as clusters where those differ (`collector.stats.clusters`).
"""

from collections import Counter
from collections.abc import Sequence

import ibis
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from collector.kpi import Extract, Ground, Measured, Period, Source, Text
from collector.kpi._attempts import (
    TEST_COLUMNS,
    Attempts,
    extract_of,
    marked,
    read,
    server_exclusions,
    with_operator,
)
from collector.kpi._evidence import Minimum
from collector.kpi._shares import Attempts as Shared
from collector.kpi._shares import Question, grouped, of_blocks, reckoned

TITLE = Text(vi="Tỷ lệ lượt xem video đạt tốc độ", en="Share of video sessions fast enough")
UNIT = "share"
HIGHER_IS_BETTER = True
TOGETHER = "all"
TABLES = ("video",)

PACED = "paced"
"""`protocol` of a session that only answers whether it reaches the rate: nothing is played."""


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    rate_mbit_s: float
    """A session at least this fast is good."""
    height: int
    """Of the sessions that count; others are another target's."""
    profiles: tuple[str, ...]
    max_position_error_m: float = 50.0
    min_server_mbit_s: float | None = None
    """What the server's own control test must have reached; a slower server is not the network."""
    minimum: Minimum = Minimum(blocks=0)


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Video sessions."""
    return (extract_of("video_share", "video", _sessions, ground=ground, parameters=parameters),)


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all operators together."""
    [extract] = extracts(ground=ground, parameters=parameters)
    attempts = read(source, extract, ground=ground, period=period)
    measured = reckon(
        attempts, ground=ground, levels=levels, threshold=threshold, parameters=parameters
    )
    return _with_5g(measured, attempts.rows, parameters.rate_mbit_s)


def reckon(
    attempts: Attempts,
    *,
    ground: Ground,
    levels: Sequence[str],
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """What `measure` makes of the blocks once they are read."""
    rate_mbit_s = parameters.rate_mbit_s
    return reckoned(
        of_blocks(
            attempts.blocks,
            lambda block: sum(rate >= rate_mbit_s for rate in block.rates_mbit_s),
            lambda block: block.smooth,
            lambda block: block.judged,
        ),
        attempts.left,
        rows=attempts.rows,
        ground=ground,
        levels=levels,
        question=Question(
            share=threshold, minimum=parameters.minimum, together=TOGETHER, figures=_smooth
        ),
    )


def _sessions(rows: ir.Table, *, ground: Ground, parameters: Parameters) -> ir.Table:
    read_of = rows.select(*TEST_COLUMNS, "height", "stalls", "protocol")
    sessions = with_operator(read_of, read_of.radio_plmn, ground)
    return marked(
        sessions,
        profiles=parameters.profiles,
        max_position_error_m=parameters.max_position_error_m,
        further=(
            (sessions.height != parameters.height, "other_height"),
            *server_exclusions(sessions, parameters.min_server_mbit_s),
        ),
        smooth=ibis.cases(
            (sessions.protocol == PACED, None), else_=ibis.coalesce(sessions.stalls == 0, False)
        ),
        failed=(
            sessions.outcome.isin(["failed", "no_service"]) | ibis.coalesce(sessions.cut_off, False)
        ),
    )


def _smooth(attempts: Sequence[Shared]) -> dict[str, float | None]:
    smooth, judged = (sum(one.beside[index] for one in attempts) for index in (0, 1))
    return {"share_without_stall": smooth / judged if judged else None}


def _with_5g(measured: Measured, rows: pa.Table, rate_mbit_s: float) -> Measured:
    """With the share of the sessions that 5G served from start to end, and how many they are."""
    fast = pc.and_(pc.greater_equal(rows["rate_mbit_s"], rate_mbit_s), pc.invert(rows["failed"]))
    counts = pc.and_(pc.is_null(rows["reason"]), pc.equal(rows["rat_class"], "5g"))
    on_5g = rows.append_column("met", pc.fill_null(fast, False)).filter(counts)
    number: Counter[tuple[str, str | None, str]] = Counter()
    met: Counter[tuple[str, str | None, str]] = Counter()
    for one in grouped(on_5g):
        for level, code in one.areas.items():
            for operator in (one.operator, TOGETHER):
                number[level, code, operator] += one.number
                met[level, code, operator] += one.met
    return msgspec.structs.replace(
        measured,
        findings=tuple(
            msgspec.structs.replace(
                finding,
                context={
                    **finding.context,
                    "n_5g": number[scope],
                    "share_5g": met[scope] / number[scope] if number[scope] else None,
                },
            )
            for finding in measured.findings
            for scope in [(finding.scope.level, finding.scope.code, finding.scope.operator)]
        ),
    )
