"""One modem's second thread: runs the tests it is sent, one after the other.

Every request ends as exactly one row, also when there was nothing to run it on or when the test
hangs. The modem's own thread goes on looking at the radio meanwhile; its looks tell what the test
ran on.
"""

import logging
import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

from agent.activity import Job, Result
from agent.attempt import Attempts
from agent.clock import Clock
from agent.config import ModemPlace
from agent.guard import Guard
from agent.lock import Lock
from agent.name_servers import name_servers
from agent.orders import OrderError, Radio
from agent.places import NoInterfaceError
from agent.recorder import Recorder
from agent.request import CANCELLED, STOPPED, TestRequest
from agent.rows import Rows
from agent.runtime import Beat, RankedMailbox, Stop
from agent.shared_paths import SharedPaths
from agent.snapshots import Snapshot, excuse, lock_agrees
from agent.ticks import NS_PER_S
from agent.under_test import UnderTest
from drivers.traffic.netpath import NetPath
from drivers.traffic.quiet import await_quiet
from drivers.traffic.result import Progress
from wire.messages import Outcome, Position, RatMode

log = logging.getLogger(__name__)

MOST_REQUESTS = 4
"""More would only wait until they are too late."""
LOCK_TIMEOUT_S = 100.0
"""Most take a second; some restart to be set anew."""
AGREE_TIMEOUT_S = 30.0
"""How long the modem may take to camp on a cell of the mode it was locked to."""
CONTRARY_TIMEOUT_S = 75.0
"""As long as it camps on what the lock forbids: its radio going off and on may help meanwhile."""
FIRST_LOOK_TIMEOUT_S = 25.0
"""Longer than a modem takes to settle after a lock, a scan or its return."""
SCAN_TIMEOUT_S = 560.0
"""A vendor's command may take six minutes, and +COPS=? after it three by 27.007."""
NAME_SERVERS_TIMEOUT_S = 10.0
NO_SERVICE_LOOKS = 3
"""Without service so many times in a row a test is not tried: it ends as no service at once."""
LAST_LOOK_TIMEOUT_S = 1.5
"""How long a test that ended waits for the look that was under way: most take less than 1 s."""
BEAT_EVERY_S = 1.0
CRASHED = "the test before it crashed"


