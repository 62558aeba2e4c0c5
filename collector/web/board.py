"""What the page shows: verdicts worked out in a thread, kept, and shown with their age.

Nothing here blocks the event loop. A request that finds old verdicts gets them at once and has new
ones worked out behind it; only the very first waits, and not for ever.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import NamedTuple

from collector.checker import stand_all
from collector.config import Config, ConfigError
from collector.evidence.book import VerdictBookError
from collector.evidence.signing import Signed, Standing, signed
from collector.geo.geojson import GeographyError
from collector.geo.library import LibraryError
from collector.imports.errors import ImportsError
from collector.kpi import Period
from collector.store.engine import EngineError
from collector.store.lake import LakeError
from collector.store.ledger import Ledger, LedgerError, LedgerRow, PresenceRow
from collector.targets import Target, TargetError, Verdict, load

FRESH_S = 60.0
"""Verdicts older than this are worked out anew at the next request."""
FIRST_WAIT_S = 30.0
"""How long the first request waits for verdicts before it is answered without."""
PERIODS_KEPT = 8
"""Periods whose verdicts are kept; the one asked for longest ago makes room."""
QUARANTINE_SHOWN = 1000

_FAULTS = (
    ConfigError,
    EngineError,
    GeographyError,
    ImportsError,
    LakeError,
    LibraryError,
    TargetError,
    VerdictBookError,
    OSError,
)

log = logging.getLogger(__name__)


class Judged(NamedTuple):
    """Verdicts and the moment they were worked out."""

    said: tuple[Standing, ...] = ()
    targets: Mapping[str, Target] = MappingProxyType({})
    """By their ids, as they were then."""
    at: datetime | None = None
    problem: str | None = None
    """Why there are no newer ones."""

    @property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Those of targets that there are: of another nobody knows any more what it asks."""
        return tuple(one.verdict for one in self.said if one.verdict.target in self.targets)

    @property
    def signed(self) -> tuple[Signed, ...]:
        """Whose word some of them are."""
        return signed(self.said)


class Books(NamedTuple):
    """What the ledger says."""

    ledger: tuple[LedgerRow, ...] = ()
    probes: tuple[PresenceRow, ...] = ()
    quarantined: int = 0
    """Up to `QUARANTINE_SHOWN`."""
    given_up: int = 0
    problem: str | None = None


class Board:
    """The verdicts of one collector. Belongs to the event loop."""

    def __init__(self, config: Config, now: Callable[[], datetime]) -> None:
        """Judge what this configuration names; `now` tells the time in UTC."""
        self._config = config
        self._now = now
        self._judged: dict[str | None, Judged] = {}
        self._tasks: dict[str | None, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Semaphore(1)

    async def judged(self, period: Period | None = None) -> Judged:
        """The newest verdicts there are of a period; without one each target takes its own."""
        key = None if period is None else period.label
        task = self._tasks.get(key)
        if self._old(key) and (task is None or task.done()):
            task = self._tasks[key] = asyncio.create_task(self._refresh(key, period))
        if self._known(key).at is None and task is not None:
            await asyncio.wait([task], timeout=FIRST_WAIT_S)
        return self._known(key)

    async def books(self) -> Books:
        """Ledger, presence and quarantine as they are now."""
        return await asyncio.to_thread(self._read_books)

    async def close(self) -> None:
        """Let computations that run come to their end."""
        await asyncio.gather(*self._tasks.values())

    def _known(self, key: str | None) -> Judged:
        return self._judged.get(key, Judged())

    def _old(self, key: str | None) -> bool:
        at = self._known(key).at
        return at is None or (self._now() - at).total_seconds() > FRESH_S

    async def _refresh(self, key: str | None, period: Period | None) -> None:
        async with self._one_at_a_time:
            now = self._now()
            try:
                judged = await asyncio.to_thread(self._judge, now, period)
            except _FAULTS as error:
                log.warning("no new verdicts: %s", error)
                judged = self._known(key)._replace(problem=str(error))
            except Exception:  # ours; said with its traceback, and shown instead of silence
                log.exception("no new verdicts")
                judged = self._known(key)._replace(problem="internal error, see the log")
        self._judged.pop(key, None)
        self._judged[key] = judged
        for oldest in list(self._judged)[:-PERIODS_KEPT]:
            del self._judged[oldest]
            self._tasks.pop(oldest, None)

    def _judge(self, now: datetime, period: Period | None) -> Judged:
        targets = {target.id: target for target in load(self._config.targets.folder)}
        return Judged(tuple(stand_all(self._config, now=now, period=period)), targets, now)

    def _read_books(self) -> Books:
        path = self._config.store.ledger
        if not path.exists():
            return Books()
        try:
            with Ledger(path, read_only=True) as ledger:
                return Books(
                    ledger=tuple(ledger.ledger()),
                    probes=tuple(ledger.presence()),
                    quarantined=len(ledger.quarantine(limit=QUARANTINE_SHOWN)),
                    given_up=ledger.quarantine_given_up(),
                )
        except LedgerError as error:
            log.warning("no ledger: %s", error)
            return Books(problem=str(error))
