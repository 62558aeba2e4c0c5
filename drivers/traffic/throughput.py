"""A fixed-duration capacity test, by iperf3 in a child or by parallel HTTP transfers."""

import sys
import threading
import time
from collections.abc import Sequence

import msgspec

from drivers.traffic.any_server import run_on_any
from drivers.traffic.child import ChildEnd, run_child
from drivers.traffic.early_stop import DATA_CAP, at_least
from drivers.traffic.http_load import HttpLoad, connect_until
from drivers.traffic.iperf import (
    MAX_REPORT_BYTES,
    IperfAnswer,
    IperfReport,
    IperfRequest,
    UnreadableIperfReportError,
    as_acknowledged,
    failure,
    read_report,
)
from drivers.traffic.netpath import (
    Address,
    Counters,
    NetPath,
    counted_since,
    gone,
    is_gone,
    more_telling,
    proves_path,
    read_counters,
    resolve,
    wrong_path,
)
from drivers.traffic.path_watch import watched
from drivers.traffic.profile import Method, Protocol, ThroughputProfile
from drivers.traffic.result import (
    CancelledError,
    OnProgress,
    Progress,
    Server,
    TestResult,
    TrafficError,
    unobserved,
)
from drivers.traffic.slot import Admission, Need, UtcNow, check_server
from drivers.traffic.transferred import Transferred
from wire.kinds.throughput import Direction, Payload
from wire.messages import Outcome

TICK_S = 1.0
NO_ANSWER = "no answer"
LEAST_CONNECT_S = 2.0
"""Without this beside warm-up and window another server is not tried."""


@watched("total_payload_bytes")
def run_throughput(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress = unobserved,
    *,
    others: Sequence[Server] = (),
    max_bytes: int | None = None,
    utc_s: UtcNow = lambda: None,
    probe: str | None = None,
) -> TestResult[Payload]:
    """One capacity test; ends by the profile's deadline, or about 1 s after `cancel`.

    `others` are tried one by one where a server refuses before the first byte of payload.
    `max_bytes` caps the payload beside the profile's own cap. `utc_s` tells the time by a clock
    that is trusted, to judge the server's. A slot is asked for under the name `probe`, or else the
    computer's.
    """
    deadline = time.monotonic() + profile.deadline_s
    profile, path = _capped(profile, max_bytes), path.only(profile.address_family)

    def run(one: Server) -> TestResult[Payload]:
        need = Need(
            method="iperf3" if profile.method is Method.IPERF3 else "http",
            direction=profile.direction,
            seconds=profile.test_s,
            wait_s=min(profile.slot_wait_s, _spare_s(profile, deadline)),
            probe=probe,
            target_bits_per_second=profile.target_bits_per_second,
        )
        with check_server(one, path, cancel, need, deadline=deadline, utc_s=utc_s) as admission:
            result = _admitted(
                profile, one, path, cancel, on_progress, admission=admission, deadline=deadline
            )
        payload = msgspec.structs.replace(result.payload, server_check=admission.check)
        return msgspec.structs.replace(result, payload=payload)

    def may_go_on() -> bool:
        return not cancel.is_set() and _spare_s(profile, deadline) > 0

    return run_on_any(
        (server, *others),
        run,
        untouched=lambda payload: not payload.total_payload_bytes,
        may_go_on=may_go_on,
    )


def judge(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    transferred: Transferred,
    counted: Counters | None,
) -> TestResult[Payload]:
    """The result of what was transferred and what the interface counted meanwhile."""
    payload = _payload(profile, server, path, transferred, counted)
    error = gone(path) if is_gone(path) else transferred.error
    if error is None:
        error = _doubt(profile, payload)
    if counted is not None and not _path_agrees(profile, payload, transferred, counted):
        error = wrong_path()
    if error is None:
        return TestResult(outcome=Outcome.OK, payload=payload)
    return TestResult(outcome=error.outcome, reason=error.reason, payload=payload)


