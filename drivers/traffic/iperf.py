"""What iperf3 says, understood: its JSON, whole or cut short, and its error texts. No I/O."""

import bisect
from collections.abc import Sequence
from typing import Literal

import msgspec

from drivers.traffic.profile import EarlyStop
from drivers.traffic.result import TrafficError
from wire.kinds.throughput import Interval
from wire.messages import Outcome

Ended = Literal["finished", "deadline", "unanswered", "cancelled", "fault"]
"""How the child's test came to its end; `unanswered` by a server that accepts and says nothing."""

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
    interval_s: float = 1.0
    connect_timeout_s: float
    answer_timeout_s: float
    """From the connection until the server lets the test begin."""
    deadline_mono_s: float
    """CLOCK_MONOTONIC, which all processes share."""
    interface: str | None = None
    udp_bits_per_second: float | None = None
    """By UDP, all streams together; None is TCP."""
    udp_payload_bytes: int = 1200
    early_stop: EarlyStop = EarlyStop()


class IperfAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What the child hands back; travels as JSON on its only pipe."""

    ended: Ended
    report: str | None = None
    """libiperf's own JSON, also of a test that broke."""
    error: str | None = None
    """libiperf's last error, or the fault of the child."""
    stopped: str | None = None
    """Why it was ended early on purpose."""
    carried_bytes: int | None = None
    """TCP payload of the whole test as the kernel counted it, up to a moment before the end."""
    acknowledged: tuple[tuple[float, int], ...] = ()
    """Of an upload by TCP: seconds since it began, and bytes the server's kernel had by then."""


class UdpCount(msgspec.Struct, frozen=True, kw_only=True):
    """What a receiver of numbered datagrams says of the window."""

    packets: int
    lost_packets: int
    out_of_order_packets: int | None
    jitter_ms: float | None


class IperfReport(msgspec.Struct, frozen=True, kw_only=True):
    """An iperf3 report in our words."""

    connected: bool
    """Whether the data connections stood."""
    intervals: tuple[Interval, ...]
    received_bytes: int | None
    """In the window, as the receiver counted; None if the ends never exchanged results."""
    received_s: float | None
    retransmits: int | None
    udp: UdpCount | None
    error: str | None


class UnreadableIperfReportError(ValueError):
    """The text is no iperf3 report; the message names the place."""


def read_report(text: str) -> IperfReport:
    """The report in libiperf's JSON text, partial or not; raises `UnreadableIperfReportError`."""
    try:
        raw = msgspec.json.decode(text, type=_Report)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UnreadableIperfReportError(str(error)) from error
    received = _received(raw)
    sent = raw.end.sum_sent
    return IperfReport(
        connected=bool(raw.start.connected),
        intervals=_intervals(
            raw.intervals[:-1] if _repeats_last(raw) else raw.intervals,
            warmup_s=raw.start.test_start.omit,
        ),
        received_bytes=None if received is None else received.bytes,
        received_s=None if received is None else received.seconds,
        retransmits=None if sent is None else sent.retransmits,
        udp=_udp(raw) if raw.start.test_start.protocol == "UDP" else None,
        error=raw.error,
    )


def as_acknowledged(
    intervals: Sequence[Interval], acknowledged: Sequence[tuple[float, int]]
) -> tuple[Interval, ...]:
    """An upload's intervals with the bytes that had arrived instead of those that were written.

    Between two samples the bytes are taken to have come evenly, after the last one none.
    """
    times = [at_s for at_s, _ in acknowledged]

    def arrived(at_s: float) -> float:
        after = bisect.bisect_right(times, at_s)
        if after in {0, len(times)}:
            return acknowledged[max(after - 1, 0)][1]
        (from_s, from_bytes), (to_s, to_bytes) = acknowledged[after - 1], acknowledged[after]
        return from_bytes + (to_bytes - from_bytes) * (at_s - from_s) / (to_s - from_s)

    found = []
    for interval in intervals:
        before = round(arrived(interval.start_s)) if interval.start_s > 0 else 0
        after = round(arrived(interval.start_s + interval.duration_s))
        found.append(msgspec.structs.replace(interval, payload_bytes=after - before))
    return tuple(found)


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
    end: float | None = None
    retransmits: int | None = None
    omitted: bool = False
    packets: int | None = None
    lost_packets: int | None = None
    jitter_ms: float | None = None


