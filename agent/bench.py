"""One modem with everything it takes to measure once: no service, no outbox, nothing delivered."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from agent.clock import Clock
from agent.config import Config, ModemPlace
from agent.demand.messages import Measured, Prepared
from agent.gps_worker import GpsWorker
from agent.guard import Guard
from agent.host_watch import HostWatch
from agent.modem_worker import ModemWorker
from agent.parts import SOFTWARE
from agent.places import Places
from agent.rat_setting import SavedSettings
from agent.recorder import Envelope, Recorder
from agent.rungs import RungLog
from agent.runtime import Supervisor, Worker
from agent.shared_paths import SharedPaths
from agent.ticks import NS_PER_S
from agent.traffic_worker import TrafficWorker
from agent.whereabouts import Whereabouts
from drivers.traffic.result import OnProgress
from wire.messages import AnyMeasurement, Outcome

FIRST_LOOK_TIMEOUT_S = 60.0
TEST_TIMEOUT_S = 600.0
"""Beside its own deadline, where it has one: a scan has none, and a lock takes its time."""
CANCEL_S = 5.0
"""For the row of a test that was cancelled."""
STOP_TIMEOUT_S = 9.0
KEPT_RECORDS = 1000
BEFORE_ALL_NS = -1


class NoRecordError(Exception):
    """Nothing was measured in time."""


class Bench:
    """A modem that measures on demand. Usable as a context by `bench`."""

    def __init__(self, config: Config, place: ModemPlace) -> None:
        """Make the parts; nothing runs yet."""
        self._clock = Clock()
        self._kept = _Kept()
        self._looked_ns = BEFORE_ALL_NS
        whereabouts = Whereabouts(config.gps.surveyed)
        recorder = Recorder(
            Envelope(
                probe=config.probe,
                software=SOFTWARE,
                stamp=self._clock.stamp,
                position=lambda: whereabouts.position_at(self._clock.mono_ns()),
            ),
            self._kept,
        )
        gps = GpsWorker(
            gpsd=config.gps.gpsd, whereabouts=whereabouts, clock=self._clock, recorder=recorder
        )
        places = Places(config.modem)
        modem = ModemWorker(
            place=place,
            open_modem=places.open_modem,
            clock=self._clock,
            recorder=recorder,
            position_at=whereabouts.position_at,
            saved=SavedSettings(config.state_dir / "rat-settings"),
            rungs=RungLog(config.state_dir / "rungs", self._clock),
        )
        self._tests = TrafficWorker(
            place=place,
            radio=modem,
            clock=self._clock,
            recorder=recorder,
            position_at=whereabouts.position_at,
            paths=SharedPaths(),
            interface_of=places.interface_of,
            guard=Guard(place.name, host=HostWatch(config.host)),
        )
        self.workers = (
            Worker(name="gps", run=gps.run),
            Worker(name=f"modem {place.name}", run=modem.run),
            Worker(name=f"tests {place.name}", run=self._tests.run),
        )

    def look(self) -> AnyMeasurement:
        """The next look at the radio, after those given before; raises `NoRecordError`."""
        record = self._kept.radio(self._looked_ns, FIRST_LOOK_TIMEOUT_S)
        self._looked_ns = record.mono_ns
        return record

    def test(self, prepared: Prepared, on_progress: OnProgress) -> Measured:
        """The row of one test; raises `NoRecordError`.

        Ctrl-C cancels it and gives the row of what was measured until then; raises
        KeyboardInterrupt where there is none.
        """
        self._kept.radio(BEFORE_ALL_NS, FIRST_LOOK_TIMEOUT_S)
        timeout_s = TEST_TIMEOUT_S + (prepared.ready.deadline_s or 0.0)
        ended = threading.Event()
        rows: list[AnyMeasurement] = []

        def done(row: AnyMeasurement) -> None:
            rows.append(row)
            ended.set()

        request = prepared.request(
            give_up_mono_ns=self._clock.mono_ns() + round(TEST_TIMEOUT_S * NS_PER_S),
            on_progress=on_progress,
            done=done,
        )
        try:
            self._tests.ask(request)
            if not ended.wait(timeout_s):
                raise NoRecordError(f"the test did not end within {timeout_s:.0f} s")
        except KeyboardInterrupt:
            request.cancelled.set()
            if not ended.wait(CANCEL_S):
                raise
        return Measured(rows[0], interrupted=request.cancelled.is_set())


@contextmanager
def bench(config: Config, place: ModemPlace) -> Iterator[Bench]:
    """The modem, measuring; on leaving it has its own radio setting again."""
    made = Bench(config, place)
    supervisor = Supervisor(on_restart=_leave_to_the_log, on_stall=_leave_to_the_log)
    supervisor.start(made.workers)
    try:
        yield made
    finally:
        supervisor.stop(STOP_TIMEOUT_S)


def _leave_to_the_log(_: object) -> None:
    """The supervisor logs both; there is no outbox to record them in."""


class _Kept:
    """The records of a bench, in place of an outbox."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._records: deque[AnyMeasurement] = deque(maxlen=KEPT_RECORDS)

    def append(self, record: AnyMeasurement) -> bool:
        """Take a record."""
        with self._changed:
            self._records.append(record)
            self._changed.notify_all()
        return True

    def radio(self, after_ns: int, timeout_s: float) -> AnyMeasurement:
        """The first row later than `after_ns` of somebody having looked at the radio."""
        with self._changed:
            self._changed.wait_for(lambda: self._looked(after_ns), timeout_s)
            found = self._looked(after_ns)
        if found is None:
            raise NoRecordError(f"nobody looked at the radio within {timeout_s:.0f} s")
        return found

    def _looked(self, after_ns: int) -> AnyMeasurement | None:
        rows = (row for row in self._records if row.kind == "radio" and row.mono_ns > after_ns)
        return next((row for row in rows if row.outcome is not Outcome.SKIPPED), None)
