"""What iperf3 says, understood: its JSON, whole or cut short, and its error texts. No I/O."""

from typing import Literal

import msgspec

from drivers.traffic.result import TrafficError
from wire.kinds.throughput import Interval
from wire.messages import Outcome

Ended = Literal["finished", "deadline", "cancelled", "fault"]
"""How the child's test came to its end."""

MAX_REPORT_BYTES = 16 << 20
"""A minute with 64 streams is below 2 MB."""


class IperfRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the child is to run; travels as JSON on its command line."""

    host: str
    port: int
    reverse: bool
    """The server sends: a download."""
    streams: int
    warmup_s: int
    window_s: int
    connect_timeout_s: float
    deadline_s: float
    interface: str | None = None


class IperfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the child hands back; travels as JSON on its only pipe."""

    ended: Ended
    report: str | None = None
    """libiperf's own JSON, also of a test that broke."""
    error: str | None = None
    """libiperf's last error, or the fault of the child."""


class IperfReport(msgspec.Struct, frozen=True, kw_only=True):
    """An iperf3 report in our words."""

    connected: bool
    """Whether the data connections stood."""
    intervals: tuple[Interval, ...]
    received_bytes: int | None
    """In the window, as the receiver counted; None if the ends never exchanged results."""
    received_s: float | None
    retransmits: int | None
    error: str | None


class UnreadableIperfReportError(ValueError):
    """The text is no iperf3 report; the message names the place."""


def read_report(text: str) -> IperfReport:
    """The report in libiperf's JSON text, partial or not; raises `UnreadableIperfReportError`."""
    try:
        raw = msgspec.json.decode(text, type=_Report)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableIperfReportError(str(error)) from error
    received = raw.end.sum_received
    sent = raw.end.sum_sent
    return IperfReport(
        connected=bool(raw.start.connected),
        intervals=_intervals(raw.intervals[:-1] if _repeats_last(raw) else raw.intervals),
        received_bytes=None if received is None else received.bytes,
        received_s=None if received is None else received.seconds,
        retransmits=None if sent is None else sent.retransmits,
        error=raw.error,
    )


def failure(text: str, *, connected: bool) -> TrafficError:
    """What libiperf's error text means for the test."""
    words = text.lower()
    for pattern, stage, happened, outcome in _MEANINGS:
        if pattern in words:
            where = stage or ("transfer" if connected else "connect")
            return TrafficError(where, happened, outcome=outcome)
    stage = "transfer" if connected else "connect"
    return TrafficError(stage, words.removeprefix("error - ").strip()[:200])


class _Sum(msgspec.Struct, frozen=True):
    bytes: int
    seconds: float
    retransmits: int | None = None
    omitted: bool = False


class _Interval(msgspec.Struct, frozen=True):
    sum: _Sum


class _Start(msgspec.Struct, frozen=True):
    connected: list[msgspec.Raw] = []


class _End(msgspec.Struct, frozen=True):
    sum_sent: _Sum | None = None
    sum_received: _Sum | None = None


class _Report(msgspec.Struct, frozen=True):
    start: _Start = _Start()
    intervals: list[_Interval] = []
    end: _End = _End()
    error: str | None = None


def _repeats_last(raw: _Report) -> bool:
    """Whether the last interval is the one before again, as 3.12 prints it of a broken test."""
    if raw.error is None or len(raw.intervals) < 2:  # noqa: PLR2004 - two make a repetition
        return False
    before, last = raw.intervals[-2].sum, raw.intervals[-1].sum
    return (before.seconds, before.bytes) == (last.seconds, last.bytes)


def _intervals(raw: list[_Interval]) -> tuple[Interval, ...]:
    """iperf3 starts its clock anew after the warm-up; ours runs through."""
    intervals = []
    start_s = 0.0
    for interval in raw:
        intervals.append(
            Interval(
                start_s=round(start_s, 6),
                duration_s=interval.sum.seconds,
                payload_bytes=interval.sum.bytes,
                warmup=interval.sum.omitted,
            )
        )
        start_s += interval.sum.seconds
    return tuple(intervals)


_FAILED, _INVALID = Outcome.FAILED, Outcome.INVALID
_MEANINGS: tuple[tuple[str, str | None, str, Outcome], ...] = (
    ("server is busy", "server", "busy", _INVALID),
    ("server has terminated", "server", "terminated", _INVALID),
    ("access denied", "server", "access denied", _INVALID),
    ("unable to create a new stream", "server", "no new stream", _INVALID),
    ("no such device", "bind", "no such interface", Outcome.MODEM_GONE),
    ("operation not permitted", "bind", "operation not permitted", _INVALID),
    ("too many open files", "probe", "too many open files", _INVALID),
    ("cannot allocate memory", "probe", "cannot allocate memory", _INVALID),
    ("unable to create temp file", "probe", "no temporary file", _INVALID),
    ("connection refused", "server", "refused", _INVALID),
    ("connection reset", None, "reset", _FAILED),
    ("broken pipe", None, "reset", _FAILED),
    ("timed out", None, "timeout", _FAILED),
    ("operation now in progress", None, "timeout", _FAILED),
    ("network is unreachable", None, "network unreachable", _FAILED),
    ("no route to host", None, "host unreachable", _FAILED),
    ("network is down", None, "network down", _FAILED),
    ("control socket has closed", None, "closed by the server", _FAILED),
)
"""Words in libiperf's error, stage (None: by whether it was connected), happened, outcome."""
