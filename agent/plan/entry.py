"""What a probe is told to test, and when each test is due. No I/O, no clock of its own."""

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec

from agent.misfits import Misfit
from agent.plan.cron import Cron, CronError
from agent.plan.planning import Planning, QuietText, hours, in_season
from wire.messages import RatMode

NS_PER_S = 1_000_000_000
DEFAULT_WAIT_S = 30.0
DEFAULT_PRIORITY = 5
ONCE_A_DAY_S = 86_400.0

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
"""Lower-case letters, digits, dots, dashes and underscores, as names of modems and plans are."""
Wait = Annotated[float, msgspec.Meta(ge=0, le=31 * 86_400)]


class AreaEvent(StrEnum):
    """What about an area makes a test due at once."""

    ENTER = "enter"


class Area(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[area]]` of the configuration: polygons of a file, or a circle."""

    name: Name
    file: Path | None = None
    """GeoJSON; all polygons in it, or those that are as `where` says."""
    where: dict[str, str | int] = {}
    """Properties a feature must have, e.g. `{ code = "24611" }`."""
    lat_deg: Annotated[float, msgspec.Meta(ge=-90, le=90)] | None = None
    lon_deg: Annotated[float, msgspec.Meta(ge=-180, le=180)] | None = None
    radius_m: Annotated[float, msgspec.Meta(ge=5, le=100_000)] | None = None


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One `[[plan]]` of the configuration: an activity, when to run it, and on which modems."""

    name: Name
    activity: Name
    profile: Name | None = None
    """The test profile; None lets the activity take its default."""
    modems: tuple[Name, ...] = ()
    """On which modems; empty means on each."""
    every_s: Annotated[float, msgspec.Meta(ge=1, le=31 * 86_400)] | None = None
    cron: str | None = None
    """Five fields of crontab(5), in local time."""
    every_m: Annotated[float, msgspec.Meta(ge=100, le=1_000_000)] | None = None
    """Each time so many metres were driven."""
    area: Name | None = None
    """An `[[area]]`, with `on` or `dwell_s`."""
    on: AreaEvent | None = None
    dwell_s: Annotated[float, msgspec.Meta(gt=0, le=86_400)] | None = None
    """Once the probe was inside for so long."""
    places: Path | None = None
    """CSV list of places, each visited like an area."""
    on_demand: bool = False
    """Only when somebody asks for it."""
    again_after_s: Wait | None = None
    """A visit to the same area or place counts again after so long; unset: at once for an area,
    after a day for a place."""
    start_after_s: Wait = 0.0
    """First slot of `every_s`, counted from the start of the agent."""
    stagger_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    """Added once more for each further modem, so that they do not all begin together."""
    jitter_s: Annotated[float, msgspec.Meta(ge=0, le=86_400)] = 0.0
    """Each slot is late by up to this much; a fleet with one plan does not beat in time."""
    max_wait_s: Annotated[float, msgspec.Meta(ge=0, le=3600)] | None = None
    """How long a slot may wait for a busy modem or path before it is recorded as skipped; unset:
    30 s, and never longer than `every_s`."""
    priority: Annotated[int, msgspec.Meta(ge=0, le=9)] = DEFAULT_PRIORITY
    """Of tests that wait for the same modem or path the highest goes first."""
    quiet_hours: tuple[QuietText, ...] = ()
    """Local time; a slot in it is recorded as skipped. Not while the time is unknown."""
    active_from: date | None = None
    active_until: date | None = None
    """Local days, both included; on others there are no slots."""
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
        if self.max_wait_s is not None:
            return self.max_wait_s
        return DEFAULT_WAIT_S if self.every_s is None else min(DEFAULT_WAIT_S, self.every_s)

    @property
    def again_s(self) -> float:
        """`again_after_s` with its default."""
        if self.again_after_s is not None:
            return self.again_after_s
        return 0.0 if self.places is None else ONCE_A_DAY_S

    @property
    def needs_positions(self) -> bool:
        """Whether only a probe with a receiver can have slots."""
        return self.every_m is not None or self.area is not None or self.places is not None

    @property
    def timing(self) -> tuple[object, ...]:
        """What decides when it is due; as long as it stays equal, slots are counted on."""
        return tuple(getattr(self, name) for name in self.__struct_fields__ if name not in _UNTIMED)

    def when(self) -> str:
        """When it is due, in words."""
        if self.every_s is not None:
            return f"every {self.every_s:g} s"
        if self.cron is not None:
            return f"cron {self.cron}"
        if self.every_m is not None:
            return f"every {self.every_m:g} m"
        if self.area is not None:
            return f"area {self.area}: " + (
                "entered" if self.dwell_s is None else f"inside for {self.dwell_s:g} s"
            )
        return "on demand" if self.places is None else f"places of {self.places.name}"


class Slot(msgspec.Struct, frozen=True, order=True):
    """One planned test: it ends as exactly one row. Slots sort by when they are due."""

    due_mono_ns: int
    modem: str
    plan: str
    index: int
    """Counts up from 0 for each plan entry and modem; for `cron` the minute since 1970 (UTC)."""
    passed: str = ""
    """Why it could not be run when it was due."""


def modems_of(entry: Entry, configured: tuple[str, ...]) -> tuple[str, ...]:
    """The modems an entry runs on, in the order of the configuration."""
    return tuple(name for name in configured if not entry.modems or name in entry.modems)


def slot(
    entry: Entry, *, probe: str, modem: str, modem_index: int, index: int, start_mono_ns: int
) -> Slot:
    """The `index`-th slot of an entry with `every_s` on one modem.

    Slots stand on a fixed grid from the agent's start, so a late one does not push the next.
    """
    every_s = entry.every_s or 0.0
    on_grid_ns = start_mono_ns + round((entry.start_after_s + index * every_s) * NS_PER_S)
    late_ns = delay_ns(
        entry, probe=probe, modem=modem, modem_index=modem_index, index=index, most_s=every_s
    )
    return Slot(due_mono_ns=on_grid_ns + late_ns, modem=modem, plan=entry.name, index=index)


def delay_ns(
    entry: Entry, *, probe: str, modem: str, modem_index: int, index: int, most_s: float = 86_400.0
) -> int:
    """How much later than its trigger a slot is due.

    The jitter is drawn from the names alone: the same plan gives the same times again.
    """
    jitter_s = _fraction(probe, entry.name, modem, index) * min(entry.jitter_s, most_s)
    return round((modem_index * entry.stagger_s + jitter_s) * NS_PER_S)


def is_active(entry: Entry, local: datetime | None) -> bool:
    """Whether the entry has slots on this day; always while the time is unknown."""
    return local is None or in_season(local, entry.active_from, entry.active_until)


def is_quiet(entry: Entry, local: datetime | None) -> bool:
    """Whether a slot at this time is to be skipped; never while the time is unknown."""
    return local is not None and any(local in hours(text) for text in entry.quiet_hours)


def local_at(planning: Planning, utc: datetime | None) -> datetime | None:
    """Local time as far as it is known."""
    return None if utc is None else planning.local(utc)


def contradictions(entry: Entry) -> Iterator[Misfit]:
    """What is right by itself and wrong together, by the entry's keys."""
    yield from _trigger_contradictions(entry)
    if entry.every_s is not None and entry.wait_s > entry.every_s:
        yield Misfit("max_wait_s", "longer than 'every_s': slots would overtake")
    if entry.cron is not None:
        try:
            Cron(entry.cron)
        except CronError as error:
            yield Misfit("cron", str(error))
    for index, text in enumerate(entry.quiet_hours):
        try:
            hours(text)
        except ValueError as error:
            yield Misfit(f"quiet_hours[{index}]", str(error))
    first, last = entry.active_from, entry.active_until
    if first is not None and last is not None and last < first:
        yield Misfit("active_until", "before 'active_from'")


def area_contradictions(area: Area) -> Iterator[Misfit]:
    """The same of an area."""
    circle = {name: getattr(area, name) for name in ("lat_deg", "lon_deg", "radius_m")}
    given = [name for name, value in circle.items() if value is not None]
    if area.file is not None:
        if given:
            yield Misfit(given[0], "a circle is there instead of 'file'")
    elif not given:
        yield Misfit("", "needs 'file', or 'lat_deg', 'lon_deg' and 'radius_m'")
    else:
        for name in circle:
            if name not in given:
                yield Misfit(name, "required key of a circle is missing")
    if area.where and area.file is None:
        yield Misfit("where", "needs 'file' beside it")


_UNTIMED = frozenset(
    {
        "activity",
        "profile",
        "modems",
        "server",
        "max_wait_s",
        "priority",
        "optional",
        "needs",
        "quiet_hours",
        "active_from",
        "active_until",
        "rat_lock",
    }
)
_TRIGGERS = ("every_s", "cron", "every_m", "area", "places", "on_demand")
_BESIDE = {
    "on": ("area",),
    "dwell_s": ("area",),
    "again_after_s": ("area", "places"),
    "start_after_s": ("every_s",),
    "stagger_s": ("every_s", "cron", "every_m", "area", "places"),
    "jitter_s": ("every_s", "cron", "every_m", "area", "places"),
    "quiet_hours": ("every_s", "cron", "every_m", "area", "places"),
}


def _trigger_contradictions(entry: Entry) -> Iterator[Misfit]:
    """Exactly one trigger, and only the keys that go with it."""
    given = [name for name in _TRIGGERS if getattr(entry, name) not in (None, False)]
    if not given:
        yield Misfit("", "needs one of " + ", ".join(f"'{name}'" for name in _TRIGGERS))
        return
    for name in given[1:]:
        yield Misfit(name, f"one trigger is enough: '{given[0]}' is there already")
    for name, triggers in _BESIDE.items():
        if getattr(entry, name) and given[0] not in triggers:
            yield Misfit(name, "needs " + " or ".join(f"'{each}'" for each in triggers))
    if given[0] == "area" and (entry.on is None) == (entry.dwell_s is None):
        yield Misfit("area", "needs either 'on = \"enter\"' or 'dwell_s'")


def _fraction(*parts: str | int) -> float:
    digest = hashlib.blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / (1 << 64)
