"""Sends each planned test to its modem when it is due; a slot that cannot be sent is a row too."""

import heapq
import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from agent.activity import Activity, Ready
from agent.clock import Clock
from agent.plan.entry import Entry, Slot, is_active, is_quiet, local_at
from agent.plan.planning import Planning
from agent.plan.triggers import Calendar, Minted, Now, On, Trigger, Where, trigger_of
from agent.recorder import Recorder
from agent.request import TestRequest
from agent.runtime import Beat, Stop
from agent.ticks import NS_PER_S
from agent.traffic_worker import TrafficWorker
from agent.whereabouts import Seen
from wire.messages import Modem

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0


@dataclass(frozen=True, kw_only=True)
class Task:
    """One plan entry on one modem, with everything it needs."""

    entry: Entry
    activity: Activity
    ready: Ready
    worker: TrafficWorker
    modem_index: int
    """Position among the entry's modems: what `stagger_s` is counted by."""
    where: Where = ()
    """The area of the entry, or its places."""

    @property
    def key(self) -> tuple[str, str]:
        """The plan's name and the modem's."""
        return self.entry.name, self.worker.place.name

    @property
    def timing(self) -> tuple[object, ...]:
        """As long as it stays equal, slots are counted on."""
        return (*self.entry.timing, self.modem_index, self.where)


class Replaced(NamedTuple):
    """What became of the plan: how many entries on modems."""

    kept: int
    """Their slots are counted on."""
    begun: int
    """New ones, and those that are due at other times now."""
    ended: int