def _admitted(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress,
    *,
    admission: Admission,
    deadline: float,
) -> TestResult[Payload]:
    """The test on a server that was asked; not begun where that said no."""
    if admission.iperf_port is not None:
        server = msgspec.structs.replace(server, iperf_port=admission.iperf_port)
    before = read_counters(path)
    try:
        if admission.error is not None:
            raise admission.error
        end = min(deadline, time.monotonic() + profile.test_s)
        tool = _by_iperf if profile.method is Method.IPERF3 else _by_http
        transferred = tool(profile, server, path, cancel, on_progress, deadline=end)
    except TrafficError as error:
        transferred = Transferred(error=error)
    return judge(profile, server, path, transferred, counted_since(path, before))


def _spare_s(profile: ThroughputProfile, deadline: float) -> float:
    """What may be spent before the test must begin: one that is late would blame the network."""
    least_s = LEAST_CONNECT_S + profile.warmup_s + profile.window_s
    return deadline - least_s - time.monotonic()


def _capped(profile: ThroughputProfile, max_bytes: int | None) -> ThroughputProfile:
    """The profile with a cap of this run's own, where it is the lower one."""
    if max_bytes is None:
        return profile
    own = profile.early_stop.max_bytes
    least = max_bytes if own is None else min(own, max_bytes)
    early_stop = msgspec.structs.replace(profile.early_stop, max_bytes=least)
    return msgspec.structs.replace(profile, early_stop=early_stop)


def _doubt(profile: ThroughputProfile, payload: Payload) -> TrafficError | None:
    """What is wrong with a test that came to its end."""
    if payload.early_stop_reason == DATA_CAP and payload.bits_per_second is None:
        happened = "data cap before the window"
        return TrafficError("probe", happened, outcome=Outcome.INVALID)
    asked = profile.early_stop.at_least_bits_per_second
    said_yes = asked is not None and payload.early_stop_reason == at_least(asked)
    if said_yes and 8 * (payload.payload_bytes or 0) < (asked or 0) * profile.window_s:
        happened = "stopped early by payload that the far end did not count"
        return TrafficError("probe", happened, outcome=Outcome.INVALID)
    if profile.protocol is Protocol.UDP and payload.payload_bytes == 0:
        return TrafficError("transfer", "nothing arrived")
    return None


