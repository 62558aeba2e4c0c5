"""What is asked of one modem: how often, what was refused, and what was not understood. No I/O."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from drivers.modem.at import Reply
from drivers.modem.errors import RefusedError, UnreadableError
from wire.kinds.radio import Unread

T = TypeVar("T")

INFO_TIMEOUT_S = 3.0
"""Most answers take a tenth of it; while a cell is being changed, a second."""
REFUSED_PAUSE_S = 60.0
"""A command the modem refused is not asked again for so long."""
MAX_UNREAD = 24
MAX_UNREAD_CHARS = 2048
"""All of them, at four bytes a character, stay below the longest record (256 KiB)."""


class Send(Protocol):
    """Sends one command line and gives its reply, also one that says ERROR."""

    def __call__(self, command: str, timeout_s: float) -> Reply:
        """Raises `TimedOutError` or `GoneError`."""


@dataclass(frozen=True)
class _Kept:
    value: Any
    until: float
    same: object


class Dialogue:
    """Questions to one modem, each asked no more often than its answer changes."""

    def __init__(self, send: Send, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self._send = send
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self._unread: list[Unread] = []

    @property
    def now_s(self) -> float:
        """Monotonic time, for how long something took."""
        return self._clock()

    def ask(self, command: str, *, timeout_s: float = INFO_TIMEOUT_S) -> Reply:
        """The reply, whatever it says."""
        return self._send(command, timeout_s)

    def order(self, command: str, *, timeout_s: float = INFO_TIMEOUT_S) -> None:
        """Change something; raises `RefusedError` unless the modem says OK."""
        reply = self._send(command, timeout_s)
        if not reply.ok:
            raise RefusedError(reply.final, command=command, code=reply.code)

    def wish(self, command: str, *, timeout_s: float = INFO_TIMEOUT_S) -> bool:
        """Change something that is nice to have; whether the modem did."""
        return self._send(command, timeout_s).ok

    def read(
        self,
        command: str,
        parse: Callable[[tuple[str, ...]], T],
        *,
        every_s: float = 0.0,
        same: object = None,
        vital: bool = False,
        timeout_s: float = INFO_TIMEOUT_S,
    ) -> T | None:
        """What `parse` makes of the answer; None where it was refused or not understood.

        An answer is good for `every_s`, as long as `same` equals what it was then. A refused
        command rests for a while, unless it is `vital`: then the refusal counts as unread.
        """
        now = self._clock()
        kept = self._kept.get(command)
        if kept is not None and now < kept.until and kept.same == same:
            value: T | None = kept.value
            return value
        reply = self._send(command, timeout_s)
        value = None
        if reply.ok:
            try:
                value = parse(reply.lines)
            except UnreadableError:
                self._keep_unread(command, reply.raw)
        elif vital:
            self._keep_unread(command, reply.raw)
        else:
            self._kept[command] = _Kept(None, now + REFUSED_PAUSE_S, same)
            return None
        if every_s:
            self._kept[command] = _Kept(value, now + every_s, same)
        return value

    def forget(self) -> None:
        """Let no kept answer stand: everything is asked anew."""
        self._kept.clear()

    def note_unread(self, command: str, lines: tuple[str, ...]) -> None:
        """Keep rows of an otherwise good answer that were not understood."""
        if lines:
            self._keep_unread(command, "\n".join(lines))

    def take_unread(self) -> tuple[Unread, ...]:
        """What was not understood since the last call."""
        taken = tuple(self._unread)
        self._unread.clear()
        return taken

    def _keep_unread(self, command: str, text: str) -> None:
        if len(self._unread) < MAX_UNREAD:
            self._unread.append(Unread(command=command, text=text.strip()[:MAX_UNREAD_CHARS]))
