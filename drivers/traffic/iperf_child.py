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
from types import FrameType

import iperf3
import msgspec

from drivers.traffic.iperf import Ended, IperfAnswer, IperfRequest

ANSWER_FD = 1
POLL_S = 0.1
UNBLOCK_S = 3.0
"""After its control connection was cut libiperf returns within 0.1 s; on a busy machine later."""
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
        self._cancelled = threading.Event()
        signal.signal(signal.SIGTERM, self._on_term)

    def run(self) -> IperfAnswer:
        """The test until it ends by itself, is cancelled or reaches its deadline."""
        deadline = time.monotonic() + self._request.deadline_s
        thread = threading.Thread(target=self._library.iperf_run_client, args=(self._test,))
        thread.daemon = True
        thread.start()
        while thread.is_alive() and not self._cancelled.is_set() and time.monotonic() < deadline:
            thread.join(POLL_S)
        if not thread.is_alive():
            return self._answer("finished")
        self._cut_control_connection()
        thread.join(UNBLOCK_S)
        ended: Ended = "cancelled" if self._cancelled.is_set() else "deadline"
        if thread.is_alive():
            return IperfAnswer(ended=ended, error="connecting")
        return self._answer(ended)

    def _answer(self, ended: Ended) -> IperfAnswer:
        text = self._library.iperf_get_test_json_output_string(self._test)
        number = ctypes.c_int.in_dll(self._library, "i_errno").value
        error = self._library.iperf_strerror(number) if number else None
        return IperfAnswer(
            ended=ended,
            report=text.decode(errors="replace") if text else None,
            error=error.decode(errors="replace") if error else None,
        )

    def _declare(self) -> None:
        """Argument types of what the wrapper leaves out: 64-bit pointers are cut without."""
        library = self._library
        library.iperf_set_test_bind_dev.argtypes = (ctypes.c_void_p, ctypes.c_char_p)
        library.iperf_set_test_bind_dev.restype = None
        library.iperf_set_test_connect_timeout.argtypes = (ctypes.c_void_p, ctypes.c_int)
        library.iperf_set_test_connect_timeout.restype = None
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
        if request.interface is not None:
            self._library.iperf_set_test_bind_dev(self._test, request.interface.encode())

    def _cut_control_connection(self) -> None:
        """Wake libiperf: it gives up at once and keeps the intervals it has."""
        descriptor = self._library.iperf_get_control_socket(self._test)
        if descriptor < 0:
            return
        try:
            with socket.socket(fileno=os.dup(descriptor)) as control:
                control.shutdown(socket.SHUT_RDWR)
        except OSError:
            return  # closed, or not connected yet: there is nothing to wake

    def _on_term(self, _number: int, _frame: FrameType | None) -> None:
        self._cancelled.set()


def _die_with_parent() -> None:
    """No test may outlive the agent that pays for its data."""
    parent = os.getppid()
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _limit(request: IperfRequest) -> None:
    cpu_s = round(request.deadline_s) + 30
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_FILES, MAX_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    main()