class Scheduler:
    """The plan's thread. `demand` and `replace` are for other threads."""

    def __init__(
        self,
        tasks: Iterable[Task],
        *,
        probe: str,
        clock: Clock,
        recorder: Recorder,
        planning: Planning | None = None,
        fixes_since: Callable[[int], tuple[Seen, ...]] = lambda _: (),
    ) -> None:
        """`fixes_since` gives the believed fixes after an instant, as `Whereabouts.since`."""
        self._probe = probe
        self._clock = clock
        self._recorder = recorder
        self._planning = Planning() if planning is None else planning
        self._fixes_since = fixes_since
        self._lock = threading.RLock()
        self._tasks: dict[tuple[str, str], Task] = {}
        self._triggers: dict[tuple[str, str], Trigger] = {}
        self._slots: list[Slot] = []
        self._heard_ns = clock.mono_ns()
        self._told_waiting = False
        self._take_over(tasks)

    def run(self, stop: Stop, beat: Beat) -> None:
        """Send what is due until stopped."""
        while not stop.is_set():
            beat()
            self.send_due()
            stop.wait(min(LOOK_EVERY_S, self.wait_s()))

    def wait_s(self) -> float:
        """Seconds until the next slot; 0 when one is due, a long time without any."""
        with self._lock:
            now = Now(mono_ns=self._clock.mono_ns(), utc=self._clock.stamp().utc)
            upcoming = [trigger.next_ns(now) for trigger in self._triggers.values()]
            times_ns = [each for each in upcoming if each is not None]
            times_ns += [slot.due_mono_ns for slot in self._slots[:1]]
        if not times_ns:
            return LOOK_EVERY_S
        return max(0.0, (min(times_ns) - now.mono_ns) / NS_PER_S)

    def send_due(self) -> None:
        """Send every slot that is due; one that is too late already is recorded as skipped."""
        with self._lock:
            now = self._now()
            self._mint(now)
            due = []
            while self._slots and self._slots[0].due_mono_ns <= now.mono_ns:
                slot = heapq.heappop(self._slots)
                due.append((self._tasks[slot.plan, slot.modem], slot))
            # What is due at once is sent by priority: an idle modem takes the first.
            due.sort(key=lambda each: (-each[0].entry.priority, each[1]))
            for task, slot in due:
                self._send(task, slot, now)

    def replace(self, tasks: Iterable[Task]) -> Replaced:
        """Go on with another plan.

        An entry that is due at the same times as before goes on counting: nothing of it runs
        twice or is left out. Others begin now. What waited for its jitter ends as a skipped row
        where its entry is gone or has other times.
        """
        with self._lock:
            return self._take_over(tasks)

    def _take_over(self, tasks: Iterable[Task]) -> Replaced:
        before, triggers = self._tasks, self._triggers
        start_ns = self._clock.mono_ns()
        self._tasks = {task.key: task for task in tasks}
        self._triggers = {}
        kept = {
            key
            for key, task in self._tasks.items()
            if key in before and before[key].timing == task.timing
        }
        for key, task in self._tasks.items():
            old = triggers.get(key)
            trigger = old if key in kept else self._trigger(task, start_ns)
            if trigger is None:
                continue
            if key not in kept and isinstance(trigger, Calendar) and isinstance(old, Calendar):
                trigger.run.update(old.run)
            self._triggers[key] = trigger
        waiting, self._slots = self._slots, []
        for slot in waiting:
            key = slot.plan, slot.modem
            if key in kept:
                self._slots.append(slot)
            else:
                request = _request(before[key], slot.due_mono_ns)
                before[key].worker.skip(
                    request, "the plan was changed", mono_ns=min(slot.due_mono_ns, start_ns)
                )
        heapq.heapify(self._slots)
        return Replaced(
            kept=len(kept), begun=len(self._tasks) - len(kept), ended=len(before.keys() - kept)
        )

    def _trigger(self, task: Task, start_ns: int) -> Trigger | None:
        on = On(
            entry=task.entry,
            probe=self._probe,
            modem=task.worker.place.name,
            modem_index=task.modem_index,
        )
        return trigger_of(on, planning=self._planning, where=task.where, start_ns=start_ns)

    def _now(self) -> Now:
        """The time, and the fixes since the look before."""
        stamp = self._clock.stamp()
        fixes = self._fixes_since(self._heard_ns)
        if fixes:
            self._heard_ns = fixes[-1].mono_ns
        return Now(mono_ns=stamp.mono_ns, utc=stamp.utc, fixes=fixes)

    def _mint(self, now: Now) -> None:
        """Ask every trigger for what came up."""
        waiting = []
        for key, trigger in self._triggers.items():
            task = self._tasks[key]
            minted = trigger.mint(now)
            for slot in minted.slots:
                if is_active(task.entry, local_at(self._planning, now.utc_at(slot.due_mono_ns))):
                    heapq.heappush(self._slots, slot)
            if minted.lost:
                self._tell_lost(task, minted)
            if now.utc is None and isinstance(trigger, Calendar):
                waiting.append(task.entry.name)
        if waiting and not self._told_waiting:
            self._told_waiting = True
            plans = " ".join(dict.fromkeys(waiting))
            log.info("no trusted clock yet: plans with cron wait: %s", plans)
            self._recorder.event("cron_waits_for_clock", detail={"plans": plans})

    def _send(self, task: Task, due: Slot, now: Now) -> None:
        request = _request(task, due.due_mono_ns)
        reason = due.passed
        if is_quiet(task.entry, local_at(self._planning, now.utc_at(due.due_mono_ns))):
            reason = "quiet hours"
        elif now.mono_ns > request.give_up_mono_ns:
            reason = "late: the agent was not there"
        if reason:
            task.worker.skip(request, reason, mono_ns=due.due_mono_ns)
        else:
            task.worker.ask(request)

    def _tell_lost(self, task: Task, minted: Minted) -> None:
        log.warning("plan %s: %d slots lost: %s", task.entry.name, minted.lost, minted.why)
        place = task.worker.place
        self._recorder.event(
            "slots_missed",
            severity="warning",
            detail={"plan": task.entry.name, "count": minted.lost, "why": minted.why},
            modem=Modem(usb_path=place.place, name=place.name),
        )


def _request(
    task: Task,
    due_mono_ns: int,
) -> TestRequest:
    return TestRequest(
        kind=task.activity.KIND,
        ready=task.ready,
        needs_service=task.activity.NEEDS_SERVICE,
        give_up_mono_ns=due_mono_ns + round(task.entry.wait_s * NS_PER_S),
        plan=task.entry.name,
        rat_lock=task.entry.rat_lock,
        priority=task.entry.priority,
        optional=task.entry.optional,
        needs=task.entry.needs,
    )
