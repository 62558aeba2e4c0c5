"""A capacity test by parallel HTTP transfers: one thread a stream, and one that counts."""

import itertools
import math
import threading
import time
from collections.abc import Callable, Iterator

from drivers.traffic.early_stop import Watch
from drivers.traffic.http import Fuse, HttpConnection
from drivers.traffic.netpath import Address, NetPath, resolve
from drivers.traffic.profile import ThroughputProfile
from drivers.traffic.result import (
    CancelledError,
    OnProgress,
    Progress,
    Server,
    TrafficError,
)
from drivers.traffic.transferred import Transferred
from wire.kinds.throughput import Direction, Interval
from wire.messages import Outcome

LOOK_S = 0.1
JOIN_S = 1.0
"""All streams together, once their sockets are shut down."""
STALLED_S = 0.9
"""A test whose end brought no byte for so long has stalled."""

END_SHARE = 0.05
"""An interval shorter than this share of the others belongs to the one before."""

_EMPTY = TrafficError("server", "has nothing to download", outcome=Outcome.INVALID)
Transfers = Callable[[int], Iterator[TrafficError | None]]
"""The endless transfers of a stream; what comes is how each ended."""


def connect_until(profile: ThroughputProfile, deadline: float) -> float:
    """When the connections must stand, the look-up of the name included.

    Leaves room for the whole window: a deadline within it would look like a network that died.
    """
    latest = deadline - profile.warmup_s - profile.window_s
    return min(time.monotonic() + profile.connect_timeout_s, latest)


