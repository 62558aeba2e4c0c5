"""A Linux machine in a process group: user-mode Linux on a disk image, with our own programs.

SIGKILL of the group is a power cut: what the guest's kernel had not written and flushed to its disk
is gone. Its root is this machine's, read only; what it may write is an ext4 file system of its own,
whose journal the next boot replays.
"""

import fcntl
import os
import select
import shlex
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sim.guest.cable import Cable
from sim.parts import Part, PartError, TooLateError, find_command, run_command

MEMORY_MB = 160
DISK_MB = 64
ABOVE_THE_SHELLS = 10
"""File descriptors below belong to the shell between us and the guest."""
CHUNK_BYTES = 1 << 16
ENDED = "ended "
"""What the guest says last, with the exit code of its program."""

INIT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
stty -F /dev/ttyS0 raw -echo
mount -t ext4 -o noatime /dev/ubda {disk} || exit
ip link set lo up
{network}
{program} >/dev/ttyS0
echo {ended}$? >/dev/ttyS0
exec sleep infinity
"""
NETWORK = """\
ip addr add {address}/24 dev vec0
ip link set vec0 up
mount --bind {hosts} /etc/hosts
"""


class Guest:
    """A machine that is off. Its disk is kept over all boots and cuts.

    Whatever must survive a cut can be tried on it:

        guest = Guest(tmp_path / "guest")
        with guest.boot([sys.executable, program, guest.disk], environment=...) as session:
            for line in session.lines(3.0): ...  # what the program says within 3 s
            told = session.cut()  # what it had said on top
        with guest.boot([sys.executable, look, guest.disk]) as session:
            told = session.finish(10.0)  # all it said, once it has ended with 0

    Programs are this machine's, by their paths; the environment is theirs alone. `disk` is the
    only folder they can write to, and for us an empty one. With a `cable`, which takes root, the
    guest reaches our end of it as `localhost`, the name in the broker's certificate.
    """

    def __init__(self, folder: Path, *, cable: Cable | None = None, disk_mb: int = DISK_MB) -> None:
        """Make the disk below `folder`; raises `PartError`, also where a program is missing."""
        self.disk = folder / "disk"
        self.disk.mkdir(parents=True)
        self.log = folder / "guest.log"
        """What its kernel says, and what the programs say on stderr."""
        self._cable = cable
        self._folder = folder
        self._image = folder / "disk.img"
        with self._image.open("wb") as image:
            image.truncate(disk_mb << 20)
        run_command("mkfs.ext4", "-q", "-F", str(self._image))
        self._preload = folder / "xstate.so"
        source = Path(__file__).with_name("xstate.c")
        run_command("gcc", "-O2", "-shared", "-fPIC", "-o", str(self._preload), str(source), "-ldl")

    def boot(
        self, program: Sequence[str | Path], *, environment: Mapping[str, str] | None = None
    ) -> "Session":
        """Switch it on, to run `program`; the session begins as soon as the kernel does."""
        init = self._folder / "init"
        words = ["env", f"PATH={os.environ['PATH']}:/usr/sbin:/sbin"]
        words += [f"{name}={value}" for name, value in (environment or {}).items()]
        init.write_text(
            INIT.format(
                disk=shlex.quote(str(self.disk)),
                network=self._network(),
                program=shlex.join([*words, *map(str, program)]),
                ended=ENDED,
            )
        )
        init.chmod(0o755)
        return Session(self._arguments(init), preload=self._preload, log=self.log)

    def _network(self) -> str:
        if self._cable is None:
            return ""
        hosts = self._folder / "hosts"
        hosts.write_text(f"{self._cable.host_address} localhost\n")
        quoted = shlex.quote(str(hosts))
        return NETWORK.format(address=self._cable.guest_address, hosts=quoted)

    def _arguments(self, init: Path) -> list[str]:
        cable = self._cable
        wire = f"vec0:transport=tap,ifname={cable.device},depth=128,gro=0" if cable else None
        return [
            find_command("linux.uml"),
            *(f"mem={MEMORY_MB}M", "quiet", "con=null", "con0=null,fd:1"),
            *("root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}"),
            f"ubda={self._image}",
            *([wire] if wire else []),
        ]


class Session:
    """A guest from its boot to its end, which is always a cut; a context manager."""

    def __init__(self, arguments: Sequence[str], *, preload: Path, log: Path) -> None:
        """Switch it on."""
        self._console, theirs = os.pipe()
        os.set_blocking(self._console, False)
        self._heard = b""
        self._open = True
        inherited = fcntl.fcntl(theirs, fcntl.F_DUPFD_CLOEXEC, ABOVE_THE_SHELLS)
        os.close(theirs)
        self._part = Part(
            "guest",
            [*arguments, f"ssl0=null,fd:{inherited}"],
            log=log,
            environment={"LD_PRELOAD": str(preload)},
            pass_fds=(inherited,),
        )
        try:
            self._part.start()
        except BaseException:
            os.close(self._console)
            raise
        finally:
            os.close(inherited)

    def lines(self, timeout_s: float) -> Iterator[str]:
        """What the program says, line by line, until the time is over.

        Raises `PartError` when the guest ends by itself.
        """
        deadline_s = time.monotonic() + timeout_s
        while True:
            yield from self._complete()
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return
            if select.select([self._console], [], [], left_s)[0] and not self._read():
                raise PartError(f"the guest ended by itself:\n{self._part.log_tail}")

    def wait_for(self, word: str, timeout_s: float) -> None:
        """Return once the program has said this line; raises `PartError`, `TooLateError`."""
        for line in self.lines(timeout_s):
            if line == word:
                return
        raise TooLateError(f"{word!r} from the guest\n{self._part.log_tail}", timeout_s)

    def finish(self, timeout_s: float) -> list[str]:
        """All the program says until it ends with 0; raises `PartError`, `TooLateError`."""
        said: list[str] = []
        for line in self.lines(timeout_s):
            if line == f"{ENDED}0":
                self.cut()
                return said
            if line.startswith(ENDED):
                raise PartError(f"the guest's program {line}:\n{self._part.log_tail}")
            said.append(line)
        raise TooLateError(f"end of the guest's program\n{self._part.log_tail}", timeout_s)

    def cut(self) -> list[str]:
        """Cut the power; the lines that had come out by then. Idempotent."""
        self._part.kill()
        if not self._open:
            return []
        while self._read():
            pass
        self._open = False
        os.close(self._console)
        return list(self._complete())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut()

    def _read(self) -> bool:
        """Take what is there; False at the end, or where there is nothing."""
        try:
            received = os.read(self._console, CHUNK_BYTES)
        except BlockingIOError:
            return False
        self._heard += received
        return bool(received)

    def _complete(self) -> Iterator[str]:
        while b"\n" in self._heard:
            line, _, self._heard = self._heard.partition(b"\n")
            yield line.decode()
