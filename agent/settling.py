"""How long a modem is given to find its network again after we, or its return, took it away."""

from agent.snapshots import Verdict, judge
from agent.ticks import NS_PER_S
from drivers.modem.standard import SimState
from wire.kinds import radio
from wire.messages import Outcome

SETTLE_S = 20
"""Silence for so long after a lock, a scan or a return is nobody's gap."""
LINGER_S = 10
"""A modem that restarts may answer for some seconds before it goes."""


class Settling:
    """Judges the looks at one modem. Used by the modem's own thread only."""

    def __init__(self) -> None:
        self._until_ns = 0
        self._lingers_until_ns = 0
        self._away_until_ns = 0
        self._after = ""

    def begin(self, after: str, now_ns: int, *, away_s: float = 0.0) -> None:
        """From now on the modem may be without service for another reason than the network.

        It may even be gone from the bus, for `away_s`.
        """
        self._after = after
        self._until_ns = now_ns + SETTLE_S * NS_PER_S
        self._lingers_until_ns = now_ns + LINGER_S * NS_PER_S
        self._away_until_ns = now_ns + round(away_s * NS_PER_S) if away_s else 0

    def come_back(self, now_ns: int) -> None:
        """The modem is there again: it is given its time from now on."""
        if now_ns >= self._away_until_ns:
            self._after = "the modem came back"
        self._end_absence(now_ns)
        self._until_ns = now_ns + SETTLE_S * NS_PER_S

    @property
    def away(self) -> bool:
        """Whether the modem was expected to go, and has not come back yet."""
        return self._away_until_ns > 0

    def judge(
        self, payload: radio.Payload, card: SimState, now_ns: int, *, radio_is_off: bool = False
    ) -> Verdict:
        """As `agent.snapshots.judge`, but no service means nothing while the modem settles."""
        self._end_absence(now_ns)
        verdict = judge(payload, card, radio_is_off=radio_is_off)
        if verdict.outcome is Outcome.NO_SERVICE and now_ns < self._until_ns:
            return self._unsettled()
        return verdict

    def absence(self, why: str, now_ns: int) -> Verdict:
        """What a second without a modem is: ours, while it is expected to be away."""
        if now_ns < self._away_until_ns:
            return self._unsettled()
        return Verdict(Outcome.MODEM_GONE, why)

    def _end_absence(self, now_ns: int) -> None:
        """The modem answers: from now on it is not expected to go."""
        if now_ns >= self._lingers_until_ns:
            self._away_until_ns = 0

    def _unsettled(self) -> Verdict:
        return Verdict(Outcome.SKIPPED, f"not settled after {self._after}")


def unsettled(verdict: Verdict) -> bool:
    """Whether a second proves nothing because the modem settles."""
    return verdict.outcome is Outcome.SKIPPED and (verdict.reason or "").startswith("not settled")
