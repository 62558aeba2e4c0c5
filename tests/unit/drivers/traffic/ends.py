"""Profiles for quick tests, and far ends that misbehave."""

import contextlib
import socket
import threading
import time
from pathlib import Path

from drivers.traffic import LatencyProfile, ThroughputProfile, VideoProfile
from drivers.traffic.profile import Method, Paced
from wire.kinds.throughput import Direction

REPORTS = Path(__file__).parent / "reports"
PROFILES = Path(__file__).parents[4] / "config" / "profiles"


def capacity(
    direction: Direction = Direction.DOWN, method: Method = Method.IPERF3, **changes
) -> ThroughputProfile:
    shape = {"streams": 2, "warmup_s": 1, "window_s": 2, "connect_timeout_s": 2.0}
    shape |= {"slot_wait_s": 1} | changes
    return ThroughputProfile(name="test", direction=direction, method=method, **shape)


def session(**changes) -> VideoProfile:
    shape = {
        "height": 1080,
        "media_bits_per_second": 5_000_000,
        "target_bits_per_second": 5_000_000,
        "segment_s": 2,
        "segments": 3,
        "access_timeout_s": 2.0,
        "stall_timeout_s": 1.0,
        "slot_wait_s": 0.0,
    }
    return VideoProfile(name="test", **(shape | changes))


def streamed(manifest: str, **changes) -> VideoProfile:
    """A session of 2 s of a film, wanted at 180 lines."""
    shape = {
        "height": 180,
        "manifest": manifest,
        "media_bits_per_second": 400_000,
        "target_bits_per_second": 100_000,
        "play_s": 2,
        "access_timeout_s": 2.0,
        "stall_timeout_s": 1.0,
        "start_threshold_s": 0.5,
        "slot_wait_s": 0.0,
    }
    return VideoProfile(name="test", **(shape | changes))


def paced(**changes) -> VideoProfile:
    shape = {
        "height": 1080,
        "target_bits_per_second": 5_000_000,
        "paced": Paced(),
        "slot_wait_s": 0.0,
    }
    return VideoProfile(name="test", **(shape | changes))


def round_trips(**changes) -> LatencyProfile:
    return LatencyProfile(
        name="test", **({"count": 4, "timeout_s": 1.0, "interval_s": 0} | changes)
    )


class Misbehaving:
    """Accepts connections, answers each request with `answer`, and says no more."""

    def __init__(self, answer: bytes = b"", *, then_close: bool = False, backlog: int = 16) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self._listener.settimeout(0.1)
        self.port: int = self._listener.getsockname()[1]
        self._answer = answer
        self._then_close = then_close
        self._accepted: list[socket.socket] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while not self._done.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            self._accepted.append(connection)
            if self._answer:
                with contextlib.suppress(ConnectionError):  # a client that has had enough
                    connection.recv(4096)
                    connection.sendall(self._answer)
            if self._then_close:
                connection.close()

    def close(self) -> None:
        self._done.set()
        self._thread.join(5)
        for connection in self._accepted:
            connection.close()
        self._listener.close()


def run_until(condition, what: str, timeout_s: float = 10.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {timeout_s} s"
        threading.Event().wait(0.02)
