"""What was tried on the modem of a place to bring it back, and how often that may be.

Kept on disk before each try: a crash loop, or a boot loop, must not reset modems for ever.
"""

import logging
import re
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

import msgspec

from agent.clock import Clock
from agent.durable import write_durably
from wire.codec import UNDECODABLE

log = logging.getLogger(__name__)

DAY_S = 86_400.0
MAX_FILE_BYTES = 1 << 16
KEPT = 64


class Rung(StrEnum):
    """One thing to try, in the words of an event."""

    RADIO = "radio off and on"
    RESET = "modem reset"
    REPLUG = "USB port off and on"


class Limit(NamedTuple):
    """How often."""

    every_s: float
    most_a_day: int


LIMITS = {
    Rung.RADIO: Limit(900.0, 12),
    Rung.RESET: Limit(1800.0, 3),
    Rung.REPLUG: Limit(1800.0, 3),
}
"""Each costs the place half a minute of samples; a reset also ends whatever uses its data."""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One try."""

    rung: Rung
    boot_id: UUID
    mono_ns: int
    utc: datetime | None = None


class RungLog:
    """One file a place; for use by several threads, each with places of its own."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._folder = folder
        self._clock = clock

    def allows(self, place: str, rung: Rung) -> bool:
        """Whether it may be tried again now."""
        limit = LIMITS[rung]
        ages_s = [self._age_s(tried) for tried in self._tried(place) if tried.rung is rung]
        today = [age_s for age_s in ages_s if age_s < DAY_S]
        return len(today) < limit.most_a_day and all(age_s >= limit.every_s for age_s in today)

    def note(self, place: str, rung: Rung) -> None:
        """Keep that it is being tried; on the disk on return. Raises `OSError`."""
        stamp = self._clock.stamp()
        now = Tried(rung=rung, boot_id=stamp.boot_id, mono_ns=stamp.mono_ns, utc=stamp.utc)
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = (*self._tried(place), now)[-KEPT:]
        write_durably(self._file(place), msgspec.json.encode(kept))

    def _tried(self, place: str) -> tuple[Tried, ...]:
        try:
            with self._file(place).open("rb") as stream:
                return msgspec.json.decode(stream.read(MAX_FILE_BYTES), type=tuple[Tried, ...])
        except FileNotFoundError:
            return ()
        except (OSError, *UNDECODABLE) as error:
            log.error("what was tried on the modem at %s is unreadable: %s", place, error)  # noqa: TRY400  # the reason says it all
            return ()

    def _age_s(self, tried: Tried) -> float:
        """At least so long ago: of an earlier boot without a date no more is known."""
        now = self._clock.stamp()
        if tried.boot_id == now.boot_id:
            return (now.mono_ns - tried.mono_ns) / 1e9
        since_boot_s = now.mono_ns / 1e9
        if tried.utc is None or now.utc is None:
            return since_boot_s
        return max(since_boot_s, (now.utc - tried.utc).total_seconds())

    def _file(self, place: str) -> Path:
        return self._folder / (re.sub(r"[^A-Za-z0-9.-]", "_", place) + ".json")
