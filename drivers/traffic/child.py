"""A child process that must end: its answer through one pipe, bounded in time and size."""

import contextlib
import os
import select
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

POLL_S = 0.1
KILL_AFTER_S = 1.2
"""A child that overruns its deadline by this much is killed."""
REAP_S = 0.5
"""A killed child is waited for so long; one that the kernel holds longer is left to it."""
CANCEL_GRACE_S = 0.8
"""A cancelled child may hand over what it has for this long before it is killed."""
READ_BYTES = 1 << 16
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - its files lie in a folder of mode 0700 of our own
PACKAGE_ROOT = Path(__file__).resolve().parents[2]


class ChildEnd(msgspec.Struct, frozen=True, kw_only=True):
    """How a child ended. `fault` is None when it ended by itself with exit code 0."""

    output: bytes
    fault: str | None = None
    cancelled: bool = False


def run_child(
    command: Sequence[str],
    *,
    deadline_s: float,
    max_output_bytes: int,
    cancel: threading.Event,
    on_tick: Callable[[float], None] = lambda _: None,
) -> ChildEnd:
    """Run a command in a session of its own and collect its standard output.

    It gets no descriptor of ours, no input, and temporary files in memory. On `cancel` it is sent
    SIGTERM, then SIGKILL; after the deadline SIGKILL. `on_tick` hears the seconds since the start.
    """
    folder = SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="dosong-", dir=folder) as scratch:
        started = time.monotonic()
        try:
            process = subprocess.Popen(  # noqa: S603 - the command is ours
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env={
                    "PATH": os.environ.get("PATH", os.defpath),
                    "PYTHONPATH": str(PACKAGE_ROOT),
                    "TMPDIR": scratch,
                    "LC_ALL": "C",
                },
            )
        except OSError as error:
            return ChildEnd(output=b"", fault=f"cannot start: {error.strerror or error}")
        try:
            return _collect(
                process,
                started=started,
                kill_after_s=deadline_s + KILL_AFTER_S,
                max_output_bytes=max_output_bytes,
                cancel=cancel,
                on_tick=on_tick,
            )
        finally:
            _kill_session(process)


def _collect(
    process: subprocess.Popen[bytes],
    *,
    started: float,
    kill_after_s: float,
    max_output_bytes: int,
    cancel: threading.Event,
    on_tick: Callable[[float], None],
) -> ChildEnd:
    assert process.stdout is not None  # noqa: S101 - we asked for the pipe
    pipe = process.stdout.fileno()
    poller = select.poll()
    poller.register(pipe, select.POLLIN)
    output = bytearray()
    deadline = started + kill_after_s
    cancelled = False
    while True:
        if poller.poll(POLL_S * 1000):
            piece = os.read(pipe, READ_BYTES)
            if not piece:
                break
            output += piece
            if len(output) > max_output_bytes:
                return ChildEnd(output=b"", fault=f"more than {max_output_bytes} bytes of output")
        elif process.poll() is not None:
            break  # somebody it started still holds the pipe
        now = time.monotonic()
        on_tick(now - started)
        if cancel.is_set() and not cancelled:
            cancelled = True
            deadline = min(deadline, now + CANCEL_GRACE_S)
            process.terminate()
        if now > deadline:
            fault = "did not end when cancelled" if cancelled else "hung and was killed"
            return ChildEnd(output=bytes(output), fault=fault, cancelled=cancelled)
    return ChildEnd(output=bytes(output), fault=_exit_fault(process, deadline), cancelled=cancelled)


def _exit_fault(process: subprocess.Popen[bytes], deadline: float) -> str | None:
    try:
        code = process.wait(max(deadline - time.monotonic(), POLL_S))
    except subprocess.TimeoutExpired:
        return "closed its output but did not end"
    if code == 0:
        return None
    return f"crashed: {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _kill_session(process: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started; it leads its process group."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(REAP_S)
