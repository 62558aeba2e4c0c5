"""A running outbox whose rows are told apart by a number, and what became of each of them."""

import sqlite3
import threading
from collections import Counter
from contextlib import closing
from functools import partial

from agent.clock import Clock
from agent.outbox import Limits, Outbox
from agent.recorder import Envelope
from agent.runtime import Stop
from sim import parts
from wire.codec import decode_record, unpack_line
from wire.control import Ack
from wire.kinds import radio
from wire.messages import Position

DEADLINE_S = 20.0
RETRY_S = 0.05
wait_until = partial(parts.wait_until, timeout_s=DEADLINE_S)


class Rows:
    """An outbox that commits quickly, and the numbers it accepted and promised."""

    def __init__(self, path, *, run_dir=None, first_number=0, **limits):
        self.path = path
        self.accepted = set()
        self.promised = {}
        """Number to `seq`."""
        self.acknowledged = set()
        self._envelope = Envelope(
            probe="dn-01", software="test", stamp=Clock().stamp, position=Position
        )
        self._limits = Limits(**({"commit_s": 0.02, "reserve_bytes": 1 << 20} | limits))
        self._watermark = None if run_dir is None else run_dir / "outbox.json"
        self._next = first_number

    def start(self):
        self.outbox = Outbox(
            self.path,
            make_event=self._envelope.event,
            watermark=self._watermark,
            limits=self._limits,
            delay_s=lambda _failures: RETRY_S,
        )
        self._stop = Stop()
        self._thread = threading.Thread(target=self.outbox.run, args=(self._stop, lambda: None))
        self._thread.start()
        return self

    __enter__ = start

    def stop(self, *_):
        self._stop.set()
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "it does not stop"

    __exit__ = stop

    def add(self, count, kind="radio"):
        """Hand over so many rows; not all of them may be accepted."""
        for _ in range(count):
            number, record = self._make(kind)
            if self.outbox.append(record):
                self.accepted.add(number)

    def promise(self, timeout_s=DEADLINE_S):
        """Hand over one row and wait until it is promised; its number."""
        number, record = self._make("radio")
        self.promised[number] = self.outbox.append_and_wait(record, timeout_s)
        self.accepted.add(number)
        return number

    def give_out(self, after=0, up_to=(1 << 63) - 1, max_rows=5000):
        """Rows as the publisher gets them."""
        batch = self.outbox.batch(after, up_to=up_to, max_rows=max_rows, max_bytes=1 << 24)
        return [] if batch is None else [decode_record(row.line) for row in batch.rows]

    def acknowledge(self, contiguous, **fields):
        """What the collector says; only rows that were given out are to be gone."""
        ack = Ack(probe="dn-01", epoch=self.outbox.epoch, contiguous_seq=contiguous, **fields)
        self.outbox.acknowledge(ack)

    def _make(self, kind):
        number, self._next = self._next, self._next + 1
        payload = radio.Payload(temperature_c=number) if kind == "radio" else None
        return number, self._envelope.around(kind, payload, reason=str(number))


def stored(path):
    """Every record in a file, while nobody or somebody else uses it."""
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as db:
        return [
            decode_record(unpack_line(record))
            for (record,) in db.execute("SELECT record FROM outbox ORDER BY seq")
        ]


def numbers(records):
    """The numbers of rows that tests made, each of which must be there once."""
    found = Counter(int(record.reason) for record in records if record.kind != "event")
    assert set(found.values()) <= {1}, "a row is there twice"
    return set(found)


def details(records, name):
    """What the events of a name say."""
    return [
        record.payload.detail
        for record in records
        if record.kind == "event" and record.payload.name == name
    ]


def count_of(records, *names):
    """How many rows the events of these names account for."""
    return sum(detail["count"] for name in names for detail in details(records, name))
