"""What a plan will run when, and what it will cost. No I/O.

The slots come from the triggers that the agent itself goes by; only how long tests take, and so
what waits for what, is estimated.
"""

import heapq
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from agent.plan.costs import cost
from agent.plan.entry import NS_PER_S, Slot, is_active, is_quiet
from agent.plan.planning import Planning
from agent.plan.triggers import Now, On, trigger_of
from agent.planned import Planned
from agent.traffic_worker import MOST_REQUESTS

MONTH_S = 30 * 86_400.0
MOST_SLOTS = 50_000
"""Of one entry on one modem; a forecast that has more ends early and says so."""
LOCKING_S = 15.0
"""What `rat_lock` adds to a test: set, wait for the cell, and give back."""
WAITS_S = 1.0
"""What begins later than this waits."""


class Expected(NamedTuple):
    """One planned test."""

    planned: Planned
    slot: Slot
    due: datetime
    """Local time, as the next."""
    starts: datetime | None
    """None: it will be skipped."""
    reason: str
    """Why it waits or is skipped."""


class Forecast(NamedTuple):
    """What will run from one instant on."""

    expected: tuple[Expected, ...]
    """In the order of time."""
    covered_s: float
    """Shorter than asked for where there are too many slots."""


def forecast(
    planned: Iterable[Planned], *, probe: str, planning: Planning, start: datetime, span_s: float
) -> Forecast:
    """What an agent that starts at `start` (UTC) with the right time runs in `span_s`."""
    dues, covered_s = _dues(planned, probe=probe, planning=planning, start=start, span_s=span_s)

    def local(mono_ns: int) -> datetime:
        return planning.local(start + timedelta(microseconds=mono_ns // 1000))

    quiet = {id(due) for due in dues if is_quiet(due.planned.entry, local(due.slot.due_mono_ns))}
    ends = _queue([due for due in dues if id(due) not in quiet], planning)
    expected = []
    for due in dues:
        starts_ns, reason = (None, "quiet hours") if id(due) in quiet else ends[id(due)]
        expected.append(
            Expected(
                planned=due.planned,
                slot=due.slot,
                due=local(due.slot.due_mono_ns),
                starts=None if starts_ns is None else local(starts_ns),
                reason=reason,
            )
        )
    return Forecast(tuple(expected), covered_s)


class Bill(NamedTuple):
    """Most bytes on one modem, by the slots that are not in quiet hours."""

    down_bytes: int
    up_bytes: int


def monthly(
    planned: Iterable[Planned], *, probe: str, planning: Planning, start: datetime
) -> dict[str, Bill]:
    """What 30 days from `start` on cost each modem at most, if nothing is skipped for being busy.

    Distance, places and demand are not in it: nobody knows how often.
    """
    dues, covered_s = _dues(planned, probe=probe, planning=planning, start=start, span_s=MONTH_S)
    down: dict[str, int] = defaultdict(int)
    up: dict[str, int] = defaultdict(int)
    for due in dues:
        utc = start + timedelta(microseconds=due.slot.due_mono_ns // 1000)
        if is_quiet(due.planned.entry, planning.local(utc)):
            continue
        each = cost(due.planned.ready.settings, planning)
        down[due.slot.modem] += each.down_bytes
        up[due.slot.modem] += each.up_bytes
    scale = MONTH_S / covered_s
    return {modem: Bill(round(down[modem] * scale), round(up[modem] * scale)) for modem in down}


class _Due(NamedTuple):
    planned: Planned
    slot: Slot

    @property
    def rank(self) -> tuple[int, Slot]:
        return -self.planned.entry.priority, self.slot


def _dues(
    planned: Iterable[Planned], *, probe: str, planning: Planning, start: datetime, span_s: float
) -> tuple[list[_Due], float]:
    """Every slot that is due within the span, in order, and how long that span became."""
    most_ns = round(span_s * NS_PER_S)
    found: list[_Due] = []
    for each in planned:
        slots = _slots(each, probe=probe, planning=planning, start=start, most_ns=most_ns)
        for count, slot in enumerate(slots):
            if count == MOST_SLOTS:
                most_ns = slot.due_mono_ns
                break
            found.append(_Due(each, slot))
    inside = [due for due in found if due.slot.due_mono_ns <= most_ns]
    inside.sort(key=lambda due: due.slot)
    return inside, most_ns / NS_PER_S


def _slots(
    planned: Planned, *, probe: str, planning: Planning, start: datetime, most_ns: int
) -> Iterator[Slot]:
    """The slots of one entry on one modem; none where only a drive can tell."""
    on = On(
        entry=planned.entry,
        probe=probe,
        modem=planned.place.name,
        modem_index=planned.modem_index,
    )
    trigger = trigger_of(on, planning=planning, where=(), start_ns=0)
    if trigger is None:
        return
    mono_ns: int | None = 0
    while mono_ns is not None and mono_ns <= most_ns:
        now = Now(mono_ns=mono_ns, utc=start + timedelta(microseconds=mono_ns // 1000))
        for slot in trigger.mint(now).slots:
            due = now.utc_at(slot.due_mono_ns)
            if due is not None and is_active(planned.entry, planning.local(due)):
                yield slot
        mono_ns = trigger.next_ns(now)


class _Queue:
    """Tests that wait for modems and shared paths, as the agent lets them."""

    def __init__(self, planning: Planning) -> None:
        self._planning = planning
        self._waiting: dict[str, list[_Due]] = defaultdict(list)
        self._modem_free_ns: dict[str, int] = defaultdict(int)
        self._path_free_ns: dict[str, int] = defaultdict(int)
        self.ends: dict[int, tuple[int | None, str]] = {}

    def put(self, due: _Due) -> None:
        """A slot is sent to its modem."""
        box = self._waiting[due.slot.modem]
        box.append(due)
        box.sort(key=lambda each: each.rank)
        if len(box) > MOST_REQUESTS:
            self._skip(box.pop())

    def look(self, now_ns: int) -> Iterator[int]:
        """Begin what can begin; the instants at which those end."""
        for modem, box in self._waiting.items():
            late = [each for each in box if _gives_up_ns(each) < now_ns]
            self._waiting[modem] = [each for each in box if each not in late]
            for each in late:
                self._skip(each)
        heads = [
            box[0]
            for modem, box in self._waiting.items()
            if box and self._modem_free_ns[modem] <= now_ns
        ]
        for due in sorted(heads, key=lambda each: each.rank):
            path = due.planned.place.shared_path
            if path is not None and self._path_free_ns[path] > now_ns:
                continue
            self._waiting[due.slot.modem].remove(due)
            seconds = cost(due.planned.ready.settings, self._planning).usual_s
            seconds += 0.0 if due.planned.entry.rat_lock is None else LOCKING_S
            end_ns = now_ns + round(seconds * NS_PER_S)
            self._modem_free_ns[due.slot.modem] = end_ns
            if path is not None:
                self._path_free_ns[path] = end_ns
            waited_s = (now_ns - due.slot.due_mono_ns) / NS_PER_S
            self.ends[id(due)] = now_ns, f"waits {waited_s:.0f} s" if waited_s > WAITS_S else ""
            yield end_ns

    def _skip(self, due: _Due) -> None:
        self.ends[id(due)] = None, "busy"


def _queue(dues: list[_Due], planning: Planning) -> dict[int, tuple[int | None, str]]:
    """When each slot begins, by its id; None if it waits for too long."""
    queue = _Queue(planning)
    looks_ns = [due.slot.due_mono_ns for due in dues]
    heapq.heapify(looks_ns)
    sent = 0
    while looks_ns:
        now_ns = heapq.heappop(looks_ns)
        while sent < len(dues) and dues[sent].slot.due_mono_ns <= now_ns:
            queue.put(dues[sent])
            sent += 1
        for end_ns in queue.look(now_ns):
            heapq.heappush(looks_ns, end_ns)
    return queue.ends


def _gives_up_ns(due: _Due) -> int:
    return due.slot.due_mono_ns + round(due.planned.entry.wait_s * NS_PER_S)