class HttpLoad:
    """One test; `run` may be called once."""

    def __init__(
        self,
        profile: ThroughputProfile,
        server: Server,
        path: NetPath,
        cancel: threading.Event,
        on_progress: OnProgress,
        *,
        deadline: float,
    ) -> None:
        """It ends by `deadline`, on the monotonic clock."""
        self._profile = profile
        self._server = server
        self._path = path
        self._cancel = cancel
        self._on_progress = on_progress
        self._deadline = deadline
        self._moved = [0] * profile.streams
        self._connections: list[HttpConnection] = []
        self._server_received: list[int] = []
        self._errors: list[TrafficError] = []
        self._failed = threading.Event()
        self._enough = threading.Event()
        self._counted_bytes = 0
        self._stopped: str | None = None
        self._watch = Watch(
            profile.early_stop, window_s=profile.window_s, interval_s=profile.interval_s
        )

    def run(self) -> Transferred:
        """Connect all streams, let them load, and count; raises `TrafficError` before that."""
        with Fuse(self._cancel, deadline_s=max(self._deadline - time.monotonic(), 0)) as fuse:
            try:
                self._connect_all(fuse)
                intervals = self._load(fuse)
            finally:
                for connection in self._connections:
                    connection.close()
        up = self._profile.direction is Direction.UP
        return Transferred(
            intervals=intervals,
            acknowledged=up,
            server_received_bytes=sum(self._server_received) if self._server_received else None,
            stopped=self._stopped,
            error=self._error(intervals),
        )

    def _error(self, intervals: tuple[Interval, ...]) -> TrafficError | None:
        if self._cancel.is_set():
            return CancelledError()
        if self._errors:
            return self._errors[0]
        if self._counted_bytes == 0:
            return TrafficError("request", "no answer")
        if self._stopped is None and _silence_s(intervals) >= STALLED_S:
            return TrafficError("transfer", "stalled")
        return None

    def _connect_all(self, fuse: Fuse) -> None:
        if self._server.http_port is None:
            raise TrafficError("server", "has no HTTP port", outcome=Outcome.INVALID)
        until = connect_until(self._profile, self._deadline)
        address = resolve(
            self._server.host,
            self._server.http_port,
            self._path,
            timeout_s=max(until - time.monotonic(), 0),
            cancel=self._cancel,
        )
        for _ in range(self._profile.streams):
            self._connections.append(self._connect(address, fuse, until))

    def _connect(self, address: Address, fuse: Fuse, until: float) -> HttpConnection:
        return HttpConnection(
            address,
            self._path,
            fuse,
            host=self._server.host,
            connect_timeout_s=max(until - time.monotonic(), 0.001),
        )

    def _load(self, fuse: Fuse) -> tuple[Interval, ...]:
        stream = self._download if self._profile.direction is Direction.DOWN else self._upload
        started = time.monotonic()
        streams = [
            threading.Thread(target=self._stream, args=(stream, number, started), daemon=True)
            for number in range(self._profile.streams)
        ]
        for each in streams:
            each.start()
        try:
            return tuple(self._count(started))
        finally:
            self._enough.set()
            fuse.blow()
            until = time.monotonic() + JOIN_S
            for each in streams:
                each.join(max(until - time.monotonic(), 0))

    def _stream(self, transfers: Transfers, number: int, started: float) -> None:
        """Wait for the stream's turn, then transfer until it is enough or something breaks."""
        if self._enough.wait(max(started + number * self._profile.stagger_s - time.monotonic(), 0)):
            return
        for error in transfers(number):
            if self._enough.is_set():
                return
            if error is not None:
                self._errors.append(error)
                self._failed.set()
                return

    def _download(self, number: int) -> Iterator[TrafficError | None]:
        profile = self._profile
        size_bytes: int | None = None
        for turn in itertools.count():
            byte_range = None
            if profile.range_bytes is not None:
                first = (number + turn * profile.streams) * profile.range_bytes
                if size_bytes is not None:
                    first %= max(size_bytes - profile.range_bytes, 1)
                byte_range = (first, first + profile.range_bytes - 1)
            transfer = self._connections[number].get(
                profile.resource,
                silence_s=profile.deadline_s,
                byte_range=byte_range,
                on_bytes=lambda size: self._add(number, size),
            )
            size_bytes = transfer.resource_bytes or size_bytes
            nothing = transfer.complete and not transfer.payload_bytes
            yield _EMPTY if nothing else transfer.error

    def _upload(self, number: int) -> Iterator[TrafficError | None]:
        profile = self._profile
        while True:
            upload = self._connections[number].post(
                profile.upload_resource,
                body_bytes=profile.upload_bytes,
                silence_s=profile.deadline_s,
                on_bytes=lambda size: self._add(number, size),
            )
            if upload.received_bytes is not None:
                self._server_received.append(upload.received_bytes)
            yield upload.error

    def _add(self, number: int, size: int) -> None:
        self._moved[number] += size

    def _moved_bytes(self) -> int:
        """Payload so far; upwards without what the far end has not confirmed."""
        moved = sum(self._moved)
        if self._profile.direction is Direction.UP:
            moved -= sum(each.unacknowledged_bytes for each in self._connections)
        self._counted_bytes = max(moved, self._counted_bytes)
        return self._counted_bytes

    def _count(self, started: float) -> Iterator[Interval]:
        """Intervals through warm-up and window, until a stream breaks or the test may stop."""
        begun, counted = started, 0
        window_from = 0
        for end_s, warmup in self._ends():
            over = self._wait(started, started + end_s, window_from=None if warmup else window_from)
            now, moved = time.monotonic(), self._moved_bytes()
            if warmup:
                window_from = moved
            rate = 8 * (moved - counted) / max(now - begun, 1e-6)
            yield Interval(
                start_s=begun - started,
                duration_s=now - begun,
                payload_bytes=moved - counted,
                warmup=warmup,
            )
            self._on_progress(
                Progress(
                    stage="transfer",
                    elapsed_s=now - started,
                    bits_per_second=rate,
                    payload_bytes=moved,
                )
            )
            begun, counted = now, moved
            if over:
                return

    def _ends(self) -> Iterator[tuple[float, bool]]:
        """When each interval ends, since the start, and whether it is of the warm-up."""
        profile = self._profile
        parts = ((0.0, profile.warmup_s, True), (profile.warmup_s, profile.window_s, False))
        for from_s, length_s, warmup in parts:
            count = max(math.ceil(length_s / profile.interval_s - END_SHARE), 0)
            for number in range(1, count + 1):
                end_s = length_s if number == count else number * profile.interval_s
                yield from_s + end_s, warmup

    def _wait(self, started: float, until: float, *, window_from: int | None) -> bool:
        """Wait for an instant; True as soon as the test is broken, cancelled or may stop."""
        while (left_s := until - time.monotonic()) > 0:
            if self._cancel.is_set() or self._failed.wait(min(left_s, LOOK_S)):
                return True
            now, moved = time.monotonic(), self._moved_bytes()
            if now >= self._deadline or self._is_silent(now - started, moved):
                return True
            window_s = now - started - self._profile.warmup_s
            self._stopped = self._watch.look(
                window_s=None if window_from is None else window_s,
                window_bytes=moved - (window_from or 0),
                total_bytes=moved,
            )
            if self._stopped is not None:
                return True
        return False

    def _is_silent(self, elapsed_s: float, moved: int) -> bool:
        return moved == 0 and elapsed_s > self._profile.connect_timeout_s


def _silence_s(intervals: tuple[Interval, ...]) -> float:
    """Of the end without a byte."""
    silent = itertools.takewhile(lambda each: not each.payload_bytes, reversed(intervals))
    return sum(each.duration_s for each in silent)
