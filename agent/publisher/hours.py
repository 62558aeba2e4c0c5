"""When a probe asks the collector what time it is. No I/O."""

from wire.messages import ClockState

FIRST_S = 2.0
LONGEST_S = 60.0
HOURLY_S = 3600.0
SILENT_ASKS = 6
"""Unanswered: about two minutes."""


class Hours:
    """Asks often while the time is unknown, and hourly while only the collector tells it."""

    def __init__(self) -> None:
        self._due_s = 0.0
        self._unanswered = 0

    def restart(self) -> None:
        """A new link: whoever did not answer may do so now."""
        self._due_s, self._unanswered = 0.0, 0

    def is_due(self, state: ClockState, now_s: float) -> bool:
        """Whether to ask now; counted as asked."""
        if state in (ClockState.GPS, ClockState.NTP) or now_s < self._due_s:
            return False
        self._due_s = now_s + min(FIRST_S * 2.0 ** min(self._unanswered, 16), LONGEST_S)
        self._unanswered += 1
        return True

    def answered(self, now_s: float) -> None:
        """The collector told it."""
        self._due_s, self._unanswered = now_s + HOURLY_S, 0

    @property
    def nobody_answers(self) -> bool:
        """Whether a person has to look why."""
        return self._unanswered > SILENT_ASKS
