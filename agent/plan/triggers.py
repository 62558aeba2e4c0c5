"""What makes a test due: time, date, way or place. No I/O, no clock of their own."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Protocol

from agent.plan.cron import Cron
from agent.plan.entry import NS_PER_S, Entry, Slot, delay_ns, slot
from agent.plan.geo_files import Spot
from agent.plan.odometer import Odometer, Usable
from agent.plan.planning import Planning
from agent.plan.shapes import Shape
from agent.plan.visits import Visit
from agent.whereabouts import Seen

MOST_LATE = 100
"""More slots of one task at once mean that the machine slept; those are only counted."""
MOST_COUNTED = 100_000
KEPT_INSTANTS = 4096
"""Of cron, which are not run again when the clock is set back: minutes of nearly three days."""
SECONDS_A_MINUTE = 60
CLOCK_STEP_S = 60.0
"""A clock that is set forward by less only makes what lies between late."""


@dataclass(frozen=True, kw_only=True)
class Now:
    """What a look at the plan can go by."""

    mono_ns: int
    utc: datetime | None
    """At `mono_ns`; None while no trusted clock was seen."""
    fixes: tuple[Seen, ...] = ()
    """Believed since the look before, oldest first."""

    def utc_at(self, mono_ns: int) -> datetime | None:
        """UTC at another instant, as far as it is known."""
        if self.utc is None:
            return None
        return self.utc + timedelta(microseconds=(mono_ns - self.mono_ns) / 1000)

    def mono_at(self, utc: datetime) -> int:
        """The monotonic time of an instant; the time must be known."""
        if self.utc is None:
            raise ValueError("the time is not known")
        return self.mono_ns + (utc - self.utc) // timedelta(microseconds=1) * 1000


class Minted(NamedTuple):
    """The slots a look brought up."""

    slots: tuple[Slot, ...] = ()
    lost: int = 0
    """Slots that nobody was there for, beside those."""
    why: str = "the agent was not there"


@dataclass(frozen=True, kw_only=True)
class On:
    """Where the slots of a trigger belong."""

    entry: Entry
    probe: str
    modem: str
    modem_index: int
    """Position among the entry's modems: what `stagger_s` is counted by."""

    def slot(self, index: int, at_mono_ns: int, passed: str = "") -> Slot:
        """The slot of a trigger at this instant, with stagger and jitter."""
        late_ns = delay_ns(
            self.entry,
            probe=self.probe,
            modem=self.modem,
            modem_index=self.modem_index,
            index=index,
        )
        return Slot(
            due_mono_ns=at_mono_ns + late_ns,
            modem=self.modem,
            plan=self.entry.name,
            index=index,
            passed=passed,
        )


class Trigger(Protocol):
    """Brings up the slots of one plan entry on one modem. Not for several threads."""

    def mint(self, now: Now) -> Minted:
        """The slots that came up since the look before. They may be due later than now."""

    def next_ns(self, now: Now) -> int | None:
        """When the next one comes up; None where only places or a clock can tell."""


class Interval:
    """`every_s`: a grid on the monotonic clock."""

    def __init__(self, on: On, start_ns: int) -> None:
        """`start_after_s` is counted from `start_ns`."""
        self._on = on
        self._start_ns = start_ns
        self._period_ns = round((on.entry.every_s or 0.0) * NS_PER_S)
        self._index = 0

    def mint(self, now: Now) -> Minted:
        """As `Trigger`."""
        behind = (now.mono_ns - self._grid_ns()) // self._period_ns
        if behind < 0:
            return Minted()
        lost = max(0, behind - MOST_LATE)
        first, self._index = self._index + lost, self._index + behind + 1
        return Minted(tuple(self._slot(index) for index in range(first, self._index)), lost)

    def next_ns(self, now: Now) -> int | None:  # noqa: ARG002  # its grid is all it goes by
        """As `Trigger`."""
        return self._grid_ns()

    def _grid_ns(self) -> int:
        """The next slot without jitter, which may only make it later."""
        entry = self._on.entry
        after_s = entry.start_after_s + self._on.modem_index * entry.stagger_s
        return self._start_ns + round(after_s * NS_PER_S) + self._index * self._period_ns

    def _slot(self, index: int) -> Slot:
        return slot(
            self._on.entry,
            probe=self._on.probe,
            modem=self._on.modem,
            modem_index=self._on.modem_index,
            index=index,
            start_mono_ns=self._start_ns,
        )


