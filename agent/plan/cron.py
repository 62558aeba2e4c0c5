"""The door to cronsim: times in the five fields of crontab(5)."""

from datetime import datetime

from cronsim import CronSim, CronSimError

FIELDS = 5
MAX_LENGTH = 100
_ANY_DAY = datetime(2026, 11, 1)  # noqa: DTZ001  # local time of the plan, whatever its zone


class CronError(ValueError):
    """Not a cron expression, or one that never comes; the text says which."""


class Cron:
    """`minute hour day-of-month month day-of-week`. Not for use by several threads."""

    def __init__(self, expression: str) -> None:
        """Raises `CronError`."""
        if len(expression) > MAX_LENGTH:
            raise CronError(f"longer than {MAX_LENGTH} characters")
        if len(expression.split()) != FIELDS:
            raise CronError("needs five fields: minute hour day-of-month month day-of-week")
        self._expression = expression
        try:
            self._upcoming = CronSim(expression, _ANY_DAY)
            self._found: datetime | None = next(self._upcoming, None)
        except (CronSimError, ValueError) as error:
            raise CronError(str(error)) from error
        if self._found is None:
            raise CronError("no such day ever comes")

    def after(self, local: datetime) -> datetime | None:
        """The first instant later than `local`, both without a zone; None: not in 50 years."""
        whole = local.replace(microsecond=0)
        if self._found is None or whole != self._found:
            self._upcoming = CronSim(self._expression, whole)
        self._found = next(self._upcoming, None)
        return self._found
