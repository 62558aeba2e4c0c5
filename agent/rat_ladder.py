"""What to try, and when, on a modem that took a lock and does not follow it. No I/O.

First the radio off and on, then a restart of the modem, then nothing more: broken with a reason
beats trying for ever. A rung that was tried a short while ago, perhaps before a crash, is passed
over; it did not help then.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple

from agent.rungs import Rung
from agent.ticks import NS_PER_S


class Effect(Enum):
    """What one look says of the lock."""

    AGREED = auto()
    """Read back, and the serving cell is what it allows."""
    CONTRARY = auto()
    """Not read back; or served by what it forbids; or no service ever since it was written."""
    OPEN = auto()
    """Neither: e.g. no service in a gap of the network."""


class News(Enum):
    """What is to be told, once."""

    INEFFECTIVE = auto()
    """All rungs were tried in vain."""
    EFFECTIVE = auto()
    """It works after all."""


class _Step(NamedTuple):
    after_s: float
    """Of looks that were all contrary."""
    rung: Rung | None


STEPS = (_Step(30.0, Rung.RADIO), _Step(60.0, Rung.RESET), _Step(60.0, None))


class RatLadder:
    """Where one modem stands on the ladder. Used by the modem's own thread only."""

    def __init__(self, allows: Callable[[Rung], bool]) -> None:
        """`allows`: whether a rung may be tried again now."""
        self._allows = allows
        self._told = False
        self._gave_up = False
        self._written = False
        self._step = 0
        self._contrary_since_ns: int | None = None
        self.tried: tuple[str, ...] = ()
        """In words, for an event."""

    def ask(self, *, written: bool) -> None:
        """Another lock is asked for, or none: from the bottom, and nothing is told of it yet.

        `written`: the modem's setting was changed, so that no service may come of that.
        """
        self._told = False
        self._begin(written=written)

    def attach(self, *, written: bool) -> None:
        """The modem is there, perhaps because of the last rung: then the ladder goes on."""
        if self._step and not self._gave_up:
            self._written = self._written or written
            self._contrary_since_ns = None
        else:
            self._begin(written=written)

    @property
    def doubts_silence(self) -> bool:
        """Whether no service may be the lock's doing: it was written and never agreed since."""
        return self._written

    @property
    def gave_up(self) -> bool:
        """Whether all rungs were tried in vain, and it has not agreed since."""
        return self._gave_up

    def see(self, effect: Effect, now_ns: int) -> Rung | News | None:
        """What one look means: a rung to try now, something to tell, or nothing yet."""
        match effect:
            case Effect.AGREED:
                told = self._told
                self.ask(written=False)
                return News.EFFECTIVE if told else None
            case Effect.OPEN:
                self._contrary_since_ns = None
                return None
            case Effect.CONTRARY:
                return self._climb(now_ns)

    def _begin(self, *, written: bool) -> None:
        self._written = written
        self._step = 0
        self._gave_up = False
        self._contrary_since_ns = None
        self.tried = ()

    def _climb(self, now_ns: int) -> Rung | News | None:
        if self._gave_up:
            return None
        if self._contrary_since_ns is None:
            self._contrary_since_ns = now_ns
        step = STEPS[self._step]
        if now_ns - self._contrary_since_ns < step.after_s * NS_PER_S:
            return None
        if step.rung is None:
            self._gave_up = True
            told, self._told = self._told, True
            return None if told else News.INEFFECTIVE
        self._step += 1
        self._contrary_since_ns = now_ns
        if self._allows(step.rung):
            self.tried += (step.rung.value,)
            return step.rung
        self.tried += (f"{step.rung.value} (not again so soon)",)
        return None
