"""One iperf3 test in a process of its own: `python -m drivers.traffic.iperf_child REQUEST`.

The only import of `iperf3`. libiperf writes to and closes descriptors that are no longer its own,
blocks for ever on dead links, ignores signals and prints its report into a pipe that the wrapper
does not read. None of it matters in a process that owns nothing, lives for one test and is left
with `os._exit`.
"""

import ctypes
import os
import resource
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType

import iperf3
import msgspec

from drivers.traffic.early_stop import Watch
from drivers.traffic.iperf import Ended, IperfAnswer, IperfRequest
from drivers.traffic.kernel_counts import carried_by_others, sockets_beside

ANSWER_FD = 1
POLL_S = 0.1
UNBLOCK_S = 0.8
"""After its control connection was cut libiperf returns within 0.1 s; on a busy machine later."""
FINISH_S = 8.0
"""A test that is asked to end early exchanges its results within this, or is cut: they wait behind
what fills the network's queues."""
COOKIE_BYTES = 37
"""What each connection says of itself before the payload."""
MAX_MEMORY_BYTES = 2 << 30
"""Address space: a stream of newer libiperf is a thread, which reserves 72 MiB and uses little."""
MAX_FILES = 512
PR_SET_PDEATHSIG = 1


def main() -> None:
    """Run the request on the command line and write the answer; does not return."""
    answer_fd = os.dup(ANSWER_FD)
    null_fd = os.open(os.devnull, os.O_RDWR)
    os.dup2(null_fd, ANSWER_FD)  # whatever libiperf prints must not mix with the answer
    try:
        request = msgspec.json.decode(sys.argv[1], type=IperfRequest)
        _die_with_parent()
        _limit(request)
        answer = _Test(request, null_fd).run()
    except (OSError, ValueError, IndexError, AttributeError, MemoryError) as error:
        answer = IperfAnswer(ended="fault", error=f"{type(error).__name__}: {error}")
    with os.fdopen(answer_fd, "wb") as pipe:
        pipe.write(msgspec.json.encode(answer))
    os._exit(0)


class _Test:
    """One client of libiperf. Its memory and descriptors are the kernel's to clean up."""

    def __init__(self, request: IperfRequest, null_fd: int) -> None:
        iperf3.IPerf3.__del__ = lambda _: None  # it would use descriptors it has closed
        self._request = request
        self._client = iperf3.Client()
        os.dup2(null_fd, self._client._pipe_in)  # noqa: SLF001 - nobody reads it: 64 KiB block for ever
        self._library = self._client.lib
        self._test = ctypes.c_void_p(self._client._test)  # noqa: SLF001 - the handle has no public name
        self._declare()
        self._configure()
        self._gauge = _Gauge(request, self._control_descriptor)
        self._stopped: str | None = None
        self._stopped_at = 0.0
        self._cancelled = threading.Event()
        signal.signal(signal.SIGTERM, self._on_term)

    def run(self) -> IperfAnswer:
        """The test until it ends by itself, is cancelled or reaches its deadline."""
        thread = threading.Thread(target=self._library.iperf_run_client, args=(self._test,))
        thread.daemon = True
        thread.start()
        ended: Ended | None = None
        while thread.is_alive() and ended is None:
            thread.join(POLL_S)
            if thread.is_alive():
                ended = self._look(time.monotonic())
        if ended is None:
            return self._answer("finished")
        self._cut_control_connection()
        thread.join(UNBLOCK_S)
        if thread.is_alive():
            return IperfAnswer(ended=ended, error="connecting", stopped=self._stopped)
        return self._answer(ended)

    def _look(self, now: float) -> Ended | None:
        """How the test must be cut now, if it must."""
        if self._cancelled.is_set():
            return "cancelled"
        if now >= self._request.deadline_mono_s:
            return "deadline"
        if self._gauge.waits_s(now) > self._request.answer_timeout_s:
            return "unanswered"
        return self._stop_early(now, self._gauge.look(now))

    def _stop_early(self, now: float, reason: str | None) -> Ended | None:
        """Ask for the end where the test may end, and cut it if that does not help."""
        if self._stopped is not None:
            return "finished" if now > self._stopped_at + FINISH_S else None
        if reason is None:
            return None
        self._stopped, self._stopped_at = reason, now
        if self._gauge.in_warmup(now):
            return "finished"
        # The client ends a test that has moved so many bytes, exchanging results as always.
        self._library.iperf_set_test_bytes(self._test, 1)
        return None

    def _answer(self, ended: Ended) -> IperfAnswer:
        text = self._library.iperf_get_test_json_output_string(self._test)
        number = ctypes.c_int.in_dll(self._library, "i_errno").value
        error = self._library.iperf_strerror(number) if number else None
        return IperfAnswer(
            ended=ended,
            report=text.decode(errors="replace") if text else None,
            error=error.decode(errors="replace") if error else None,
            stopped=self._stopped,
            carried_bytes=self._gauge.carried_bytes,
            acknowledged=tuple(self._gauge.acknowledged),
        )

    def _declare(self) -> None:
        """Argument types of what the wrapper leaves out: 64-bit pointers are cut without."""
        library = self._library
        library.iperf_set_test_bind_dev.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
        library.iperf_set_test_bind_dev.restype = None
        library.iperf_set_test_connect_timeout.argtypes = (ctypes.c_void_p, ctypes.c_int)
        library.iperf_set_test_connect_timeout.restype = None
        library.iperf_set_test_stats_interval.argtypes = (ctypes.c_void_p, ctypes.c_double)
        library.iperf_set_test_stats_interval.restype = None
        library.iperf_set_test_reporter_interval.argtypes = (ctypes.c_void_p, ctypes.c_double)
        library.iperf_set_test_reporter_interval.restype = None
        library.iperf_set_test_bytes.argtypes = (ctypes.c_void_p, ctypes.c_uint64)
        library.iperf_set_test_bytes.restype = None
        library.iperf_set_test_rate.argtypes = (ctypes.c_void_p, ctypes.c_uint64)
        library.iperf_set_test_rate.restype = None
        library.iperf_set_test_blksize.argtypes = (ctypes.c_void_p, ctypes.c_int)
        library.iperf_set_test_blksize.restype = None
        library.set_protocol.argtypes = (ctypes.c_void_p, ctypes.c_int)
        library.set_protocol.restype = ctypes.c_int
        library.iperf_get_control_socket.argtypes = (ctypes.c_void_p,)
        library.iperf_get_control_socket.restype = ctypes.c_int
        library.iperf_get_test_json_output_string.argtypes = (ctypes.c_void_p,)
        library.iperf_get_test_json_output_string.restype = ctypes.c_char_p
        library.iperf_strerror.argtypes = (ctypes.c_int,)
        library.iperf_strerror.restype = ctypes.c_char_p

    def _configure(self) -> None:
        request = self._request
        client = self._client
        client.server_hostname = request.host
        client.port = request.port
        client.num_streams = request.streams
        client.omit = request.warmup_s
        client.duration = request.window_s
        client.reverse = request.reverse
        timeout_ms = round(request.connect_timeout_s * 1000)
        self._library.iperf_set_test_connect_timeout(self._test, timeout_ms)
        self._library.iperf_set_test_stats_interval(self._test, request.interval_s)
        self._library.iperf_set_test_reporter_interval(self._test, request.interval_s)
        if request.udp_bits_per_second is not None:
            if self._library.set_protocol(self._test, socket.SOCK_DGRAM) != 0:
                raise OSError("libiperf has no UDP")
            each = round(request.udp_bits_per_second / request.streams)  # it counts by stream
            self._library.iperf_set_test_rate(self._test, each)
            self._library.iperf_set_test_blksize(self._test, request.udp_payload_bytes)
        if request.interface is not None:
            self._library.iperf_set_test_bind_dev(self._test, request.interface.encode())

    def _control_descriptor(self) -> int:
        """Negative before it is connected."""
        return int(self._library.iperf_get_control_socket(self._test))

    def _cut_control_connection(self) -> None:
        """Wake libiperf: it gives up at once and keeps the intervals it has."""
        descriptor = self._control_descriptor()
        if descriptor < 0:
            return
        try:
            with socket.socket(fileno=os.dup(descriptor)) as control:
                control.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed, or not connected yet: there is nothing to wake

    def _on_term(self, _number: int, _frame: FrameType | None) -> None:
        self._cancelled.set()


