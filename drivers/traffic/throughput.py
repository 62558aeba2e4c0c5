"""A fixed-duration capacity test, by iperf3 in a child or by parallel HTTP downloads."""

import sys
import threading
import time

import msgspec

from drivers.traffic.child import ChildEnd, run_child
from drivers.traffic.http import Fuse, HttpConnection
from drivers.traffic.iperf import (
    MAX_REPORT_BYTES,
    IperfAnswer,
    IperfReport,
    IperfRequest,
    UnreadableIperfReportError,
    failure,
    read_report,
)
from drivers.traffic.netpath import (
    Counters,
    NetPath,
    counted_since,
    gone,
    is_gone,
    proves_path,
    read_counters,
    resolve,
    wrong_path,
)
from drivers.traffic.path_watch import watched
from drivers.traffic.profile import Direction, Method, ThroughputProfile
from drivers.traffic.result import (
    CancelledError,
    OnProgress,
    Progress,
    Server,
    TestResult,
    TrafficError,
    unobserved,
)
from wire.kinds.throughput import Interval, Payload
from wire.messages import Outcome

TICK_S = 1.0
JOIN_S = 2.0


class Transferred(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool measured, before judging it."""

    intervals: tuple[Interval, ...] = ()
    received_bytes: int | None = None
    """In the window, as the far end counted, where that is better than our own intervals."""
    received_s: float | None = None
    retransmits: int | None = None
    error: TrafficError | None = None


@watched("total_payload_bytes")
def run_throughput(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress = unobserved,
) -> TestResult[Payload]:
    """One capacity test; ends by the profile's deadline, or about 1 s after `cancel`."""
    before = read_counters(path)
    try:
        if profile.method is Method.IPERF3:
            transferred = _by_iperf(profile, server, path, cancel, on_progress)
        else:
            transferred = _HttpDownloads(profile, server, path, cancel, on_progress).run()
    except TrafficError as error:
        transferred = Transferred(error=error)
    return judge(profile, server, path, transferred, counted_since(path, before))


def judge(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    transferred: Transferred,
    counted: Counters | None,
) -> TestResult[Payload]:
    """The result of what was transferred and what the interface counted meanwhile."""
    error = gone(path) if is_gone(path) else transferred.error
    payload = _payload(profile, server, path, transferred, counted)
    if counted is not None and not _path_agrees(profile, payload, transferred, counted):
        error = wrong_path()
    if error is None:
        return TestResult(outcome=Outcome.OK, payload=payload)
    return TestResult(outcome=error.outcome, reason=error.reason, payload=payload)


def _payload(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    transferred: Transferred,
    counted: Counters | None,
) -> Payload:
    window = [interval for interval in transferred.intervals if not interval.warmup]
    cut_off = transferred.error is not None and bool(transferred.intervals)
    window_s = sum(interval.duration_s for interval in window)
    window_bytes = sum(interval.payload_bytes for interval in window)
    if cut_off or not window:
        window_s = max(window_s, profile.window_s)  # what is missing counts with zero bytes
    elif transferred.received_bytes is not None and transferred.received_s:
        window_s, window_bytes = transferred.received_s, transferred.received_bytes
    return Payload(
        direction=profile.direction,
        server=server.host,
        streams=profile.streams,
        warmup_s=profile.warmup_s,
        window_s=window_s,
        payload_bytes=window_bytes if window else None,
        bits_per_second=8 * window_bytes / window_s if window else None,
        intervals=transferred.intervals,
        retransmits=transferred.retransmits,
        cut_off=cut_off,
        interface=path.interface,
        interface_rx_bytes=None if counted is None else counted.rx_bytes,
        interface_tx_bytes=None if counted is None else counted.tx_bytes,
        total_payload_bytes=sum(interval.payload_bytes for interval in transferred.intervals),
    )


def _path_agrees(
    profile: ThroughputProfile, payload: Payload, transferred: Transferred, counted: Counters
) -> bool:
    total_bytes = payload.total_payload_bytes or 0
    received_bytes = transferred.received_bytes or 0
    if profile.direction is Direction.DOWN:
        counted_bytes, claimed_bytes = counted.rx_bytes, total_bytes
    else:
        # What was written upwards may still lie in a socket's buffer; what the server got does not.
        counted_bytes, claimed_bytes = counted.tx_bytes, received_bytes
    return proves_path(
        counted_bytes=counted_bytes,
        claimed_bytes=claimed_bytes,
        transferred_bytes=max(total_bytes, received_bytes) if transferred.error is None else None,
    )


def _by_iperf(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress,
) -> Transferred:
    if server.iperf_port is None:
        raise TrafficError("server", "has no iperf3 port", outcome=Outcome.INVALID)
    address = resolve(
        server.host, server.iperf_port, path, timeout_s=profile.connect_timeout_s, cancel=cancel
    )
    request = IperfRequest(
        host=address.host,
        port=address.port,
        reverse=profile.direction is Direction.DOWN,
        streams=profile.streams,
        warmup_s=profile.warmup_s,
        window_s=profile.window_s,
        connect_timeout_s=profile.connect_timeout_s,
        deadline_s=profile.deadline_s,
        interface=path.interface,
    )
    end = run_child(
        [
            sys.executable,
            "-P",
            "-m",
            "drivers.traffic.iperf_child",
            msgspec.json.encode(request).decode(),
        ],
        deadline_s=profile.deadline_s,
        max_output_bytes=2 * MAX_REPORT_BYTES,  # the report is quoted once more
        cancel=cancel,
        on_tick=_InterfaceRate(profile, path, on_progress),
    )
    return read_end(end)


def read_end(end: ChildEnd) -> Transferred:
    """What the ended child handed over, or why it is nothing."""
    try:
        answer = msgspec.json.decode(end.output, type=IperfAnswer)
        report = None if answer.report is None else read_report(answer.report)
    except (msgspec.DecodeError, UnreadableIperfReportError) as error:
        if end.cancelled:
            return Transferred(error=CancelledError())
        fault = end.fault or f"unreadable answer: {error}"
        return Transferred(
            error=TrafficError("probe", f"iperf3 child {fault}", outcome=Outcome.INVALID)
        )
    if answer.ended == "fault":
        return Transferred(
            error=TrafficError("probe", f"iperf3 child: {answer.error}", outcome=Outcome.INVALID)
        )
    if report is None:
        return Transferred(error=_why(answer, None))
    return Transferred(
        intervals=report.intervals,
        received_bytes=report.received_bytes,
        received_s=report.received_s,
        retransmits=report.retransmits,
        error=_why(answer, report),
    )


def _why(answer: IperfAnswer, report: IperfReport | None) -> TrafficError | None:
    """What broke the test, if anything did."""
    connected = report is not None and report.connected
    if answer.ended == "cancelled":
        return CancelledError()
    if answer.ended == "deadline":
        return TrafficError(*(("transfer", "stalled") if connected else ("connect", "no answer")))
    if report is None:
        return failure(answer.error or "no report", connected=False)
    if report.error is not None:
        return failure(report.error, connected=connected)
    return None


class _InterfaceRate:
    """Progress while libiperf keeps its own to itself: what the interface carries."""

    def __init__(self, profile: ThroughputProfile, path: NetPath, on_progress: OnProgress) -> None:
        self._profile = profile
        self._path = path
        self._on_progress = on_progress
        self._at_s = 0.0
        self._counters = read_counters(path)

    def __call__(self, elapsed_s: float) -> None:
        since_s = elapsed_s - self._at_s
        if since_s < TICK_S:
            return
        carried = counted_since(self._path, self._counters)
        rate = None
        if carried is not None:
            down = self._profile.direction is Direction.DOWN
            rate = 8 * (carried.rx_bytes if down else carried.tx_bytes) / since_s
        self._at_s = elapsed_s
        self._counters = read_counters(self._path)
        self._on_progress(Progress(stage="transfer", elapsed_s=elapsed_s, bits_per_second=rate))


class _HttpDownloads:
    """Parallel downloads: one thread a stream, and one that looks at the counts."""

    def __init__(
        self,
        profile: ThroughputProfile,
        server: Server,
        path: NetPath,
        cancel: threading.Event,
        on_progress: OnProgress,
    ) -> None:
        self._profile = profile
        self._server = server
        self._path = path
        self._cancel = cancel
        self._on_progress = on_progress
        self._received = [0] * profile.streams
        self._errors: list[TrafficError] = []
        self._failed = threading.Event()
        self._enough = threading.Event()

    def run(self) -> Transferred:
        """Connect all streams, let them load, and count."""
        connections: list[HttpConnection] = []
        with Fuse(self._cancel, deadline_s=self._profile.deadline_s) as fuse:
            try:
                connections.extend(self._connect_all(fuse))
                intervals = self._load(connections, fuse)
            finally:
                for connection in connections:
                    connection.close()
        if self._cancel.is_set():
            return Transferred(intervals=intervals, error=CancelledError())
        if not self._errors and intervals and intervals[-1].payload_bytes == 0:
            self._errors.append(TrafficError("transfer", "stalled"))
        return Transferred(intervals=intervals, error=self._errors[0] if self._errors else None)

    def _connect_all(self, fuse: Fuse) -> list[HttpConnection]:
        if self._server.http_port is None:
            raise TrafficError("server", "has no HTTP port", outcome=Outcome.INVALID)
        limit_s = self._profile.connect_timeout_s
        until = time.monotonic() + limit_s
        address = resolve(
            self._server.host,
            self._server.http_port,
            self._path,
            timeout_s=limit_s,
            cancel=self._cancel,
        )
        connections: list[HttpConnection] = []
        try:
            for _ in range(self._profile.streams):
                left_s = max(until - time.monotonic(), 0.001)
                connections.append(
                    HttpConnection(
                        address,
                        self._path,
                        fuse,
                        host=self._server.host,
                        connect_timeout_s=left_s,
                    )
                )
        except TrafficError:
            for connection in connections:
                connection.close()
            raise
        return connections

    def _load(self, connections: list[HttpConnection], fuse: Fuse) -> tuple[Interval, ...]:
        streams = [
            threading.Thread(target=self._stream, args=(number, connection), daemon=True)
            for number, connection in enumerate(connections)
        ]
        for stream in streams:
            stream.start()
        try:
            return self._count()
        finally:
            self._enough.set()
            fuse.blow()
            for stream in streams:
                stream.join(JOIN_S)

    def _stream(self, number: int, connection: HttpConnection) -> None:
        def arrived(size: int) -> None:
            self._received[number] += size

        while not self._enough.is_set():
            transfer = connection.get(
                self._profile.resource,
                silence_s=self._profile.deadline_s,
                on_bytes=arrived,
            )
            if transfer.error is not None:
                if not self._enough.is_set():
                    self._errors.append(transfer.error)
                    self._failed.set()
                return

    def _count(self) -> tuple[Interval, ...]:
        """An interval a second through warm-up and window, or until a stream breaks."""
        profile = self._profile
        intervals: list[Interval] = []
        started = begun = time.monotonic()
        counted = 0
        for second in range(1, profile.warmup_s + profile.window_s + 1):
            broken = self._wait(started + second)
            now, received = time.monotonic(), sum(self._received)
            intervals.append(
                Interval(
                    start_s=begun - started,
                    duration_s=now - begun,
                    payload_bytes=received - counted,
                    warmup=second <= profile.warmup_s,
                )
            )
            rate = 8 * (received - counted) / (now - begun)
            self._on_progress(
                Progress(stage="transfer", elapsed_s=now - started, bits_per_second=rate)
            )
            begun, counted = now, received
            if broken:
                break
        return tuple(intervals)

    def _wait(self, until: float) -> bool:
        """Wait for an instant; True as soon as the test is broken or cancelled."""
        while (left_s := until - time.monotonic()) > 0:
            if self._cancel.is_set() or self._failed.wait(min(left_s, 0.2)):
                return True
        return False
