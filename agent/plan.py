"""What a probe is told to test, and when each test is due. No I/O, no clock of its own."""

import hashlib
from typing import Annotated

import msgspec

from wire.messages import RatMode

NS_PER_S = 1_000_000_000
DEFAULT_WAIT_S = 30.0

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""Lower-case letters, digits, dots, dashes and underscores, as names of modems and plans are."""


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[plan]]` of the configuration: an activity, repeated on some modems."""

    name: Name
    activity: Name
    profile: Name | None = None
    """The test profile; None lets the activity take its default."""
    modems: tuple[Name, ...] = ()
    """On which modems; empty means on each."""
    every_s: Annotated[float, msgspec.Meta(ge=1, le=31 * 86_400)]
    start_after_s: Annotated[float, msgspec.Meta(ge=0, le=31 * 86_400)] = 0.0
    """First slot, counted from the start of the agent."""
    stagger_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    """Added once more for each further modem, so that they do not all begin together."""
    jitter_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    """Each slot is late by up to this much; a fleet with one plan does not beat in time."""
    max_wait_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    """How long a slot may wait for a busy modem or path before it is recorded as skipped; unset:
    30 s, and never longer than `every_s`."""
    rat_lock: RatMode | None = None
    """Lock the modem for this test; None leaves it as `[[modem]]` says."""
    server: Name | None = None
    """Test against this `[[server]]` instead of the modem's own."""
    optional: bool = False
    """May be left out, as often as it takes, when the SIM's data would not last."""
    needs: bool = False
    """Left out where the collector has enough samples; only beside `optional`."""

    @property
    def wait_s(self) -> float:
        """`max_wait_s` with its default."""
        return min(DEFAULT_WAIT_S, self.every_s) if self.max_wait_s is None else self.max_wait_s


class Slot(msgspec.Struct, frozen=True, order=True):
    """One planned test: it ends as exactly one row. Slots sort by when they are due."""

    due_mono_ns: int
    modem: str
    plan: str
    index: int
    """Counts up from 0 for each plan entry and modem."""


def modems_of(entry: Entry, configured: tuple[str, ...]) -> tuple[str, ...]:
    """The modems an entry runs on, in the order of the configuration."""
    return tuple(name for name in configured if not entry.modems or name in entry.modems)


def slot(
    entry: Entry, *, probe: str, modem: str, modem_index: int, index: int, start_mono_ns: int
) -> Slot:
    """The `index`-th slot of an entry on one modem.

    Slots stand on a fixed grid from the agent's start, so a late one does not push the next. The
    jitter is drawn from the names alone: the same plan gives the same times again.
    """
    on_grid_s = entry.start_after_s + modem_index * entry.stagger_s + index * entry.every_s
    jitter_s = _fraction(probe, entry.name, modem, index) * min(entry.jitter_s, entry.every_s)
    due_mono_ns = start_mono_ns + round((on_grid_s + jitter_s) * NS_PER_S)
    return Slot(due_mono_ns=due_mono_ns, modem=modem, plan=entry.name, index=index)


def _fraction(*parts: str | int) -> float:
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / (1 << 64)
