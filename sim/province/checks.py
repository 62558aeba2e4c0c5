"""Latency and data checks: whether there is a service, not only a level."""

import itertools
import statistics

import msgspec
import numpy as np

from sim.province.probe import Row
from wire.cells import TestRadio
from wire.kinds import latency
from wire.messages import Outcome, Position, RatLock

PROFILE = "latency"


def data_check(
    at_ms: int,
    operator: int,
    position: Position,
    radio_: TestRadio,
    dice: np.random.Generator,
    *,
    ok: bool,
    lock: RatLock | None = None,
) -> Row:
    """One latency and data check; one that is not `ok` found no way through."""
    payload = latency.Payload(method="http", sent=10, received=0, server="main", radio=radio_)
    if ok:
        rtt_ms = tuple(round(float(rtt), 2) for rtt in dice.lognormal(3.6, 0.2, 9))
        steps = [abs(after - before) for before, after in itertools.pairwise(rtt_ms)]
        payload = msgspec.structs.replace(
            payload,
            received=10,
            first_rtt_ms=round(rtt_ms[0] + 50, 2),
            rtt_ms=rtt_ms,
            median_ms=statistics.median(rtt_ms),
            jitter_ms=round(statistics.fmean(steps), 3),
            data_bytes=100_000,
            data_s=0.3,
            data_ok=True,
        )
    return Row(
        at_ms,
        "latency",
        payload,
        Outcome.OK if ok else Outcome.FAILED,
        None if ok else "connect: timed out",
        position,
        operator,
        lock,
        PROFILE,
    )