class Calendar:
    """`cron`: instants of local time, each at most once whatever the clock does.

    What came up is what lies in the monotonic time since the look before, as the clock of now
    tells it. So a clock that is set forward brings up nothing of what it jumps over, and one that
    is set back only instants that were not run yet.
    """

    def __init__(self, on: On, planning: Planning, expression: str) -> None:
        self._on = on
        self._planning = planning
        self._cron = Cron(expression)
        self._known: tuple[datetime, datetime | None] | None = None
        self._looked: Now | None = None
        self.run: OrderedDict[datetime, None] = OrderedDict()
        """Instants that came up already, in local time."""

    def mint(self, now: Now) -> Minted:
        """As `Trigger`."""
        before, self._looked = self._looked, now
        if now.utc is None or before is None or before.utc is None:
            # What was planned before the time was known is not made up for.
            return Minted()
        since = now.utc_at(before.mono_ns) or now.utc
        jumped_s = (since - before.utc).total_seconds()
        lost, why = 0, Minted().why
        if 0 < jumped_s <= CLOCK_STEP_S:
            since = before.utc
        elif jumped_s > CLOCK_STEP_S:
            lost, why = len(self._between(before.utc, since)), "the clock was set forward"
        found = self._between(since, now.utc)
        if len(found) > MOST_LATE:
            lost += len(found) - MOST_LATE
            found = found[-MOST_LATE:]
        return Minted(tuple(self._slot(now, local) for local in found), lost, why)

    def next_ns(self, now: Now) -> int | None:
        """As `Trigger`."""
        if now.utc is None:
            return None
        local = self._following(self._planning.local(now.utc))
        return None if local is None else now.mono_at(self._utc(local))

    def _between(self, since: datetime, until: datetime) -> list[datetime]:
        """Local instants in `(since, until]` that did not come up yet."""
        last = self._planning.local(until)
        found: list[datetime] = []
        local = self._following(self._planning.local(since))
        while local is not None and local <= last and len(found) < MOST_COUNTED:
            found.append(local)
            local = self._following(local)
        return found

    def _following(self, local: datetime) -> datetime | None:
        """The first instant after `local` that did not come up yet."""
        if self._known is not None:
            since, upcoming = self._known
            if since <= local and (upcoming is None or local < upcoming):
                return upcoming
        found = self._cron.after(local)
        while found is not None and found in self.run:
            found = self._cron.after(found)
        self._known = (local, found)
        return found

    def _slot(self, now: Now, local: datetime) -> Slot:
        self.run[local] = None
        while len(self.run) > KEPT_INSTANTS:
            self.run.popitem(last=False)
        # Drawn by the instant, the jitter is the same for who looks ahead.
        utc = self._utc(local)
        index = int(utc.timestamp()) // SECONDS_A_MINUTE
        return self._on.slot(index, now.mono_at(utc))

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=UTC) - timedelta(hours=self._planning.utc_offset_h)


class Distance:
    """`every_m`: metres driven."""

    def __init__(self, on: On, planning: Planning) -> None:
        self._on = on
        self._odometer = Odometer(planning)
        self._index = 0

    def mint(self, now: Now) -> Minted:
        """As `Trigger`. Of several reached in one step only the last can be run there."""
        every_m = self._on.entry.every_m or 1.0
        slots = []
        for seen in now.fixes:
            self._odometer.hear(seen)
            reached = int(self._odometer.driven_m // every_m)
            while self._index < reached:
                passed = "" if self._index == reached - 1 else "passed: no position there"
                slots.append(self._on.slot(self._index, seen.mono_ns, passed))
                self._index += 1
        return Minted(tuple(slots[-MOST_LATE:]), max(0, len(slots) - MOST_LATE))

    def next_ns(self, now: Now) -> int | None:  # noqa: ARG002  # nobody knows
        """As `Trigger`."""
        return None


class Visiting:
    """`area` and `places`: once for each visit to each of them."""

    def __init__(self, on: On, planning: Planning, where: tuple[Shape, ...]) -> None:
        self._on = on
        self._usable = Usable(planning)
        entry = on.entry
        self._visits = tuple(
            (shape, Visit(dwell_s=entry.dwell_s or 0.0, again_after_s=entry.again_s))
            for shape in where
        )
        self._index = 0

    def mint(self, now: Now) -> Minted:
        """As `Trigger`."""
        slots = []
        for seen in now.fixes:
            found = self._usable.point(seen)
            if found is None:
                continue
            point, error_m = found
            follows = self._usable.follows(seen.mono_ns)
            for shape, visit in self._visits:
                outside_m = shape.outside_m(point)
                if visit.hear(outside_m, error_m, seen.mono_ns, follows=follows):
                    slots.append(self._on.slot(self._index, seen.mono_ns))
                    self._index += 1
        return Minted(tuple(slots[-MOST_LATE:]), max(0, len(slots) - MOST_LATE))

    def next_ns(self, now: Now) -> int | None:  # noqa: ARG002  # nobody knows
        """As `Trigger`."""
        return None


Where = tuple[Shape, ...]
"""The area of an entry, or its places; empty where it has none."""


def trigger_of(on: On, *, planning: Planning, where: Where, start_ns: int) -> Trigger | None:
    """The trigger of an entry; None for one that is only run on demand."""
    entry = on.entry
    if entry.every_s is not None:
        return Interval(on, start_ns)
    if entry.cron is not None:
        return Calendar(on, planning, entry.cron)
    if entry.every_m is not None:
        return Distance(on, planning)
    return Visiting(on, planning, where) if where else None


def where_of(spots: tuple[Spot, ...]) -> Where:
    """The places of a list."""
    return tuple(spot.circle for spot in spots)
