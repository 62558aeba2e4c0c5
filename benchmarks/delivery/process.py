"""The probe's side as a group of processes: its words, its memory, its processor time."""

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, NamedTuple

from benchmarks.delivery.accepted import Accepted
from benchmarks.delivery.contestant import Program

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
STOP_TIMEOUT_S = 20.0


class Usage(NamedTuple):
    """Of the processes that keep rows."""

    rss_bytes: int
    cpu_s: float


class ProbeSide:
    """One life of it, in a process group of its own."""

    def __init__(self, program: Program, *, log: Path, accepted: Accepted) -> None:
        """Start it; what it accepts is heard in a thread."""
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                program.command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=os.environ | program.environment,
                text=True,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=accepted.hear, args=(self._words(),), daemon=True)
        self._reader.start()

    def burst(self, rows: int) -> None:
        """Have so many rows written at once."""
        stream = _there(self._process.stdin)
        stream.write(f"burst {rows}\n")
        stream.flush()

    def usage(self, keeper: str) -> Usage:
        """Of the processes of this name, or of all."""
        found = [_usage(pid) for pid in _group(self._process.pid, keeper)]
        return Usage(sum(one.rss_bytes for one in found), sum(one.cpu_s for one in found))

    def kill(self) -> None:
        """SIGKILL for all of it; what it had said before counts."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)
        self._reader.join(STOP_TIMEOUT_S)
        for stream in (self._process.stdin, self._process.stdout):
            _there(stream).close()

    def _words(self) -> "IO[str]":
        return _there(self._process.stdout)


def _there(stream: "IO[str] | None") -> "IO[str]":
    if stream is None:
        raise RuntimeError("the probe's side has no such stream")
    return stream


def _group(leader: int, name: str) -> list[int]:
    """Processes of a group, those of this name where one is given."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            head, _, rest = (folder / "stat").read_text().rpartition(")")
            if int(rest.split()[2]) == leader and name in head:
                found.append(int(folder.name))
    return found


def _usage(pid: int) -> Usage:
    """Now; zeros where it is gone."""
    proc = Path("/proc") / str(pid)
    try:
        words = (proc / "stat").read_text().rpartition(")")[2].split()
        status = (proc / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return Usage(0, 0.0)
    rss = next((line for line in status.splitlines() if line.startswith("VmRSS:")), "VmRSS: 0")
    return Usage(int(rss.split()[1]) * 1024, (int(words[11]) + int(words[12])) / TICKS_PER_S)
