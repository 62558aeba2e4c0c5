"""One modem's second thread: runs the tests it is sent, one after the other.

Every request ends as exactly one row, also when there was nothing to run it on or when the test
hangs. The modem's own thread goes on looking at the radio meanwhile; its looks tell what the test
ran on.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import msgspec

from agent.activity import Job, Ready, Result
from agent.attempt import Attempts
from agent.clock import Clock
from agent.config import ModemPlace
from agent.guard import Errand, Guard
from agent.lock import Lock
from agent.name_servers import name_servers
from agent.orders import OrderError, Radio
from agent.places import NoInterfaceError
from agent.plan import DEFAULT_PRIORITY
from agent.recorder import Recorder
from agent.runtime import Beat, RankedMailbox, Stop
from agent.shared_paths import SharedPaths
from agent.snapshots import Snapshot, excuse, lock_agrees, lock_over, summarise
from agent.ticks import NS_PER_S
from drivers.traffic.netpath import NetPath
from drivers.traffic.quiet import await_quiet
from drivers.traffic.result import OnProgress, Progress, unobserved
from wire.evidence import ServerCheck
from wire.messages import AnyMeasurement, Modem, Outcome, Position, RatMode

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
CANCELLED = "cancelled by the technician"
STOPPED = "the agent stops"


@dataclass(frozen=True, kw_only=True)
class TestRequest:
    """One planned test on one modem."""

    __test__ = False

    kind: str
    ready: Ready
    needs_service: bool
    give_up_mono_ns: int
    """Begin no later than this."""
    plan: str | None = None
    rat_lock: RatMode | None = None
    priority: int = DEFAULT_PRIORITY
    """Of those that wait for the same modem or path the highest goes first."""
    optional: bool = False
    """May be left out to save data."""
    needs: bool = False
    """Is for places where the collector lacks samples."""
    on_progress: OnProgress = unobserved
    done: Callable[[AnyMeasurement], None] = lambda _: None
    """Told the row it ended as."""
    cancelled: Stop = field(default_factory=Stop)
    """Set when the person who wanted the test does not want it any more."""


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
    ) -> None:
        """`interface_of` finds the modem's network interface or raises `NoInterfaceError`."""
        self.place = place
        self._radio = radio
        self._clock = clock
        self._recorder = recorder
        self._position_at = position_at
        self._paths = paths
        self._interface_of = interface_of
        self._requests: RankedMailbox[TestRequest] = RankedMailbox(MOST_REQUESTS, rank=_rank)
        self._attempts = Attempts(place.name)
        self._guard = Guard(place.name) if guard is None else guard
        self._unanswered: TestRequest | None = None
        self._beat: Beat = _unheard

    def ask(self, request: TestRequest) -> None:
        """Run the test as soon as those before it are done; it ends as a row in any case."""
        left_out = self._requests.put(request)
        if left_out is not None:
            self.skip(left_out, f"busy: {MOST_REQUESTS} tests wait already")

    def skip(self, request: TestRequest, reason: str, *, mono_ns: int | None = None) -> None:
        """Record that a planned test was not run, and why."""
        self._end(request, Result(Outcome.SKIPPED, reason, None), mono_ns=mono_ns)

    def run(self, stop: Stop, beat: Beat) -> None:
        """Run tests until stopped; those still waiting then are recorded as skipped."""
        self._beat = beat
        with stop.wakes(self._requests.wake):
            try:
                while not stop.is_set():
                    if not self._attempts.hopeless:  # else the watchdog is to end the process
                        beat()
                    request = self._requests.take(BEAT_EVERY_S)
                    if request is not None:
                        self._answer(request, stop)
            finally:
                while (request := self._requests.take(0)) is not None:
                    self._end(request, _stopped(request))

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
            beat=self._beat,
            timeout_s=left_s,
            rank=_rank(request),
            gives_way=lambda: self._requests.outranks(request),
        ) as free:
            if end.is_set():
                self._end(request, _stopped(request))
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
            _errand(request),
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
            if request.cancelled.is_set():
                self._end(request, _stopped(request))
            else:
                self.skip(request, f"rat lock: {error}")
        else:
            agreed = self._await_agreement(mode, end)
            if request.cancelled.is_set():
                self._end(request, _stopped(request))
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
        if request.cancelled.is_set():
            obstacle = _stopped(request)
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
        )
        _tell(request, Progress(stage="testing", elapsed_s=0.0))
        with end.wakes(cancel.set):
            result = self._guard.attend(
                _errand(request),
                interface,
                lambda most: self._attempts.run(request.ready, replace(job, max_bytes=most), end),
            )
        end_ns = self._clock.mono_ns()
        if end.is_set() and result.outcome is not Outcome.OK:
            # The network did not do this: in no statistic.
            reason = CANCELLED if request.cancelled.is_set() else STOPPED
            result = result._replace(outcome=Outcome.INVALID, reason=reason)
        elif result.outcome is Outcome.FAILED and request.needs_service:
            excused = excuse(self._radio.snapshots(start_ns))
            if excused is not None:
                reason = f"{excused.reason} ({result.reason})"
                result = result._replace(outcome=excused.outcome, reason=reason)
        if result.payload is not None and not end.is_set():
            # The last look may be on its way still: once a later one is there, so is that.
            self._radio.next_snapshot(end_ns, LAST_LOOK_TIMEOUT_S)
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
        _tell(request, now)

    def _await_look(self, after_ns: int, stop: Stop) -> tuple[Snapshot, ...]:
        """The next look at a modem that is there and settled; none when it does not come soon."""
        deadline_ns = after_ns + round(FIRST_LOOK_TIMEOUT_S * NS_PER_S)
        while self._clock.mono_ns() < deadline_ns and not stop.is_set():
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
        """Record the one row of a request with what the radio was like meanwhile."""
        at_ns = self._clock.mono_ns() if mono_ns is None else mono_ns
        until_ns = self._clock.mono_ns() if end_ns is None else end_ns
        looks = [look for look in self._radio.snapshots(at_ns) if look.mono_ns <= until_ns]
        payload = result.payload
        if payload is not None and "radio" in payload.__struct_fields__:
            from_ns = min(until_ns, at_ns + _waited_ns(payload))
            proof = summarise(looks, start_ns=from_ns, end_ns=until_ns)
            payload = msgspec.structs.replace(payload, radio=proof)
        known = looks[0] if looks else None
        record = self._recorder.record(
            request.kind,
            payload,
            outcome=result.outcome,
            reason=result.reason,
            mono_ns=at_ns,
            position=self._position_at(at_ns) if position is None else position,
            modem=self._identity(known),
            sim=None if known is None else known.sim,
            rat_lock=lock_over(self._asked(request), looks),
            plan=request.plan,
            profile=request.ready.profile,
        )
        if self._unanswered is request:
            self._unanswered = None
        log.info(
            "%s on modem %s: %s%s",
            request.kind,
            self.place.name,
            result.outcome,
            "" if result.reason is None else f" ({result.reason})",
        )
        request.done(record)

    def _asked(self, request: TestRequest) -> RatMode | None:
        return request.rat_lock or self.place.lock

    def _identity(self, look: Snapshot | None) -> Modem:
        if look is None:
            return Modem(usb_path=self.place.place, name=self.place.name)
        return look.modem


def _rank(request: TestRequest) -> int:
    return -request.priority


def _errand(request: TestRequest) -> Errand:
    return Errand(
        kind=request.kind,
        plan=request.plan,
        rat_lock=request.rat_lock,
        optional=request.optional,
        needs=request.needs,
        most_bytes=request.ready.most_bytes,
    )


def _waited_ns(payload: msgspec.Struct) -> int:
    """Until the server had a place for the test: nothing was measured then."""
    check = getattr(payload, "server_check", None)
    waited_s = check.waited_s if isinstance(check, ServerCheck) else None
    return 0 if waited_s is None else round(waited_s * NS_PER_S)


def _tell(request: TestRequest, now: Progress) -> None:
    if now.planned_s is None:
        now = msgspec.structs.replace(now, planned_s=request.ready.planned_s)
    request.on_progress(now)


def _stopped(request: TestRequest) -> Result:
    """How a test ends that was not begun because nobody waits for it, or because we end."""
    if request.cancelled.is_set():
        return Result(Outcome.INVALID, CANCELLED, None)
    return Result(Outcome.SKIPPED, STOPPED, None)


def _unheard() -> None:
    """Before the worker runs nobody waits for its progress."""
