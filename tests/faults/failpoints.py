"""What goes wrong inside an agent, at the beats of one of its workers: no code of the product.

`python -m tests.faults.failpoints FAILPOINT WORKER run --config FILE` is the agent with it.
"""

import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import agent.cli
from agent.main import Agent
from agent.runtime import Beat, Stop, Worker

STALL_LIMIT_S = 2.0
"""In place of a minute and more: a test does not wait so long."""
LEAK_BYTES = 8 << 20


class Failpoint:
    """Runs at each beat of a worker, in its thread."""

    def __init__(self, fires_at: int = 3) -> None:
        self._fires_at = fires_at
        self.beats = 0
        """Of the present run of the worker."""
        self.runs = 0

    def begin(self) -> None:
        """The worker starts, or starts again."""
        self.beats = 0
        self.runs += 1

    def reach(self) -> None:
        """The worker beats."""
        self.beats += 1
        if self.beats >= self._fires_at:
            self.fire()

    def fire(self) -> None:
        """What goes wrong."""


class RaisesOnce(Failpoint):
    """In its first run."""

    def fire(self) -> None:
        if self.runs == 1:
            raise RuntimeError("failpoint")


class RaisesAlways(Failpoint):
    """In each run."""

    def fire(self) -> None:
        raise RuntimeError("failpoint")


class Deadlocks(Failpoint):
    """Waits for a lock that nobody gives back."""

    def fire(self) -> None:
        lock = threading.Lock()
        with lock:
            lock.acquire()


class Leaks(Failpoint):
    """Takes 8 MiB at each beat, touches them, and never gives them back."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytearray] = []

    def fire(self) -> None:
        self._kept.append(bytearray(b"x") * LEAK_BYTES)


FAILPOINTS = {each.__name__: each for each in Failpoint.__subclasses__()}


def failing(
    workers: Iterable[Worker],
    name: str,
    failpoint: Failpoint,
    *,
    stall_limit_s: float | None = None,
) -> Iterator[Worker]:
    """The same workers, one of them with a failpoint."""
    for worker in workers:
        if worker.name == name:
            limit_s = stall_limit_s or worker.stall_limit_s
            run = _run_with(failpoint, worker.run)
            yield replace(worker, run=run, stall_limit_s=limit_s)
        else:
            yield worker


def _run_with(
    failpoint: Failpoint, run: Callable[[Stop, Beat], None]
) -> Callable[[Stop, Beat], None]:
    def run_and_fail(stop: Stop, beat: Beat) -> None:
        def beat_and_fail() -> None:
            beat()
            failpoint.reach()

        failpoint.begin()
        run(stop, beat_and_fail)

    return run_and_fail


def main(failpoint: str, name: str, *command: str) -> int:
    """The agent's command, with the failpoint."""
    workers = Agent.workers

    def with_failpoint(self: Agent) -> Iterator[Worker]:
        made = FAILPOINTS[failpoint]()
        return failing(workers(self), name, made, stall_limit_s=STALL_LIMIT_S)

    Agent.workers = with_failpoint  # type: ignore[method-assign]  # that is the failpoint
    return agent.cli.main(command)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
