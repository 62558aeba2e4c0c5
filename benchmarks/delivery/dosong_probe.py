"""dosong's outbox and publisher as the agent runs them, with a writer of 50 rows a second.

`dosong_probe.py FOLDER HOST PORT FIRST`. A row counts as accepted, and is
named on standard output, from its commit on; `burst N` on standard input adds N rows at once.
"""

import queue
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from agent.clock import Clock
from agent.outbox import Outbox
from agent.publisher import Broker, Publisher
from agent.recorder import Envelope
from agent.runtime import Supervisor
from benchmarks.delivery.records import PROBE, ROWS_PER_S, record
from wire.control import Presence
from wire.messages import Position

GROUP = 25
"""Rows told together, by the last of them: what was handed over before is committed before."""
MOST_UNTOLD = 50
STORED_TIMEOUT_S = 60.0


def main(folder: Path, host: str, port: int, first: int) -> None:
    """Write until killed."""
    clock = Clock()
    envelope = Envelope(probe=PROBE, software="dosong", stamp=clock.stamp, position=Position)
    outbox = Outbox(folder / "outbox.db", make_event=envelope.event)
    publisher = Publisher(
        probe=PROBE,
        broker=Broker(host=host, port=port),
        outbox=outbox,
        presence=lambda: Presence(
            probe=PROBE, online=True, epoch=outbox.epoch, made=outbox.made or None
        ),
        record_event=lambda name, **about: outbox.append(envelope.event(name, **about)),
        clock=clock,
    )
    supervisor = Supervisor(on_restart=print, on_stall=print)
    supervisor.start([outbox.worker(), publisher.worker()])
    bursts: queue.Queue[int] = queue.Queue()
    threading.Thread(target=_listen, args=(bursts,), daemon=True).start()
    waiting = ThreadPoolExecutor(MOST_UNTOLD)
    group, due_s = first, time.monotonic()
    while True:
        for number in range(group, group + GROUP - 1):
            outbox.append(record(number))
            if bursts.empty():
                due_s += 1 / ROWS_PER_S
                time.sleep(max(0.0, due_s - time.monotonic()))
        waiting.submit(_store, outbox, group + GROUP - 1)
        group += GROUP
        if not bursts.empty():
            group = _burst(outbox, waiting, group, bursts.get())
            due_s = time.monotonic()


def _burst(outbox: Outbox, waiting: ThreadPoolExecutor, group: int, rows: int) -> int:
    """So many rows as fast as the disk takes them; the next number."""
    untold: deque[Future[None]] = deque()
    for first in range(group, group + rows, GROUP):
        if len(untold) == MOST_UNTOLD:
            untold.popleft().result()
        for number in range(first, first + GROUP - 1):
            outbox.append(record(number))
        untold.append(waiting.submit(_store, outbox, first + GROUP - 1))
    return group + rows


def _store(outbox: Outbox, last: int) -> None:
    outbox.append_and_wait(record(last), STORED_TIMEOUT_S)
    sys.stdout.write(f"A {last - GROUP + 1} {last}\n")
    sys.stdout.flush()


def _listen(bursts: "queue.Queue[int]") -> None:
    for line in sys.stdin:
        bursts.put(int(line.split()[1]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
