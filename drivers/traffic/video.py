"""A video session over HTTP: synthetic segments of exact size, or those of a DASH or HLS manifest.

No decoder: what a viewer would have seen follows from when each segment was complete; `player` is
that arithmetic. `run_video` fetches. A profile with a `paced` table is run by `paced` instead.
"""

import threading
import time
from collections.abc import Callable, Sequence

import msgspec

from drivers.traffic.allowance import Allowance
from drivers.traffic.any_server import run_on_any
from drivers.traffic.film import Film
from drivers.traffic.http import Fuse, HttpConnection, Transfer, connect_to
from drivers.traffic.manifest import ManifestError, MediaSegment, Piece, Representation
from drivers.traffic.netpath import (
    NetPath,
    counted_since,
    end_of_download,
    read_counters,
)
from drivers.traffic.paced import PacedAttempt
from drivers.traffic.path_watch import watched
from drivers.traffic.player import buffered_ahead_s, choose, play, quality
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
from drivers.traffic.slot import Need, UtcNow, check_server
from wire.kinds.video import Payload, Segment
from wire.messages import Outcome


@watched("payload_bytes")
def run_video(
    profile: VideoProfile,
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
    """One session attempt; ends by the profile's deadline, or about 1 s after `cancel`.

    `others`, `utc_s` and `probe` are as in `run_throughput`. With `max_bytes` it also ends, as
    `invalid` and marked, within a piece (64 KiB) after so many bytes of body; what the kernel and
    the network still hold comes on top.
    """
    deadline = time.monotonic() + profile.deadline_s
    path = path.only(profile.address_family)

    def spare_s() -> float:
        return deadline - profile.session_s - time.monotonic()

    def run(one: Server) -> TestResult[Payload]:
        need = Need(
            method="http",
            seconds=profile.session_s,
            wait_s=min(profile.slot_wait_s, spare_s()),
            probe=probe,
            target_bits_per_second=profile.target_bits_per_second,
        )
        with check_server(one, path, cancel, need, deadline=deadline, utc_s=utc_s) as admission:
            result = _attend(
                profile, one, path, cancel, on_progress, max_bytes=max_bytes, no=admission.error
            )
        payload = msgspec.structs.replace(result.payload, server_check=admission.check)
        return msgspec.structs.replace(result, payload=payload)

    return run_on_any(
        (server, *others),
        run,
        untouched=lambda payload: not payload.payload_bytes,
        may_go_on=lambda: not cancel.is_set() and spare_s() > 0,
    )


def _attend(
    profile: VideoProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress,
    *,
    max_bytes: int | None,
    no: TrafficError | None,
) -> TestResult[Payload]:
    """The session on one server; not begun where that said no."""
    before = read_counters(path)
    allowance = Allowance(profile, max_bytes=max_bytes)
    made: _Session | PacedAttempt
    if profile.paced is None:
        made = _Session(profile, server, path, cancel, on_progress, allowance=allowance)
    else:
        made = PacedAttempt(profile, server, path, cancel, on_progress, allowance=allowance)
    error = no or made.run()
    counted = counted_since(path, before)
    payload = msgspec.structs.replace(
        made.payload(cut_off=error is not None),
        server=server.host,
        data_capped=allowance.capped,
        interface=path.interface,
        interface_rx_bytes=None if counted is None else counted.rx_bytes,
    )
    error = end_of_download(path, counted, payload_bytes=allowance.used_bytes, error=error)
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
        *,
        allowance: Allowance,
    ) -> None:
        self._profile = profile
        self._server = server
        self._path = path
        self._cancel = cancel
        self._on_progress = on_progress
        self._allowance = allowance
        self._film = Film(profile, server)
        self._segments: list[Segment] = []
        self._rates: list[float] = []
        self._inits: set[Piece] = set()
        self._arrived_s = 0.0
        self._rung: int | None = None
        self._switches = 0
        self._ip_access_s: float | None = None

    def run(self) -> TrafficError | None:
        """Fetch every segment; gives what ended the session before that."""
        try:
            with Fuse(self._cancel, deadline_s=self._profile.session_s) as fuse:
                limit_s = self._profile.access_timeout_s
                connection = connect_to(self._server, self._path, fuse, timeout_s=limit_s)
                try:
                    self._film.open(self._document(connection))
                    while not self._film.is_over(self._arrived_s):
                        self._wait_for_room(fuse)
                        self._fetch_next(connection)
                finally:
                    connection.close()
        except TrafficError as error:
            return error
        except ManifestError as error:
            return TrafficError("server", f"manifest: {error}", outcome=Outcome.INVALID)
        return None

    def payload(self, *, cut_off: bool) -> Payload:
        """What there is to tell, whether the session ended or broke."""
        ended_s = self._allowance.elapsed_s
        played = play(
            self._segments,
            start_threshold_s=self._profile.start_threshold_s,
            ended_s=ended_s,
            whole=not cut_off,
        )
        payload_bytes = sum(segment.payload_bytes for segment in self._segments)
        outstanding_s = sum(segment.outstanding_s for segment in self._segments)
        started = played.access_s is not None
        seen = quality(self._segments if started else ())
        shown_s = played.played_s + played.stall_total_s
        return Payload(
            height=self._profile.height,
            protocol=self._film.protocol,
            adaptation=self._profile.adaptation,
            media_s=self._profile.media_s,
            payload_bytes=payload_bytes,
            manifest_bytes=self._film.manifest_bytes,
            outstanding_s=outstanding_s,
            bits_per_second=8 * payload_bytes / outstanding_s if outstanding_s > 0 else None,
            ip_access_s=self._ip_access_s,
            access_s=played.access_s,
            stalls=played.stalls if started else None,
            stall_total_s=played.stall_total_s if started else None,
            stall_longest_s=played.stall_longest_s if started else None,
            stall_share=played.stall_total_s / shown_s if started and shown_s > 0 else None,
            played_s=played.played_s,
            played_bits_per_second=seen.bits_per_second,
            played_height=seen.height,
            share_1080=seen.share_1080,
            share_2160=seen.share_2160,
            switches=self._switches if started else None,
            cut_off=cut_off and started,
            segments=tuple(self._segments),
        )

    def _document(self, connection: HttpConnection) -> Callable[[str], bytes]:
        """Fetches manifests and playlists whole."""

        def fetch(resource: str) -> bytes:
            content = bytearray()

            def keep(piece: bytes) -> None:
                self._spend(len(piece))
                content.extend(piece)
                self._film.check_size(len(content))

            transfer = connection.get(
                resource, silence_s=self._profile.stall_timeout_s, on_piece=keep
            )
            if transfer.error is not None:
                raise transfer.error
            return bytes(content)

        return fetch

    def _fetch_next(self, connection: HttpConnection) -> None:
        """The next segment, after its representation's playlist and init segment if need be."""
        rungs = self._film.rungs
        rung = choose(
            self._profile.adaptation,
            rungs,
            previous=self._rung,
            rates=self._rates,
            buffered_s=self._ahead_s(),
            buffer_s=self._profile.buffer_s - self._next_s,
        )
        representation = self._film.representation(rung, self._document(connection))
        index = len(self._segments)
        segment = self._film.segment(representation, index, at_s=self._arrived_s)
        self._switches += self._rung not in (None, rung)
        self._rung = rung
        self._take(connection, representation, segment, index)

    def _take(
        self,
        connection: HttpConnection,
        representation: Representation,
        segment: MediaSegment,
        index: int,
    ) -> None:
        synthetic = self._profile.manifest is None
        # Name look-up and connecting belong to the first request; of a manifest's, to its own.
        requested_s = 0.0 if synthetic and not index else self._allowance.elapsed_s
        init: Transfer | None = None
        if segment.init is not None and segment.init not in self._inits:
            init = self._get(connection, segment.init)
            self._inits.add(segment.init)
        media_at_s = self._allowance.elapsed_s
        media = (
            None
            if init is not None and init.error is not None
            else self._get(connection, segment.piece)
        )
        last = media or init
        assert last is not None  # noqa: S101 - one of them was fetched
        media_bytes = 0 if media is None else media.payload_bytes
        complete = media is not None and media.complete
        first = last if init is None else init
        outstanding_s = media_at_s - requested_s + (0.0 if media is None else media.outstanding_s)
        received = media_bytes + (0 if init is None else init.payload_bytes)
        self._segments.append(
            Segment(
                index=index,
                height=representation.height,
                media_s=segment.duration_s,
                payload_bytes=received,
                requested_s=requested_s,
                first_byte_s=first.first_byte_s,
                outstanding_s=outstanding_s,
                complete=complete,
                media_bits_per_second=8 * media_bytes / segment.duration_s
                if complete
                else float(representation.bits_per_second),
                init_bytes=None if init is None else init.payload_bytes,
            )
        )
        if last.error is not None:
            raise last.error
        self._arrived_s += segment.duration_s
        self._rates.append(8 * received / outstanding_s if outstanding_s > 0 else 0.0)
        self._tell(received, outstanding_s)
        self._check_start()

    def _get(self, connection: HttpConnection, piece: Piece) -> Transfer:
        span = piece.byte_range
        return connection.get(
            piece.resource,
            silence_s=self._profile.stall_timeout_s,
            expected_bytes=piece.size_bytes if span is None else span.size,
            byte_range=None if span is None else (span.first, span.last),
            on_bytes=self._spend_on_media,
        )

    def _spend_on_media(self, count: int) -> None:
        if self._ip_access_s is None:
            self._ip_access_s = self._allowance.elapsed_s
        self._spend(count)

    def _spend(self, count: int) -> None:
        self._allowance.spend(count)
        self._check_start()

    def _check_start(self) -> None:
        """Give up a session that should play by now, also while bytes trickle in."""
        threshold_s = min(self._profile.start_threshold_s, self._profile.media_s)
        late = self._allowance.elapsed_s > self._profile.access_timeout_s
        if late and self._arrived_s < threshold_s:
            raise TrafficError("access", "timeout")

    def _ahead_s(self) -> float:
        return buffered_ahead_s(
            self._segments,
            start_threshold_s=self._profile.start_threshold_s,
            now_s=self._allowance.elapsed_s,
        )

    @property
    def _next_s(self) -> float:
        """Play time that the next segment is likely to hold, for which the buffer needs room."""
        return self._segments[-1].media_s if self._segments else 0.0

    def _wait_for_room(self, fuse: Fuse) -> None:
        """Idle, as a player does, while the buffer is full."""
        surplus_s = self._ahead_s() + self._next_s - self._profile.buffer_s
        if self._cancel.wait(max(0.0, min(surplus_s, fuse.remaining_s))):
            raise CancelledError
        fuse.check("transfer")

    def _tell(self, payload_bytes: int, outstanding_s: float) -> None:
        self._on_progress(
            Progress(
                stage=f"segment {len(self._segments)} of {self._film.count}",
                elapsed_s=self._allowance.elapsed_s,
                bits_per_second=8 * payload_bytes / outstanding_s if outstanding_s else None,
                payload_bytes=self._allowance.used_bytes,
            )
        )