class TrafficWorker:
    """Tests on one modem. `ask` and `skip` are for other threads."""

    def __init__(
        self,
        *,
        place: ModemPlace,
        radio: Radio,
        clock: Clock,
        recorder: Recorder,
        position_at: Callable[[int], Position],
        paths: SharedPaths,
        interface_of: Callable[[ModemPlace], str | None],
        guard: Guard | None = None,
        under_test: UnderTest | None = None,
    ) -> None:
        """`interface_of` finds the modem's network interface or raises `NoInterfaceError`.

        `under_test` is told of the interface that a test loads.
        """
        self.place = place
        self._radio = radio
        self._clock = clock
        self._rows = Rows(
            place=place, radio=radio, clock=clock, recorder=recorder, position_at=position_at
        )
        self._position_at = position_at
        self._paths = paths
        self._interface_of = interface_of
        self._requests: RankedMailbox[TestRequest] = RankedMailbox(
            MOST_REQUESTS, rank=lambda each: each.rank
        )
        self._attempts = Attempts(place.name)
        self._guard = Guard(place.name) if guard is None else guard
        self._under_test = UnderTest() if under_test is None else under_test
        self._unanswered: TestRequest | None = None
        self._beat: Beat = _unheard
        self._over = False

    def ask(self, request: TestRequest) -> None:
        """Run the test as soon as those before it are done; it ends as a row in any case."""
        left_out = self._requests.put(request)
        if left_out is not None:
            self.skip(left_out, f"busy: {MOST_REQUESTS} tests wait already")
        if self._over:
            self._empty(STOPPED)

    def skip(self, request: TestRequest, reason: str, *, mono_ns: int | None = None) -> None:
        """Record that a planned test was not run, and why."""
        self._end(request, Result(Outcome.SKIPPED, reason, None), mono_ns=mono_ns)

    def run(self, stop: Stop, beat: Beat) -> None:
        """Run tests until stopped; those still waiting then are recorded as skipped."""
        self._beat, self._over = beat, False
        with stop.wakes(self._requests.wake):
            try:
                while not stop.is_set():
                    self._feed()
                    request = self._requests.take(BEAT_EVERY_S)
                    if request is not None:
                        self._answer(request, stop)
            finally:
                self._over = stop.is_set()
                self._empty(STOPPED if self._over else CRASHED)

    def _feed(self) -> None:
        """Tell the watchdog that all is well; where it is not, it is to end the process."""
        if not self._attempts.hopeless:
            self._beat()

    def _empty(self, why: str) -> None:
        """Record as skipped what waits."""
        while (request := self._requests.take(0)) is not None:
            self._end(request, request.unbegun(why))

    def _answer(self, request: TestRequest, stop: Stop) -> None:
        """Run one test; a defect that ends this thread does not take the row with it."""
        self._unanswered = request
        end = Stop()
        try:
            with stop.wakes(end.set), request.cancelled.wakes(end.set):
                self._attend(request, stop, end)
        finally:
            if self._unanswered is not None:
                self._end(request, Result(Outcome.INVALID, "the test crashed", None))

    def _attend(self, request: TestRequest, stop: Stop, end: Stop) -> None:
        """`end` is set when the agent stops and when the request is cancelled."""
        left_s = (request.give_up_mono_ns - self._clock.mono_ns()) / NS_PER_S
        if left_s < 0:
            self.skip(request, "busy: the test before took too long")
            return
        path = self.place.shared_path
        with self._paths.taken(
            path,
            stop=end,
            beat=self._feed,
            timeout_s=left_s,
            rank=request.rank,
            gives_way=lambda: self._requests.outranks(request),
        ) as free:
            if end.is_set():
                self._end(request, request.unbegun())
            elif not free and self._requests.outranks(request):
                self._unanswered = None
                self._requests.put_back(request)
            elif not free:
                self.skip(request, f"busy: {path} is used by another test")
            elif (objection := self._objection(request)) is not None:
                self.skip(request, objection)
            elif request.rat_lock is None:
                self._test(request, end)
            else:
                self._test_locked(request, request.rat_lock, stop, end)

    def _objection(self, request: TestRequest) -> str | None:
        """Why a test is not run although it could be."""
        now_ns = self._clock.mono_ns()
        looks = self._radio.snapshots(now_ns)
        return self._guard.objection(
            request.errand,
            looks[-1] if looks else None,
            self._position_at(now_ns),
            self._clock.stamp(),
        )

    def _test_locked(self, request: TestRequest, mode: RatMode, stop: Stop, end: Stop) -> None:
        """Lock, wait until the serving cell agrees, test, and give the lock back."""
        request.on_progress(Progress(stage=f"locking to {mode}", elapsed_s=0.0))
        try:
            self._radio.request_lock(mode, stop=end, timeout_s=LOCK_TIMEOUT_S)
        except OrderError as error:
            if end.is_set():
                self._end(request, request.unbegun())
            else:
                self.skip(request, f"rat lock: {error}")
        else:
            agreed = self._await_agreement(mode, end)
            if end.is_set():
                self._end(request, request.unbegun())
            elif agreed:
                self._test(request, end)
            else:
                self.skip(request, f"rat lock: the serving cell is not {mode}")
        finally:
            self._unlock(stop)

    def _unlock(self, stop: Stop) -> None:
        if stop.is_set():
            return  # the modem's thread gives the setting back as it ends
        try:
            self._radio.request_lock(None, stop=stop, timeout_s=LOCK_TIMEOUT_S)
        except OrderError as error:
            if not stop.is_set():  # else the modem's thread gives it back
                log.warning("modem %s: %s", self.place.name, error)

    def _await_agreement(self, mode: RatMode, stop: Stop) -> bool:
        """Wait for a look that agrees with the lock; False when the last one contradicts it.

        Without service at the end there is nothing to contradict: the test then says so itself.
        """
        after_ns = self._clock.mono_ns()
        deadline_ns = after_ns + round(AGREE_TIMEOUT_S * NS_PER_S)
        last_ns = after_ns + round(CONTRARY_TIMEOUT_S * NS_PER_S)
        lock = Lock(mode=mode)
        agrees: bool | None = None
        while self._clock.mono_ns() < deadline_ns and not stop.is_set():
            self._feed()
            look = self._radio.next_snapshot(after_ns, BEAT_EVERY_S)
            if look is None:
                continue
            after_ns = look.mono_ns
            agrees = lock_agrees(mode, look.payload)
            if look.payload is not None and lock.forbids(look.payload):
                deadline_ns = last_ns
            if look.outcome is Outcome.OK and agrees is not False:
                return True
        return agrees is not False

    def _test(self, request: TestRequest, end: Stop) -> None:
        obstacle = self._obstacle(end, needs_service=request.needs_service)
        if end.is_set():
            obstacle = request.unbegun()
        if obstacle is not None:
            self._end(request, obstacle)
            return
        try:
            interface = self._interface_of(self.place) if request.needs_service else None
        except NoInterfaceError as error:
            self._end(request, Result(Outcome.INVALID, str(error), None))
            return
        servers = self._name_servers(interface, end) if request.needs_service else ()
        await_quiet(NetPath(interface=interface), end.wait)
        start_ns = self._clock.mono_ns()
        position = self._position_at(start_ns)
        cancel = threading.Event()
        job = Job(
            interface=interface,
            cancel=cancel,
            on_progress=lambda now: self._hear(request, now),
            scan=lambda rats: self._radio.request_scan(rats, stop=end, timeout_s=SCAN_TIMEOUT_S),
            dns_servers=servers,
            address_family=self.place.address_family,
            utc_s=self._utc_s,
            probe=self._rows.probe,
        )
        request.tell(Progress(stage="testing", elapsed_s=0.0))
        self._feed()
        loads = self._under_test.carrying(interface) if request.needs_service else nullcontext()
        with end.wakes(cancel.set), loads:
            result = self._guard.attend(
                request.errand,
                interface,
                lambda most: self._attempts.run(request.ready, replace(job, max_bytes=most), end),
            )
        end_ns = self._clock.mono_ns()
        self._feed()
        failed = result.outcome is Outcome.FAILED and request.needs_service
        if (result.payload is not None or failed) and not end.is_set():
            # The last look may be on its way still: once a later one is there, so is that.
            self._radio.next_snapshot(end_ns, LAST_LOOK_TIMEOUT_S)
        if end.is_set() and result.outcome is not Outcome.OK:
            # The network did not do this: in no statistic.
            reason = CANCELLED if request.cancelled.is_set() else STOPPED
            result = result._replace(outcome=Outcome.INVALID, reason=reason)
        elif failed:
            excused = excuse(self._radio.snapshots(start_ns))
            if excused is not None:
                reason = f"{excused.reason} ({result.reason})"
                result = result._replace(outcome=excused.outcome, reason=reason)
        self._end(request, result, mono_ns=start_ns, end_ns=end_ns, position=position)

    def _utc_s(self) -> float | None:
        utc = self._clock.stamp().utc
        return None if utc is None else utc.timestamp()

    def _name_servers(self, interface: str | None, stop: Stop) -> tuple[str, ...]:
        def ask() -> tuple[str, ...]:
            return self._radio.request_name_servers(stop=stop, timeout_s=NAME_SERVERS_TIMEOUT_S)

        return name_servers(self.place, interface, ask)

    def _hear(self, request: TestRequest, now: Progress) -> None:
        """A test that goes on is no stall, however long its profile lets it take."""
        self._beat()
        request.tell(now)

    def _await_look(self, after_ns: int, stop: Stop) -> tuple[Snapshot, ...]:
        """The next look at a modem that is there and settled; none when it does not come soon."""
        deadline_ns = after_ns + round(FIRST_LOOK_TIMEOUT_S * NS_PER_S)
        while self._clock.mono_ns() < deadline_ns and not stop.is_set():
            self._feed()
            look = self._radio.next_snapshot(after_ns, BEAT_EVERY_S)
            if look is not None and look.outcome is not Outcome.SKIPPED:
                return (look,)
            after_ns = after_ns if look is None else look.mono_ns
        return ()

    def _obstacle(self, stop: Stop, *, needs_service: bool) -> Result | None:
        """Why a test cannot begin now: no modem, or no service for some seconds."""
        now_ns = self._clock.mono_ns()
        looks = self._radio.snapshots(now_ns - NO_SERVICE_LOOKS * NS_PER_S)[-NO_SERVICE_LOOKS:]
        if not looks or looks[-1].outcome is Outcome.SKIPPED:
            looks = self._await_look(now_ns, stop)
        if looks and looks[-1].outcome is Outcome.MODEM_GONE:
            return Result(Outcome.MODEM_GONE, None, None)
        if not needs_service:
            return None
        if not looks:
            return Result(Outcome.SKIPPED, "nothing known of the modem yet", None)
        if all(look.outcome is Outcome.NO_SERVICE for look in looks):
            return Result(Outcome.NO_SERVICE, None, None)
        return None

    def _end(
        self,
        request: TestRequest,
        result: Result,
        *,
        mono_ns: int | None = None,
        end_ns: int | None = None,
        position: Position | None = None,
    ) -> None:
        """Record the one row of a request, and tell who waits for it."""
        record = self._rows.record(
            request, result, mono_ns=mono_ns, end_ns=end_ns, position=position
        )
        if self._unanswered is request:
            self._unanswered = None
        request.done(record)


def _unheard() -> None:
    """Before the worker runs nobody waits for its progress."""
