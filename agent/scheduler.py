"""Sends each planned test to its modem when it is due; a slot that cannot be sent is a row too."""

import heapq
import logging
from collections.abc import Iterable
from dataclasses import dataclass

from agent.activity import Activity, Ready
from agent.clock import Clock
from agent.plan import Entry, Slot, slot
from agent.recorder import Recorder
from agent.runtime import Beat, Stop
from agent.ticks import NS_PER_S
from agent.traffic_worker import TestRequest, TrafficWorker
from wire.messages import Modem

log = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
MOST_LATE = 100
"""More slots of one task at once mean that the machine slept; those are only counted."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One plan entry on one modem, with everything it needs."""

    entry: Entry
    activity: Activity
    ready: Ready
    worker: TrafficWorker
    modem_index: int
    """Position among the entry's modems: what `stagger_s` is counted by."""


class Scheduler:
    """The plan's thread."""

    def __init__(
        self, tasks: Iterable[Task], *, probe: str, clock: Clock, recorder: Recorder
    ) -> None:
        self._tasks = {(task.entry.name, task.worker.place.name): task for task in tasks}
        self._probe = probe
        self._clock = clock
        self._recorder = recorder
        self._start_ns = clock.mono_ns()
        self._slots = [self._slot(task, 0) for task in self._tasks.values()]
        heapq.heapify(self._slots)

    def run(self, stop: Stop, beat: Beat) -> None:
        """Send what is due until stopped."""
        while not stop.is_set():
            beat()
            self.send_due()
            stop.wait(min(LOOK_EVERY_S, self.wait_s()))

    def wait_s(self) -> float:
        """Seconds until the next slot; 0 when one is due, a long time without any."""
        if not self._slots:
            return LOOK_EVERY_S
        return max(0.0, (self._slots[0].due_mono_ns - self._clock.mono_ns()) / NS_PER_S)

    def send_due(self) -> None:
        """Send every slot that is due; one that is too late already is recorded as skipped."""
        now_ns = self._clock.mono_ns()
        while self._slots and self._slots[0].due_mono_ns <= now_ns:
            due = self._slots[0]
            task = self._tasks[due.plan, due.modem]
            self._send(task, due, now_ns)
            heapq.heapreplace(self._slots, self._slot(task, self._next_index(task, due, now_ns)))

    def _send(self, task: Task, due: Slot, now_ns: int) -> None:
        request = TestRequest(
            kind=task.activity.KIND,
            ready=task.ready,
            needs_service=task.activity.NEEDS_SERVICE,
            give_up_mono_ns=due.due_mono_ns + round(task.entry.wait_s * NS_PER_S),
            plan=task.entry.name,
            rat_lock=task.entry.rat_lock,
            optional=task.entry.optional,
            needs=task.entry.needs,
        )
        if now_ns > request.give_up_mono_ns:
            task.worker.skip(request, "late: the agent was not there", mono_ns=due.due_mono_ns)
        else:
            task.worker.ask(request)

    def _next_index(self, task: Task, due: Slot, now_ns: int) -> int:
        """The following slot, or the first not long past when the machine slept."""
        period_ns = round(task.entry.every_s * NS_PER_S)
        behind = (now_ns - due.due_mono_ns) // period_ns
        if behind <= MOST_LATE:
            return due.index + 1
        lost = behind - MOST_LATE
        log.warning("plan %s: %d slots nobody was there for", task.entry.name, lost)
        place = task.worker.place
        self._recorder.event(
            "slots_missed",
            severity="warning",
            detail={"plan": task.entry.name, "count": lost},
            modem=Modem(usb_path=place.place, name=place.name),
        )
        return due.index + 1 + lost

    def _slot(self, task: Task, index: int) -> Slot:
        return slot(
            task.entry,
            probe=self._probe,
            modem=task.worker.place.name,
            modem_index=task.modem_index,
            index=index,
            start_mono_ns=self._start_ns,
        )