def _payload(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    transferred: Transferred,
    counted: Counters | None,
) -> Payload:
    window = [interval for interval in transferred.intervals if not interval.warmup]
    ours = transferred.error is not None and transferred.error.outcome is Outcome.INVALID
    cut_off = transferred.error is not None and bool(transferred.intervals) and not ours
    window_s = sum(interval.duration_s for interval in window)
    window_bytes = sum(interval.payload_bytes for interval in window)
    if cut_off or not window:
        window_s = max(window_s, profile.window_s)  # what is missing counts with zero bytes
    elif transferred.received_bytes is not None and transferred.received_s:
        window_s, window_bytes = transferred.received_s, transferred.received_bytes
    udp = transferred.udp
    is_udp = profile.protocol is Protocol.UDP
    return Payload(
        direction=profile.direction,
        protocol=profile.protocol,
        server=server.host,
        streams=profile.streams,
        warmup_s=profile.warmup_s,
        window_s=window_s,
        planned_window_s=profile.window_s,
        payload_bytes=window_bytes if window else None,
        bits_per_second=8 * window_bytes / window_s if window else None,
        intervals=transferred.intervals,
        retransmits=transferred.retransmits,
        cut_off=cut_off,
        early_stop=transferred.stopped is not None,
        early_stop_reason=transferred.stopped,
        udp_bits_per_second=profile.udp_bits_per_second,
        udp_payload_bytes=profile.udp_payload_bytes if is_udp else None,
        udp_packets=None if udp is None else udp.packets,
        udp_lost_packets=None if udp is None else udp.lost_packets,
        udp_out_of_order_packets=None if udp is None else udp.out_of_order_packets,
        udp_loss_share=udp.lost_packets / udp.packets if udp is not None and udp.packets else None,
        jitter_ms=None if udp is None or not udp.packets else udp.jitter_ms,
        server_received_bytes=transferred.server_received_bytes,
        interface=path.interface,
        interface_rx_bytes=None if counted is None else counted.rx_bytes,
        interface_tx_bytes=None if counted is None else counted.tx_bytes,
        total_payload_bytes=max(
            sum(interval.payload_bytes for interval in transferred.intervals),
            transferred.total_bytes or 0,
        ),
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
        counted_bytes = counted.tx_bytes
        claimed_bytes = total_bytes if transferred.acknowledged else received_bytes
    return proves_path(
        counted_bytes=counted_bytes,
        claimed_bytes=claimed_bytes,
        transferred_bytes=max(total_bytes, received_bytes) if transferred.error is None else None,
    )


def _by_http(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress,
    *,
    deadline: float,
) -> Transferred:
    return HttpLoad(profile, server, path, cancel, on_progress, deadline=deadline).run()


def _by_iperf(
    profile: ThroughputProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress,
    *,
    deadline: float,
) -> Transferred:
    if server.iperf_port is None:
        raise TrafficError("server", "has no iperf3 port", outcome=Outcome.INVALID)
    until = connect_until(profile, deadline)
    address = resolve(
        server.host,
        server.iperf_port,
        path,
        timeout_s=max(until - time.monotonic(), 0),
        cancel=cancel,
    )
    waiting = [address, *address.others]
    failure: TrafficError | None = None
    while True:
        connect_s = (until - time.monotonic()) / len(waiting)
        transferred = _in_child(
            profile,
            waiting.pop(0),
            path,
            cancel,
            on_progress,
            connect_s=max(connect_s, 0.1),
            deadline=deadline,
        )
        if transferred.error is None or not _is_unreached(transferred.error):
            return transferred
        failure = more_telling(failure, transferred.error)
        if not waiting or time.monotonic() >= until:
            raise failure


def _is_unreached(error: TrafficError) -> bool:
    """Whether this address led to no connection: libiperf takes one, so we go on to the next."""
    if error.stage == "server":
        return error.happened == "refused"
    return error.stage == "connect" and error.happened != NO_ANSWER


def _in_child(
    profile: ThroughputProfile,
    address: Address,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress,
    *,
    connect_s: float,
    deadline: float,
) -> Transferred:
    request = IperfRequest(
        host=address.host,
        port=address.port,
        reverse=profile.direction is Direction.DOWN,
        streams=profile.streams,
        warmup_s=round(profile.warmup_s),
        window_s=round(profile.window_s),
        interval_s=profile.interval_s,
        connect_timeout_s=connect_s,
        answer_timeout_s=profile.connect_timeout_s,
        deadline_mono_s=deadline,
        interface=path.interface,
        udp_bits_per_second=profile.udp_bits_per_second,
        udp_payload_bytes=profile.udp_payload_bytes,
        early_stop=profile.early_stop,
    )
    end = run_child(
        [
            sys.executable,
            "-P",
            "-m",
            "drivers.traffic.iperf_child",
            msgspec.json.encode(request).decode(),
        ],
        deadline_s=max(deadline - time.monotonic(), 0),
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
        return Transferred(
            total_bytes=answer.carried_bytes, stopped=answer.stopped, error=_why(answer, None)
        )
    intervals = report.intervals
    if answer.acknowledged:
        intervals = as_acknowledged(intervals, answer.acknowledged)
    return Transferred(
        intervals=intervals,
        acknowledged=bool(answer.acknowledged),
        received_bytes=report.received_bytes,
        received_s=report.received_s,
        total_bytes=answer.carried_bytes,
        retransmits=report.retransmits,
        udp=report.udp,
        stopped=answer.stopped,
        error=_why(answer, report),
    )


def _why(answer: IperfAnswer, report: IperfReport | None) -> TrafficError | None:
    """What broke the test, if anything did."""
    connected = report is not None and report.connected
    if answer.ended == "cancelled":
        return CancelledError()
    if answer.ended in {"deadline", "unanswered"}:
        return TrafficError(*(("transfer", "stalled") if connected else ("connect", NO_ANSWER)))
    if answer.stopped is not None and report is not None and report.received_bytes is None:
        in_window = any(not each.warmup for each in report.intervals)
        return TrafficError("transfer", "stalled") if in_window else None
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
