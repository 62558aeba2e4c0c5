"""A test in a thread of its own, which is left behind when it hangs.

A thread that is stuck in a driver or in the kernel cannot be ended from outside. So the worker of
a modem never enters a test itself: it waits for it, bounded, and then goes on without it.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from agent.activity import Job, Ready, Result
from agent.runtime import Stop
from drivers.traffic.result import Progress
from wire.messages import Outcome

log = logging.getLogger(__name__)

HUNG_AFTER_S = 5.0
"""Beyond its own deadline: a test keeps that within 2 s, on a busy machine as well."""
LEFT_AFTER_S = 3.0
"""After the agent was asked to stop; a test ends about 1 s after it is cancelled."""
LONGEST_S = 600.0
"""Of a test that knows no deadline."""
MOST_HUNG = 3
"""With so many threads left behind only a new process helps."""
HUNG = "probe: the test hung"


class Attempts:
    """The tests of one modem, one after the other. Used by its worker's thread only."""

    def __init__(self, name: str) -> None:
        """`name` is the modem's."""
        self._name = name
        self._left: list[_Attempt] = []

    @property
    def hopeless(self) -> bool:
        """Whether so many tests hang that no other is tried."""
        self._left = [attempt for attempt in self._left if attempt.is_alive()]
        return len(self._left) >= MOST_HUNG

    def run(self, ready: Ready, job: Job, stop: Stop) -> Result:
        """The test's result; `invalid` when it hung. Raises whatever the test raised."""
        if self.hopeless:
            return Result(Outcome.INVALID, f"probe: {MOST_HUNG} tests before it still hang", None)
        attempt = _Attempt(ready.run, job, name=f"test on {self._name}")
        attempt.start()
        limit_s = (LONGEST_S if ready.deadline_s is None else ready.deadline_s) + HUNG_AFTER_S
        with stop.wakes(attempt.look_up):
            ended = attempt.wait(limit_s, stop)
        if ended:
            return attempt.result()
        job.cancel.set()
        attempt.leave()
        self._left.append(attempt)
        log.error("a test on modem %s hangs and is left to itself", self._name)
        return Result(Outcome.INVALID, HUNG, None)


class _Attempt:
    """One test's thread. Once left, nobody hears of it any more."""

    def __init__(self, run: Callable[[Job], Result], job: Job, *, name: str) -> None:
        self._run = run
        self._job = replace(job, on_progress=self._hear)
        self._on_progress = job.on_progress
        self._left = False
        self._result: Result | None = None
        self._error: Exception | None = None
        self._changed = threading.Condition()
        self._ended = False
        # A daemon: one that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def wait(self, limit_s: float, stop: Stop) -> bool:
        """Whether it ended by itself, before the limit and not long after the stop."""
        until_s = time.monotonic() + limit_s
        with self._changed:
            self._changed.wait_for(lambda: self._ended or stop.is_set(), limit_s)
            left_s = min(LEFT_AFTER_S, max(0.0, until_s - time.monotonic()))
            return self._changed.wait_for(lambda: self._ended, left_s)

    def look_up(self) -> None:
        """Notice that the agent stops."""
        with self._changed:
            self._changed.notify_all()

    def leave(self) -> None:
        """Hear no more of it."""
        self._left = True

    def result(self) -> Result:
        """What it ended with; its exception is raised here."""
        if self._error is not None:
            raise self._error
        if self._result is None:
            raise RuntimeError("a test ended without a result")
        return self._result

    def _work(self) -> None:
        try:
            self._result = self._run(self._job)
        except Exception as error:  # noqa: BLE001 - raised again in the worker that waits
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _hear(self, now: Progress) -> None:
        if not self._left:
            self._on_progress(now)
