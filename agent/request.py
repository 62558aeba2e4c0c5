"""One test that is to run on one modem, whoever wants it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from agent.activity import Ready, Result
from agent.guard import Errand
from agent.plan.entry import DEFAULT_PRIORITY
from agent.runtime import Stop
from drivers.traffic.result import OnProgress, Progress, unobserved
from wire.messages import AnyMeasurement, Outcome, RatMode

CANCELLED = "cancelled by the technician"
STOPPED = "the agent stops"


@dataclass(frozen=True, kw_only=True)
class TestRequest:
    """One planned test on one modem."""

    __test__ = False

    kind: str
    ready: Ready
    needs_service: bool
    give_up_mono_ns: int
    """Begin no later than this."""
    plan: str | None = None
    rat_lock: RatMode | None = None
    priority: int = DEFAULT_PRIORITY
    """Of those that wait for the same modem or path the highest goes first."""
    optional: bool = False
    """May be left out to save data."""
    needs: bool = False
    """Is for places where the collector lacks samples."""
    on_progress: OnProgress = unobserved
    done: Callable[[AnyMeasurement], None] = lambda _: None
    """Told the row it ended as."""
    cancelled: Stop = field(default_factory=Stop)
    """Set when the person who wanted the test does not want it any more."""

    @property
    def rank(self) -> int:
        """The lowest goes first."""
        return -self.priority

    @property
    def errand(self) -> Errand:
        """The request as far as data, needs and computer are concerned."""
        return Errand(
            kind=self.kind,
            plan=self.plan,
            rat_lock=self.rat_lock,
            optional=self.optional,
            needs=self.needs,
            most_bytes=self.ready.most_bytes,
        )

    def tell(self, now: Progress) -> None:
        """Let the person who waits know, with how long it takes where nobody said that."""
        if now.planned_s is None:
            now = msgspec.structs.replace(now, planned_s=self.ready.planned_s)
        self.on_progress(now)

    def unbegun(self, why: str = STOPPED) -> Result:
        """How it ends where nobody waits for it any more, or else for this reason of ours."""
        if self.cancelled.is_set():
            return Result(Outcome.INVALID, CANCELLED, None)
        return Result(Outcome.SKIPPED, why, None)