class _Gauge:
    """How far the test is, by the kernel's counts: libiperf keeps its own to itself.

    A payload's first byte is seen up to a tenth of a second late, so our window begins no earlier
    than libiperf's and holds no more than that does.
    """

    def __init__(self, request: IperfRequest, control: Callable[[], int]) -> None:
        self._request = request
        self._control = control
        self._watch = Watch(
            request.early_stop, window_s=request.window_s, interval_s=request.interval_s
        )
        self._connected_at: float | None = None
        self._begun_at: float | None = None
        self._window_from: tuple[float, int] | None = None
        self._tcp = request.udp_bits_per_second is None
        self.carried_bytes: int | None = None
        self.acknowledged: list[tuple[float, int]] = []

    def waits_s(self, now: float) -> float:
        """For how long the connected server has not let the test begin."""
        if self._begun_at is not None:
            return 0.0
        if self._connected_at is None and self._control() >= 0:
            self._connected_at = now
        return 0.0 if self._connected_at is None else now - self._connected_at

    def in_warmup(self, now: float) -> bool:
        """Whether the window has not begun."""
        return self._begun_at is None or now < self._begun_at + self._request.warmup_s

    def look(self, now: float) -> str | None:
        """Count, and say why the test may end early if it may."""
        total_bytes = self._count_tcp() if self._tcp else self._count_udp(now)
        if total_bytes is None:
            return None
        if self._begun_at is None:
            self._begun_at = now
        if self._tcp and not self._request.reverse:
            self.acknowledged.append((round(now - self._begun_at, 4), total_bytes))
        if self.in_warmup(now):
            return self._watch.look(window_s=None, window_bytes=0, total_bytes=total_bytes)
        if self._window_from is None:
            self._window_from = (now, total_bytes)
        from_at, from_bytes = self._window_from
        return self._watch.look(
            window_s=now - from_at,
            window_bytes=total_bytes - from_bytes,
            total_bytes=total_bytes,
        )

    def _count_tcp(self) -> int | None:
        streams = carried_by_others(self._control())
        counts = [
            each.received_bytes if self._request.reverse else each.acknowledged_bytes
            for each in streams
        ]
        payload_bytes = sum(max(count - COOKIE_BYTES, 0) for count in counts)
        # After the end the connections close one by one: a count that falls is none.
        if payload_bytes and payload_bytes >= (self.carried_bytes or 0):
            self.carried_bytes = payload_bytes
        return self.carried_bytes

    def _count_udp(self, now: float) -> int | None:
        """At the given rate since the sockets were made: the most that can have been sent."""
        if self._begun_at is None:
            return 0 if sockets_beside(self._control()) >= self._request.streams else None
        return round((now - self._begun_at) * (self._request.udp_bits_per_second or 0.0) / 8)


def _die_with_parent() -> None:
    """No test may outlive the agent that pays for its data."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _limit(request: IperfRequest) -> None:
    cpu_s = max(round(request.deadline_mono_s - time.monotonic()), 0) + 30
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
