"""A video session: segments of exact size over HTTP, played from a simulated buffer.

No decoder: what a viewer would have seen follows from when each segment was complete (definitions
after ETSI TR 101 578). `play` is that arithmetic alone; `run_video` fetches the segments.
"""

import threading
import time
from collections.abc import Sequence

import msgspec

from drivers.traffic.http import Fuse, HttpConnection
from drivers.traffic.netpath import (
    NetPath,
    counted_since,
    end_of_download,
    read_counters,
    resolve,
)
from drivers.traffic.path_watch import watched
from drivers.traffic.profile import VideoProfile
from drivers.traffic.result import (
    CancelledError,
    OnProgress,
    Progress,
    Server,
    TestResult,
    TrafficError,
    unobserved,
)
from wire.kinds.video import Payload, Segment
from wire.messages import Outcome


class PlayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a viewer would have seen."""

    access_s: float | None
    """Session start to playing; None if it never played."""
    stalls: int
    stall_total_s: float
    stall_longest_s: float
    played_s: float


def play(
    segments: Sequence[Segment], *, start_threshold_s: float, ended_s: float, whole: bool
) -> PlayOutcome:
    """Play the complete segments in order from a buffer.

    Playing starts, and starts again after a stall, when the buffer holds `start_threshold_s` of
    media or the last segment of a `whole` session. A stall that nothing ended lasts until
    `ended_s`, when a broken session was given up; what lies in the buffer then is still played.
    """
    arrived = [segment for segment in segments if segment.complete]
    access_s: float | None = None
    stalls: list[float] = []
    played_s = 0.0
    buffered_s = 0.0
    playing_since_s: float | None = None  # None: filling the buffer
    dry_since_s: float | None = None  # when the stall that lasts began
    for number, segment in enumerate(arrived, start=1):
        now_s = segment.requested_s + segment.outstanding_s
        if playing_since_s is not None:
            if now_s - playing_since_s > buffered_s:
                dry_since_s = playing_since_s + buffered_s
                played_s += buffered_s
                buffered_s = 0.0
                playing_since_s = None
            else:
                played_s += now_s - playing_since_s
                buffered_s -= now_s - playing_since_s
                playing_since_s = now_s
        buffered_s += segment.media_s
        last = whole and number == len(arrived)
        if playing_since_s is None and (buffered_s >= start_threshold_s or last):
            playing_since_s = now_s
            if access_s is None:
                access_s = now_s
            if dry_since_s is not None:
                stalls.append(now_s - dry_since_s)
                dry_since_s = None
    if playing_since_s is not None:
        played_s += buffered_s
        dry_since_s = playing_since_s + buffered_s
    if not whole and dry_since_s is not None and ended_s > dry_since_s:
        stalls.append(ended_s - dry_since_s)
    return PlayOutcome(
        access_s=access_s,
        stalls=len(stalls),
        stall_total_s=sum(stalls),
        stall_longest_s=max(stalls, default=0.0),
        played_s=played_s,
    )


def buffered_ahead_s(
    segments: Sequence[Segment], *, start_threshold_s: float, now_s: float
) -> float:
    """Media in the buffer at `now_s`: what arrived less what was played by then."""
    so_far = play(segments, start_threshold_s=start_threshold_s, ended_s=now_s, whole=False)
    arrived_s = sum(segment.media_s for segment in segments if segment.complete)
    if so_far.access_s is None:
        return arrived_s
    watched_s = max(0.0, now_s - so_far.access_s - so_far.stall_total_s)
    return max(0.0, arrived_s - watched_s)


@watched("payload_bytes")
def run_video(
    profile: VideoProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress = unobserved,
) -> TestResult[Payload]:
    """One session attempt; ends by the profile's deadline, or about 1 s after `cancel`."""
    before = read_counters(path)
    session = _Session(profile, server, path, cancel, on_progress)
    error = session.run()
    counted = counted_since(path, before)
    payload = session.payload(
        cut_off=error is not None, rx_bytes=None if counted is None else counted.rx_bytes
    )
    error = end_of_download(path, counted, payload_bytes=payload.payload_bytes, error=error)
    if error is not None:
        return TestResult(outcome=error.outcome, reason=error.reason, payload=payload)
    if payload.access_s is not None and payload.access_s > profile.slow_access_s:
        reason = f"access: {payload.access_s:.1f} s, allowed are {profile.slow_access_s:g} s"
        return TestResult(outcome=Outcome.SLOW, reason=reason, payload=payload)
    return TestResult(outcome=Outcome.OK, payload=payload)


