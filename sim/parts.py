"""Child processes and ports of a simulation: started together, ended for certain.

A `Part` leads a process group of its own, and the whole group ends when its starter dies, so a
crashed or killed demo leaves nothing behind.
"""

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

POLL_S = 0.05
COMMAND_TIMEOUT_S = 30.0
LOG_TAIL_BYTES = 4096
LIFELINE = 'exec 3<&0 </dev/null; ({ read -r _ <&3; kill -KILL 0; } &); exec "$@" 3<&-'
"""For a shell whose standard input is a pipe that only the starter can write to.

When the starter is gone, however it went, the pipe ends and the group is killed. The kernel's own
means, PR_SET_PDEATHSIG, is lost where a server such as gpsd gives up its privileges.
"""
KILL_GRACE_S = 5.0
"""After SIGKILL a process is gone as soon as the kernel lets go of it."""


class PartError(RuntimeError):
    """Something of the simulation did not start or did not come up."""


class MissingCommandError(PartError):
    """A program the simulation needs is not installed."""

    def __init__(self, command: str) -> None:
        """Name the program."""
        super().__init__(f"{command} is not installed (run `make setup`, or see the README)")
        self.command = command


class TooLateError(PartError):
    """What was waited for did not happen within its deadline."""

    def __init__(self, what: str, timeout_s: float) -> None:
        """Name the event and how long it was given."""
        super().__init__(f"{what}: not within {timeout_s:g} s")
        self.what = what
        self.timeout_s = timeout_s


class CommandError(PartError):
    """A command did not do what it was asked to."""

    def __init__(self, command: str, problem: str) -> None:
        """Keep its words, and what it said."""
        super().__init__(f"{command}: {problem}")
        self.command = command
        self.problem = problem


class Part:
    """One child process; a context manager that ends it.

    Output of all its runs is appended to `log`.
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        pass_fds: Collection[int] = (),
    ) -> None:
        """Prepare; nothing runs yet. `environment` is added to ours, `pass_fds` are inherited."""
        self.name = name
        self.arguments = tuple(arguments)
        self.log = log
        self._environment = dict(environment or {})
        self._pass_fds = tuple(pass_fds)
        self._process: subprocess.Popen[bytes] | None = None
        self._lifeline = -1

    def start(self) -> Self:
        """Start (again, after the last run has ended); raises `MissingCommandError`."""
        if self.running:
            raise PartError(f"{self.name} is running already")
        self.kill()  # what the last run left of its group
        their_end, our_end = os.pipe()
        try:
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603  # arguments are ours
                    [find_command("sh"), "-c", LIFELINE, self.name, *self.arguments],
                    stdin=their_end,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=os.environ | self._environment,
                    start_new_session=True,
                    pass_fds=self._pass_fds,
                )
        except BaseException:
            os.close(our_end)
            raise
        finally:
            os.close(their_end)
        self._lifeline = our_end
        return self

    @property
    def pid(self) -> int | None:
        """Of the last run; None before the first."""
        return None if self._process is None else self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process itself lives."""
        return self._process is not None and not _has_ended(self._process, 0)

    @property
    def log_tail(self) -> str:
        """The end of its output, for an error message."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_TAIL_BYTES))
            return log.read().decode(errors="replace")

    def stop(self, grace_s: float = 10.0) -> int | None:
        """Ask to end, insist after `grace_s`; gives the exit code (negative: the signal)."""
        if self._process is None:
            return None
        if self._process.returncode is None:
            self._process.terminate()
            _has_ended(self._process, grace_s)
        return self.kill()

    def kill(self) -> int | None:
        """SIGKILL for the process and all its group; gives the exit code. Idempotent."""
        process = self._process
        if process is None or process.returncode is not None:
            return None if process is None else process.returncode
        # The leader is not reaped yet, so its group id cannot belong to anybody else.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        os.close(self._lifeline)
        return process.wait(KILL_GRACE_S)

    def wait(self, timeout_s: float) -> int:
        """Exit code once it has ended by itself; raises `TooLateError`."""
        if self._process is None or not _has_ended(self._process, timeout_s):
            raise TooLateError(f"end of {self.name}", timeout_s)
        code = self.kill()
        return 0 if code is None else code

    def wait_until(self, ready: Callable[[], bool], what: str, timeout_s: float) -> None:
        """Return once `ready()`; raises as soon as the process has ended or time is up."""
        try:
            wait_until(lambda: ready() or not self.running, what, timeout_s)
        except TooLateError as error:
            raise PartError(f"{error}\n{self.log_tail}") from error
        if not self.running:
            raise PartError(f"{self.name} ended before {what}:\n{self.log_tail}")

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


class ReservedPort:
    """A TCP port of 127.0.0.1 that the system gives to nobody else while this is open.

    The socket is bound and never listens; a server that sets SO_REUSEADDR, as they all do, may
    listen on the port, die, and find it free again.
    """

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", 0))
        self.number: int = self._socket.getsockname()[1]

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def find_command(name: str) -> str:
    """Path of a program: beside our Python, on PATH or in sbin; raises `MissingCommandError`."""
    beside = Path(sys.executable).with_name(name)
    if beside.exists():
        return str(beside)
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin"
    found = shutil.which(name, path=path)
    if found is None:
        raise MissingCommandError(name)
    return found


def run_command(
    *command: str, fine: Collection[int] = (0,), timeout_s: float = COMMAND_TIMEOUT_S
) -> str:
    """What a short command says; raises `CommandError`, `MissingCommandError`.

    `fine` are the exit codes of success: e2fsck ends with 1 when it has mended.
    """
    words = " ".join(command)
    try:
        done = subprocess.run(  # noqa: S603  # arguments are ours
            [find_command(command[0]), *command[1:]],
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CommandError(words, str(error)) from error
    if done.returncode not in fine:
        raise CommandError(words, done.stderr.strip() or f"ended with {done.returncode}")
    return done.stdout


def wait_until(ready: Callable[[], bool], what: str, timeout_s: float) -> float:
    """Seconds until `ready()` was true; raises `TooLateError` with `what` after `timeout_s`."""
    began_s = time.monotonic()
    while not ready():
        if time.monotonic() - began_s > timeout_s:
            raise TooLateError(what, timeout_s)
        time.sleep(POLL_S)
    return time.monotonic() - began_s


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Whether somebody listens on this port, of this machine by default."""
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _has_ended(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Whether it ended within `timeout_s`, without reaping it."""
    if process.returncode is not None:
        return True
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(timeout_s * 1000))
    finally:
        os.close(handle)
