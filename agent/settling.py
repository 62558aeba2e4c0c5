"""How long a modem is given to find its network again after we, or its return, took it away."""

from agent.snapshots import Verdict, judge
from agent.ticks import NS_PER_S
from drivers.modem.standard import SimState
from wire.kinds import radio
from wire.messages import Outcome

SETTLE_S = 20
"""Silence for so long after a lock, a scan or a return is nobody's gap."""


class Settling:
    """Judges the looks at one modem. Used by the modem's own thread only."""

    def __init__(self) -> None:
        self._until_ns = 0
        self._after = ""

    def begin(self, after: str, now_ns: int) -> None:
        """From now on the modem may be without service for another reason than the network."""
        self._after = after
        self._until_ns = now_ns + SETTLE_S * NS_PER_S

    def judge(self, payload: radio.Payload, card: SimState, now_ns: int) -> Verdict:
        """As `agent.snapshots.judge`, but no service means nothing while the modem settles."""
        verdict = judge(payload, card)
        if verdict.outcome is Outcome.NO_SERVICE and now_ns < self._until_ns:
            return Verdict(Outcome.SKIPPED, f"not settled after {self._after}")
        return verdict
