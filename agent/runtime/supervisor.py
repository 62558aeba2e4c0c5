"""Named worker threads that are restarted when they crash and reported when they hang.

A worker runs until its `Stop` is set; to return or to raise earlier is a crash. It calls `beat`
at least once within its `stall_limit_s` while it makes progress. systemd's watchdog is fed only
while every critical worker does: a hung worker then gets the whole service killed and restarted,
which is the only cure for a thread that cannot be ended from outside. So does one that crashes
again and again: whatever it stumbles over is in the memory of this process.
"""

import logging
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from agent.runtime.sdnotify import Notify
from agent.runtime.stop import Stop

log = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_BACK_OFF_S = 1.0
LONGEST_BACK_OFF_S = 30.0
"""Shorter than any critical worker's stall limit: waiting to be restarted starves no watchdog."""
STEADY_S = 15.0
"""After a crash a worker has to run for so long before its beats count as progress."""
CALM_S = 300.0
"""A run longer than this was healthy: its crash starts again with the first back-off."""
LOOK_EVERY_S = 1.0
SHARE_OF_THE_LAST = 0.3
"""Of the time to stop, what is kept for workers that stop last."""

Beat = Callable[[], None]
"""Says that the calling worker makes progress."""


@dataclass(frozen=True, kw_only=True)
class Worker:
    """One thread's work under a name that is unique within its supervisor."""

    name: str
    run: Callable[[Stop, Beat], None]
    critical: bool = False
    """Whether the watchdog starves when it stops beating."""
    stall_limit_s: float = 60.0
    stops_last: bool = False
    """Whether it outlives the others, so that what they say at their end is still heard."""


@dataclass(frozen=True, kw_only=True)
class Restart:
    """A worker crashed or returned early; it starts again after `delay_s`."""

    worker: str
    reason: str
    restarts: int
    """Of this worker so far, this one included."""
    delay_s: float


@dataclass(frozen=True, kw_only=True)
class Stall:
    """A worker has not beaten for longer than its limit."""

    worker: str
    silent_s: float
    critical: bool


def back_off_s(failures: int) -> float:
    """Seconds to wait after the n-th failure in a row: doubling, capped, with half of it random."""
    ceiling_s = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2.0 ** min(failures - 1, 16))
    return ceiling_s * random.uniform(0.5, 1.0)  # noqa: S311  # spreads load, guards nothing


@dataclass(kw_only=True, eq=False)
class _Post:
    """One worker with its thread."""

    worker: Worker
    stop: Stop = field(default_factory=Stop)
    thread: threading.Thread | None = None
    state: str = "starting"
    beaten_at_s: float = field(default_factory=time.monotonic)
    restarts: int = 0
    waiting: bool = False
    stalled: bool = False