class _Session:
    """The requests of one session, by one thread."""

    def __init__(
        self,
        profile: VideoProfile,
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
        self._started = time.monotonic()
        self._segments: list[Segment] = []

    def run(self) -> TrafficError | None:
        """Fetch every segment; gives what ended the session before that."""
        try:
            with Fuse(self._cancel, deadline_s=self._profile.deadline_s) as fuse:
                connection = self._connect(fuse)
                try:
                    self._fetch_all(connection)
                finally:
                    connection.close()
        except TrafficError as error:
            return error
        return None

    def payload(self, *, cut_off: bool, rx_bytes: int | None) -> Payload:
        """What there is to tell, whether the session ended or broke."""
        played = play(
            self._segments,
            start_threshold_s=self._profile.start_threshold_s,
            ended_s=self._elapsed_s,
            whole=len(self._segments) == self._profile.segments and not cut_off,
        )
        payload_bytes = sum(segment.payload_bytes for segment in self._segments)
        outstanding_s = sum(segment.outstanding_s for segment in self._segments)
        started = played.access_s is not None
        return Payload(
            height=self._profile.height,
            server=self._server.host,
            media_s=self._profile.media_s,
            payload_bytes=payload_bytes,
            outstanding_s=outstanding_s,
            bits_per_second=8 * payload_bytes / outstanding_s if outstanding_s > 0 else None,
            access_s=played.access_s,
            stalls=played.stalls if started else None,
            stall_total_s=played.stall_total_s if started else None,
            stall_longest_s=played.stall_longest_s if started else None,
            played_s=played.played_s,
            cut_off=cut_off and started,
            segments=tuple(self._segments),
            interface=self._path.interface,
            interface_rx_bytes=rx_bytes,
        )

    @property
    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def _connect(self, fuse: Fuse) -> HttpConnection:
        if self._server.http_port is None:
            raise TrafficError("server", "has no HTTP port", outcome=Outcome.INVALID)
        limit_s = self._profile.access_timeout_s
        address = resolve(
            self._server.host,
            self._server.http_port,
            self._path,
            timeout_s=limit_s,
            cancel=self._cancel,
        )
        return HttpConnection(
            address, self._path, fuse, host=self._server.host, connect_timeout_s=limit_s
        )

    def _fetch_all(self, connection: HttpConnection) -> None:
        profile = self._profile
        for index in range(profile.segments):
            self._wait_for_room()
            requested_s = self._elapsed_s
            transfer = connection.get(
                f"/segment/{profile.height}/{index}?bytes={profile.segment_bytes}",
                silence_s=profile.stall_timeout_s,
                expected_bytes=profile.segment_bytes,
            )
            self._segments.append(
                Segment(
                    index=index,
                    height=profile.height,
                    media_s=profile.segment_s,
                    payload_bytes=transfer.payload_bytes,
                    # Name look-up and connecting belong to the first request.
                    requested_s=requested_s if index else 0.0,
                    first_byte_s=transfer.first_byte_s,
                    outstanding_s=transfer.outstanding_s + (0.0 if index else requested_s),
                    complete=transfer.complete,
                )
            )
            self._tell(transfer.payload_bytes, transfer.outstanding_s)
            if transfer.error is not None:
                raise transfer.error
            if self._too_late_to_start():
                raise TrafficError("access", "timeout")

    def _too_late_to_start(self) -> bool:
        threshold_s = min(self._profile.start_threshold_s, self._profile.media_s)
        arrived_s = len(self._segments) * self._profile.segment_s
        return arrived_s < threshold_s and self._elapsed_s > self._profile.access_timeout_s

    def _wait_for_room(self) -> None:
        """Idle, as a player does, while the buffer is full."""
        profile = self._profile
        ahead_s = buffered_ahead_s(
            self._segments,
            start_threshold_s=profile.start_threshold_s,
            now_s=self._elapsed_s,
        )
        surplus_s = ahead_s + profile.segment_s - profile.buffer_s
        if self._cancel.wait(max(0.0, surplus_s)):
            raise CancelledError

    def _tell(self, payload_bytes: int, outstanding_s: float) -> None:
        self._on_progress(
            Progress(
                stage=f"segment {len(self._segments)} of {self._profile.segments}",
                elapsed_s=self._elapsed_s,
                bits_per_second=8 * payload_bytes / outstanding_s if outstanding_s else None,
            )
        )