class _Interval(msgspec.Struct, frozen=True):
    sum: _Sum


class _TestStart(msgspec.Struct, frozen=True):
    protocol: str = "TCP"
    blksize: int = 0
    omit: float = 0.0


class _Start(msgspec.Struct, frozen=True):
    connected: list[msgspec.Raw] = []
    test_start: _TestStart = _TestStart()


class _UdpStream(msgspec.Struct, frozen=True):
    out_of_order: int | None = None
    jitter_ms: float | None = None


class _EndStream(msgspec.Struct, frozen=True):
    udp: _UdpStream | None = None


class _End(msgspec.Struct, frozen=True):
    streams: list[_EndStream] = []
    sum: _Sum | None = None
    sum_sent: _Sum | None = None
    sum_received: _Sum | None = None


class _Report(msgspec.Struct, frozen=True):
    start: _Start = _Start()
    intervals: list[_Interval] = []
    end: _End = _End()
    error: str | None = None


def _received(raw: _Report) -> _Sum | None:
    """The receiver's sum. Of UDP older versions give the sender's, with the receiver's losses."""
    if raw.end.sum_received is not None or raw.end.sum is None:
        return raw.end.sum_received
    both = raw.end.sum
    if both.packets is None or both.lost_packets is None:
        return None
    arrived_bytes = (both.packets - both.lost_packets) * raw.start.test_start.blksize
    return msgspec.structs.replace(both, bytes=arrived_bytes)


def _udp(raw: _Report) -> UdpCount | None:
    """Of the whole window, or of a broken test's intervals as far as we were the receiver."""
    whole = raw.end.sum_received or raw.end.sum
    streams = [each.udp for each in raw.end.streams if each.udp is not None]
    if whole is not None and whole.packets is not None and whole.lost_packets is not None:
        reordered = [each.out_of_order for each in streams if each.out_of_order is not None]
        return UdpCount(
            packets=whole.packets,
            lost_packets=whole.lost_packets,
            out_of_order_packets=sum(reordered) if reordered else None,
            jitter_ms=whole.jitter_ms,
        )
    window = [each.sum for each in raw.intervals if not each.sum.omitted]
    if not window or any(each.lost_packets is None or each.packets is None for each in window):
        return None
    return UdpCount(
        packets=sum(each.packets or 0 for each in window),
        lost_packets=sum(each.lost_packets or 0 for each in window),
        out_of_order_packets=None,
        jitter_ms=window[-1].jitter_ms,
    )


def _repeats_last(raw: _Report) -> bool:
    """Whether the last interval is the one before again, as 3.12 prints it of a broken test."""
    if raw.error is None or len(raw.intervals) < 2:  # noqa: PLR2004 - two make a repetition
        return False
    before, last = raw.intervals[-2].sum, raw.intervals[-1].sum
    return (before.seconds, before.bytes) == (last.seconds, last.bytes)


def _intervals(raw: list[_Interval], *, warmup_s: float) -> tuple[Interval, ...]:
    """iperf3 starts its clock anew after the warm-up; ours runs through.

    Where the warm-up ends before its last interval does, that interval's bytes are dropped, and
    its time is given to the next one: taken back here. One shorter than an interval has none.
    """
    intervals: list[Interval] = []
    start_s = 0.0
    for interval in raw:
        seconds, warmup = interval.sum.seconds, interval.sum.omitted
        begins = not warmup and bool(intervals) and intervals[-1].warmup
        if begins and interval.sum.end is not None and 0 < interval.sum.end < seconds:
            start_s += seconds - interval.sum.end
            seconds = interval.sum.end
        if not warmup:
            start_s = max(start_s, warmup_s)
        intervals.append(
            Interval(
                start_s=round(start_s, 6),
                duration_s=seconds,
                payload_bytes=interval.sum.bytes,
                warmup=warmup,
            )
        )
        start_s += seconds
    return tuple(intervals)


_FAILED, _INVALID = Outcome.FAILED, Outcome.INVALID
_MEANINGS: tuple[tuple[str, str | None, str, Outcome], ...] = (
    ("server is busy", "server", "busy", _INVALID),
    ("server has terminated", "server", "terminated", _INVALID),
    ("unknown control message", "server", "does not speak iperf3", _INVALID),
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