class Supervisor:
    """Owns the workers' threads. Usable as a context: leaving it stops everything."""

    def __init__(
        self,
        *,
        on_restart: Callable[[Restart], None],
        on_stall: Callable[[Stall], None],
        notify: Notify | None = None,
        delay_s: Callable[[int], float] = back_off_s,
        look_every_s: float = LOOK_EVERY_S,
        steady_s: float = STEADY_S,
    ) -> None:
        """Both callbacks come from threads of the supervisor and must not block."""
        self._on_restart = on_restart
        self._on_stall = on_stall
        self._notify = notify
        self._delay_s = delay_s
        self._look_every_s = look_every_s
        self._steady_s = steady_s
        self._lock = threading.Lock()
        self._posts: dict[str, _Post] = {}
        self._stop = Stop()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self, workers: Iterable[Worker] = ()) -> None:
        """Start to watch, and start `workers`."""
        for worker in workers:
            self.add(worker)
        self._watcher.start()
        if self._notify is not None:
            self._notify.ready()

    def add(self, worker: Worker) -> None:
        """Start one more worker; raises ValueError when its name is taken."""
        post = _Post(worker=worker)
        # A daemon: a thread hung in a driver must not keep the process from ending.
        thread = threading.Thread(target=self._attend, args=(post,), name=worker.name, daemon=True)
        post.thread = thread
        with self._lock:
            if worker.name in self._posts:
                raise ValueError(f"there is a worker named {worker.name!r} already")
            if self._stop.is_set():
                return
            self._posts[worker.name] = post
        thread.start()

    def remove(self, name: str, timeout_s: float) -> bool:
        """Stop one worker and forget it; False when its thread has not ended in time."""
        with self._lock:
            post = self._posts.get(name)
        if post is None:
            return True
        if not _end(post, time.monotonic() + timeout_s):
            return False
        with self._lock:
            self._posts.pop(name, None)
        return True

    def states(self) -> dict[str, str]:
        """Each worker's state: `running`, `waiting: why`, `stuck: how long` or `stopped`."""
        with self._lock:
            posts = list(self._posts.values())
        now_s = time.monotonic()
        return {post.worker.name: _state(post, now_s) for post in posts}

    def stop(self, timeout_s: float) -> tuple[str, ...]:
        """End all workers together within `timeout_s`; the names of those that did not end."""
        deadline_s = time.monotonic() + timeout_s
        if self._notify is not None and not self._stop.is_set():
            self._notify.stopping()
        self._stop.set()
        with self._lock:
            posts = list(self._posts.values())
        last = [post for post in posts if post.worker.stops_last]
        first = [post for post in posts if not post.worker.stops_last]
        left = _end_all(first, deadline_s - timeout_s * SHARE_OF_THE_LAST)
        left += _end_all(last, deadline_s)
        if left:
            log.error("did not stop within %.1f s: %s", timeout_s, ", ".join(left))
        return left

    def _attend(self, post: _Post) -> None:
        """One worker's thread: run it, and run it again when it crashes."""
        failures = 0
        while not post.stop.is_set():
            started_s = time.monotonic()
            post.state, post.waiting = "running", False
            reason = self._run_once(post, started_s + (self._steady_s if failures else 0.0))
            if post.stop.is_set():
                break
            failures = 1 if time.monotonic() - started_s > CALM_S else failures + 1
            delay_s = self._delay_s(failures)
            post.restarts += 1
            post.state, post.waiting = f"waiting: {delay_s:.1f} s after {reason}", True
            _tell(
                self._on_restart,
                Restart(
                    worker=post.worker.name, reason=reason, restarts=post.restarts, delay_s=delay_s
                ),
            )
            post.stop.wait(delay_s)
        post.state = "stopped"

    def _run_once(self, post: _Post, counts_from_s: float) -> str:
        """Run the worker to its end; why it ended. Beats count from a time on."""

        def beat() -> None:
            now_s = time.monotonic()
            if now_s >= counts_from_s:
                post.beaten_at_s = now_s

        name = post.worker.name
        try:
            post.worker.run(post.stop, beat)
        except Exception as error:  # the top of a thread: whatever it was, the worker runs again
            log.exception("%s crashed and will be restarted", name)
            return f"{type(error).__name__}: {error}"
        if not post.stop.is_set():
            log.error("%s returned although nobody asked it to, and will be restarted", name)
        return "an early return"

    def _watch(self) -> None:
        """Feed the watchdog while all critical workers make progress; report who does not."""
        while not self._stop.wait(self._look_every_s):
            with self._lock:
                posts = list(self._posts.values())
            now_s = time.monotonic()
            for post in posts:
                self._report_stall(post, now_s)
            if self._notify is not None and not any(
                post.worker.critical and _silent_s(post, now_s) > post.worker.stall_limit_s
                for post in posts
            ):
                self._notify.alive()

    def _report_stall(self, post: _Post, now_s: float) -> None:
        """Say once that a worker stopped beating, and once that it beats again."""
        silent_s = _silent_s(post, now_s)
        stalled = silent_s > post.worker.stall_limit_s
        if post.waiting or stalled == post.stalled:
            return
        post.stalled = stalled
        if not stalled:
            log.info("%s makes progress again", post.worker.name)
            return
        log.error("%s made no progress for %.0f s", post.worker.name, silent_s)
        _tell(
            self._on_stall,
            Stall(worker=post.worker.name, silent_s=silent_s, critical=post.worker.critical),
        )


def _tell(callback: Callable[[T], None], news: T) -> None:
    """Call back; what is wrong with the listener must not end the thread that supervises."""
    try:
        callback(news)
    except Exception:  # the top of a thread: the supervisor goes on
        log.exception("could not report %s", news)


def _silent_s(post: _Post, now_s: float) -> float:
    """Since the last beat; a worker that waits to be restarted is silent as well."""
    return now_s - post.beaten_at_s


def _state(post: _Post, now_s: float) -> str:
    silent_s = _silent_s(post, now_s)
    if post.state == "running" and silent_s > post.worker.stall_limit_s:
        return f"stuck: no progress for {silent_s:.0f} s"
    return post.state


def _end_all(posts: Sequence[_Post], deadline_s: float) -> tuple[str, ...]:
    """End workers together; the names of those that did not."""
    for post in posts:
        post.stop.set()
    return tuple(post.worker.name for post in posts if not _end(post, deadline_s))


def _end(post: _Post, deadline_s: float) -> bool:
    """Ask a worker to stop and wait for its thread until the deadline."""
    post.stop.set()
    thread = post.thread
    if thread is None or thread is threading.current_thread():
        return True
    thread.join(max(0.0, deadline_s - time.monotonic()))
    return not thread.is_alive()
