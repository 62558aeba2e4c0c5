"""The collector's ingest in a process that kills itself at a named point; see the tests beside it.

`collector_child.py CONFIG WORKER [POINT NUMBER]`: SIGKILL at the NUMBERth time POINT is reached.
"""

import itertools
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from collector import config
from collector.ingest.link import Link
from collector.ingest.opened import opened_intake
from collector.ingest.time_teller import TimeTeller
from collector.ingest.worker import Worker
from collector.store import durable
from collector.store.lake import Lake, Upkeep
from collector.store.ledger import Ledger

POINTS = {
    "before the lake": (Lake, "merge", False),
    "before the flush": (durable.DurableLog, "flush", False),
    "after the lake": (Lake, "merge", True),
    "before the ledger": (Ledger, "commit", False),
    "after the ledger": (Ledger, "commit", True),
    "before the first PUBACK": (Link, "acknowledge", False),
    "after a PUBACK": (Link, "acknowledge", True),
    "before the acknowledgement": (Link, "publish", False),
}


def die_at(point, number):
    owner, name, afterwards = POINTS[point]
    real = getattr(owner, name)
    calls = itertools.count(1)

    def method(*args, **kwargs):
        last = next(calls) >= number
        result = real(*args, **kwargs) if afterwards or not last else None
        if last:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, method)


def main(file, number, *point):
    settings = config.of_worker(config.load(Path(file)), int(number))
    first = number == "1"
    logging.basicConfig(level=logging.INFO)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with opened_intake(settings) as (intake, ledger):
        if point:
            die_at(point[0], int(point[1]))
        link = Link(settings.mqtt, receive_maximum=settings.ingest.receive_maximum, presence=first)
        worker = Worker(link, intake, ledger, settings.ingest)
        parts = [link.run, worker.run, TimeTeller(link).run]
        threads = [threading.Thread(target=part, args=(stop,)) for part in parts]
        for thread in threads:
            thread.start()
        upkeep = Upkeep(settings.store.lake, compact_files=4)
        while not stop.wait(0.2):
            if first:
                upkeep.tidy()
        for thread in threads:
            thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
