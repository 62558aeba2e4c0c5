"""One modem's thread: owns the AT port and looks at the radio once a second, whatever happens.

Every second ends as a row: what was heard, `no_service`, `modem_gone`, or why nobody looked. Other
threads ask for a lock or a scan by an order that this thread carries out between two looks.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as NotInTimeError
from dataclasses import dataclass
from typing import Any, TypeVar

from agent.clock import Clock
from agent.config import ModemPlace
from agent.lock_watch import LockWatch
from agent.orders import OrderError, UnableError
from agent.rat_hold import HoldError
from agent.rat_setting import SavedSettings
from agent.recorder import Recorder
from agent.rungs import Rung, RungLog
from agent.runtime import Beat, Mailbox, Stop
from agent.settling import Settling, unsettled
from agent.silent_port import SilentPort
from agent.snapshots import Snapshot, Verdict
from agent.ticks import NS_PER_S, Due, Ticks
from drivers.modem.dialogue import MAX_UNREAD_CHARS
from drivers.modem.errors import (
    GoneError,
    ModemError,
    TimedOutError,
    UnreadableError,
    UnsupportedScanError,
)
from drivers.modem.modem import Modem
from wire.cells import Rat
from wire.control import ModemState
from wire.kinds import radio, scan
from wire.messages import Modem as Identity
from wire.messages import Outcome, Position, RatMode, Sim

log = logging.getLogger(__name__)

T = TypeVar("T")

KEPT_SNAPSHOTS = 450
"""Seven minutes: twice as long as the longest test of a shipped profile."""
FRESH_NS = 2 * NS_PER_S
"""A look is worth so long as the state of the modem."""
LOOKS_IN_VAIN = 5
"""After so many in a row without an answer to be understood the port is opened anew."""
REOPEN_AFTER_S = (1, 2, 5, 10)
"""Back-off between attempts to open; the last one stays."""
OPENS_SPARED = 2
"""Of these after a reset: the port is there for some seconds yet."""
RELEASE_ATTEMPTS = 2
MOST_ORDERS = 8
ANSWER_LOOK_S = 0.25
"""How soon a thread that waits for an order notices that the agent stops."""
NAME_SERVERS_NS = 600 * NS_PER_S
"""How long they are taken for the same on a modem that stays."""
SKIPPED_AT_START = Verdict(Outcome.SKIPPED, "the modem is being opened")


@dataclass(frozen=True)
class _Order:
    what: str
    work: Callable[[], Any]
    answer: "Future[Any]"
    outlasts_absence: bool = False
    """Is done once a modem that went on it is back."""


class ModemWorker:
    """One configured place for a modem. All public methods but `run` are for other threads."""

    def __init__(
        self,
        *,
        place: ModemPlace,
        open_modem: Callable[[ModemPlace], Modem],
        clock: Clock,
        recorder: Recorder,
        position_at: Callable[[int], Position],
        saved: SavedSettings,
        rungs: RungLog,
    ) -> None:
        """`open_modem` finds, opens and identifies the modem, or raises `ModemError`."""
        self.place = place
        self._open_modem = open_modem
        self._clock = clock
        self._recorder = recorder
        self._position_at = position_at
        self._settling = Settling()
        self._lock = LockWatch(
            place=place,
            saved=saved,
            rungs=rungs,
            clock=clock,
            recorder=recorder,
            settling=self._settling,
        )
        self._silent_port = SilentPort(
            place=place,
            rungs=rungs,
            clock=clock,
            recorder=recorder,
            settling=self._settling,
        )
        self._orders: Mailbox[_Order] = Mailbox(MOST_ORDERS)
        self._ticks: Ticks | None = None
        self._looked = threading.Condition()
        self._snapshots: deque[Snapshot] = deque(maxlen=KEPT_SNAPSHOTS)
        self._unread_replies = 0
        self._modem: Modem | None = None
        self._absence = SKIPPED_AT_START
        self._told_gone = False
        self._failed_opens = 0
        self._looks_in_vain = 0
        self._open_at_ns = 0
        self._neighbours_at_ns = 0
        self._busy_with = "an order"
        self._unanswered: Future[Any] | None = None
        self._name_servers: tuple[int, tuple[str, ...]] = (0, ())
        self._hinted = False
        self._stopping = False
        self._pause: Callable[[float], object] = Stop().wait

    def run(self, stop: Stop, beat: Beat) -> None:
        """Look once a second until stopped; then give the modem its own setting back."""
        # After a crash the schedule goes on: the seconds in between are rows, too.
        ticks = self._ticks = self._ticks or Ticks(self._clock.mono_ns())
        self._absence, self._open_at_ns, self._stopping = SKIPPED_AT_START, 0, False
        self._pause = stop.wait
        with stop.wakes(self._orders.wake), stop.wakes(self._interrupt):
            try:
                while not stop.is_set():
                    beat()
                    order = self._orders.take(ticks.wait_s(self._clock.mono_ns()))
                    if order is not None and not stop.is_set():
                        self._carry_out(order)
                    if self._hinted and not stop.is_set():
                        self._see_who_is_there()
                    due = ticks.due(self._clock.mono_ns())
                    if due is not None and not stop.is_set():
                        self._look(due)
            finally:
                self._leave()

    def look_again(self) -> None:
        """Something was plugged in or pulled out: see now, not after a back-off."""
        self._hinted = True
        self._orders.wake()

    def snapshots(self, since_ns: int) -> tuple[Snapshot, ...]:
        """The looks since `since_ns`, and the last one before it if it is not older than 2 s."""
        with self._looked:
            kept = tuple(self._snapshots)
        before = [look for look in kept if since_ns - FRESH_NS <= look.mono_ns < since_ns]
        return (*before[-1:], *(look for look in kept if look.mono_ns >= since_ns))

    def next_snapshot(self, after_ns: int, timeout_s: float) -> Snapshot | None:
        """The newest look that is later than `after_ns`, as soon as there is one; else None."""
        with self._looked:
            self._looked.wait_for(lambda: self._newest_ns() > after_ns, timeout_s)
            return self._snapshots[-1] if self._newest_ns() > after_ns else None

    def latest(self) -> Snapshot | None:
        """The newest look; None before the first."""
        with self._looked:
            return self._snapshots[-1] if self._snapshots else None

    def request_lock(self, mode: RatMode | None, *, stop: Stop, timeout_s: float) -> None:
        """Hold the modem on `mode`; None gives back what the configuration says.

        Returns once the modem has read it back; raises `OrderError`.
        """
        wanted = self.place.lock if mode is None else mode
        self._order(
            f"lock to {wanted or 'its own setting'}",
            lambda: self._lock.order(mode),
            stop=stop,
            timeout_s=timeout_s,
            outlasts_absence=True,
        )

    def request_scan(
        self, rats: frozenset[Rat] = frozenset(), *, stop: Stop, timeout_s: float
    ) -> scan.Payload:
        """Scan for cells of any network; the radio is not looked at meanwhile.

        Raises `UnableError` where the modem has no radio for one of `rats`.
        """
        return self._order("a scan", lambda: self._scan(rats), stop=stop, timeout_s=timeout_s)

    def request_name_servers(self, *, stop: Stop, timeout_s: float) -> tuple[str, ...]:
        """DNS servers of the modem's bearer; raises `OrderError`."""
        known_ns, servers = self._name_servers
        if servers and self._clock.mono_ns() - known_ns < NAME_SERVERS_NS:
            return servers
        return self._order("its DNS", self._ask_name_servers, stop=stop, timeout_s=timeout_s)

    def state(self) -> ModemState:
        """How the modem is doing, for status and dashboards."""
        look = self.latest()
        if look is None:
            return ModemState(
                name=self.place.name,
                state="starting",
                lock=self.place.lock,
                trouble=self._silent_port.trouble,
            )
        payload = look.payload
        serving = None if payload is None else payload.serving
        return ModemState(
            name=self.place.name,
            state=look.outcome.value,
            usb_path=None if look.modem.imei is None else look.modem.usb_path,
            model=look.modem.model,
            plmn=None if payload is None else payload.plmn,
            mode=None if payload is None else payload.mode,
            rsrp_dbm=None if serving is None else serving.rsrp_dbm,
            sinr_db=None if serving is None else serving.sinr_db,
            lock=None if look.rat_lock is None else look.rat_lock.read_back,
            trouble=self._silent_port.trouble or self._lock.trouble,
        )

    @property
    def unread_replies(self) -> int:
        """Replies that were not understood, since start; their text is in the rows."""
        return self._unread_replies

    # What follows runs in the modem's own thread, but for `_order`.

    def _order(
        self,
        what: str,
        work: Callable[[], T],
        *,
        stop: Stop,
        timeout_s: float,
        outlasts_absence: bool = False,
    ) -> T:
        answer: Future[T] = Future()
        if not self._orders.post(_Order(what, work, answer, outlasts_absence)):
            raise OrderError(f"{what}: the modem has too many orders already")
        deadline_ns = self._clock.mono_ns() + round(timeout_s * NS_PER_S)
        while not stop.is_set() and self._clock.mono_ns() < deadline_ns:
            try:
                return answer.result(ANSWER_LOOK_S)
            except NotInTimeError:
                continue
            except CancelledError as error:
                raise OrderError(f"{what}: the modem's worker ended") from error
            except UnsupportedScanError as error:
                raise UnableError(str(error)) from error
            except (ModemError, HoldError) as error:
                raise OrderError(f"{what}: {error}") from error
        answer.cancel()
        raise OrderError(
            f"{what}: " + ("the agent stops" if stop.is_set() else f"not done in {timeout_s:.0f} s")
        )

    def _carry_out(self, order: _Order) -> None:
        if not order.answer.set_running_or_notify_cancel():
            return
        self._busy_with = order.what
        try:
            result = order.work()
        except GoneError as error:
            if order.outlasts_absence:
                # One that restarts to be set answers when it is back.
                self._unanswered = order.answer
            else:
                order.answer.set_exception(error)
            self._lose(str(error))
        except (ModemError, HoldError) as error:
            order.answer.set_exception(error)
        else:
            order.answer.set_result(result)

    def _ask_name_servers(self) -> tuple[str, ...]:
        if self._modem is None:
            raise HoldError("the modem is gone")
        servers = self._modem.name_servers()
        self._name_servers = (self._clock.mono_ns(), servers)
        return servers

    def _scan(self, rats: frozenset[Rat]) -> scan.Payload:
        if self._modem is None:
            raise HoldError("the modem is gone")
        try:
            return self._modem.scan(rats)
        finally:
            self._settling.begin("a scan", self._clock.mono_ns())

    def _look(self, due: Due) -> None:
        """Account for all steps up to this one, and look at the radio for it."""
        if due.uncounted:
            log.warning("modem %s: %d seconds nobody looked", self.place.name, due.uncounted)
            self._recorder.event(
                "samples_missed",
                severity="warning",
                detail={"count": due.uncounted},
                modem=self._configured(),
            )
        busy = Verdict(Outcome.SKIPPED, f"busy with {self._busy_with}")
        for tick_ns in due.missed_ns:
            self._write(tick_ns, None, self._absence if self._modem is None else busy)
        self._busy_with = "the look before"
        now_ns = self._clock.mono_ns()
        if self._modem is not None:
            self._sample(self._modem, now_ns)
            return
        self._write(due.tick_ns, None, self._absence)
        if now_ns >= self._open_at_ns:
            self._try_to_open()

    def _sample(self, modem: Modem, now_ns: int) -> None:
        neighbours = now_ns >= self._neighbours_at_ns
        if neighbours:
            self._neighbours_at_ns = now_ns + round(self.place.neighbours_every_s * NS_PER_S)
        try:
            self._lock.look(now_ns)
            payload = modem.read_radio(neighbours=neighbours)
            self._lock.meet(modem)
        except GoneError as error:
            self._lose(str(error))
            self._write(now_ns, None, self._absence)
        except TimedOutError as error:
            if self._stopping:
                self._write(now_ns, None, Verdict(Outcome.SKIPPED, "the agent stops"))
                return
            verdict = Verdict(Outcome.INVALID, f"modem silent: {error}")
            self._write(now_ns, _unread(error.command, error.text), verdict)
            self._count_in_vain()
        except UnreadableError as error:
            verdict = Verdict(Outcome.INVALID, str(error))
            self._write(now_ns, _unread(error.command, error.text), verdict)
        except (ModemError, HoldError) as error:
            self._write(now_ns, None, Verdict(Outcome.INVALID, f"modem: {error}"))
        else:
            verdict = self._settling.judge(
                payload, modem.sim_state, now_ns, radio_is_off=modem.radio_is_off
            )
            self._write(now_ns, payload, verdict)
            if _says_nothing(payload):
                self._count_in_vain()
                return
            self._looks_in_vain = 0
            rung = self._lock.see(payload, verdict, now_ns)
            if rung is not None:
                self._climb(modem, rung)

    def _climb(self, modem: Modem, rung: Rung) -> None:
        """Try what may give the lock its effect; the seconds meanwhile are rows."""
        self._busy_with = f"a {rung}"
        self._lock.climb(modem, rung, self._pause)
        if self._settling.away:
            self._failed_opens = OPENS_SPARED
            self._lose(f"a {rung}")

    def _count_in_vain(self) -> None:
        """A port that is silent, or whose answers are not those to our questions, is no use."""
        self._looks_in_vain += 1
        if self._looks_in_vain >= LOOKS_IN_VAIN:
            self._lose(f"no answer to be understood {self._looks_in_vain} times in a row")

    def _see_who_is_there(self) -> None:
        """Let go of a modem that is gone: its name is free only then. Open one that is there."""
        self._hinted = False
        if self._modem is not None:
            try:
                self._modem.check()
            except GoneError as error:
                self._lose(str(error))
        if self._modem is None:
            self._failed_opens = 0
            self._try_to_open()

    def _try_to_open(self) -> None:
        try:
            modem = self._open_modem(self.place)
        except (TimedOutError, UnreadableError) as error:
            self._silent_port.silent(str(error))
            self._lose(str(error))
            return
        except ModemError as error:
            self._silent_port.answered()
            self._lose(str(error))
            return
        self._silent_port.answered(modem.identity.usb_path)
        self._modem = modem
        self._failed_opens = self._looks_in_vain = self._neighbours_at_ns = 0
        who = modem.identity
        log.info("modem %s is a %s at %s", self.place.name, who.model, who.usb_path)
        if self._told_gone or self._settling.away:
            self._settling.come_back(self._clock.mono_ns())
        if self._told_gone:
            self._told_gone = False
            self._recorder.event("modem_back", modem=modem.identity)
        try:
            self._lock.attach(modem)
        except GoneError as error:
            self._lose(str(error))
        else:
            held = self._lock.held
            self._answer_late(None if held else HoldError("the modem restarted without it"))

    def _answer_late(self, error: Exception | None) -> None:
        """Answer the order on which the modem went, if there is one."""
        answer, self._unanswered = self._unanswered, None
        if answer is not None and error is None:
            answer.set_result(None)
        elif answer is not None:
            answer.set_exception(error)

    def _lose(self, why: str) -> None:
        """Close what is left of the modem; say so once, and try again after a back-off."""
        self._absence = self._settling.absence(why, self._clock.mono_ns())
        if not unsettled(self._absence):
            self._answer_late(GoneError(why))
        if not self._told_gone and not unsettled(self._absence):
            self._told_gone = True
            log.warning("modem %s is gone: %s", self.place.name, why)
            self._recorder.event(
                "modem_gone", severity="warning", detail={"why": why}, modem=self._identity()
            )
        self._lock.detach()
        self._name_servers = (0, ())
        modem, self._modem = self._modem, None
        if modem is not None:
            _close(modem)
        wait_s = REOPEN_AFTER_S[min(self._failed_opens, len(REOPEN_AFTER_S) - 1)]
        self._failed_opens += 1
        self._open_at_ns = self._clock.mono_ns() + wait_s * NS_PER_S

    def _write(self, mono_ns: int, payload: radio.Payload | None, verdict: Verdict) -> None:
        """One second's row, kept for the tests that run meanwhile as well."""
        proof = self._lock.proof(payload)
        identity, sim = self._identity(), self._sim()
        self._recorder.record(
            "radio",
            payload,
            outcome=verdict.outcome,
            reason=verdict.reason,
            mono_ns=mono_ns,
            position=self._position_at(mono_ns),
            modem=identity,
            sim=sim,
            rat_lock=proof,
        )
        if payload is not None:
            self._unread_replies += len(payload.unread)
        with self._looked:
            self._snapshots.append(
                Snapshot(
                    mono_ns, verdict.outcome, payload, identity, sim, proof, unsettled(verdict)
                )
            )
            self._looked.notify_all()

    def _leave(self) -> None:
        """Give the setting back, close the port, and refuse what is still ordered."""
        modem, self._modem = self._modem, None
        if modem is not None:
            self._release()
            self._lock.detach()
            _close(modem)
        self._answer_late(GoneError("the agent stops"))
        while (order := self._orders.take(0)) is not None:
            order.answer.cancel()

    def _release(self) -> None:
        """Give the setting back; once more when the interruption of the stop hit this instead."""
        for attempt in range(1, RELEASE_ATTEMPTS + 1):
            try:
                self._lock.release()
            except (ModemError, HoldError) as error:
                if attempt == RELEASE_ATTEMPTS:
                    # The file stays: whoever starts next gives the setting back.
                    log.warning("modem %s keeps its RAT lock for now: %s", self.place.name, error)
            else:
                return

    def _interrupt(self) -> None:
        """End a scan or another long command, as the agent stops. From the stopping thread."""
        self._stopping = True
        modem = self._modem
        if modem is not None:
            modem.interrupt()

    def _newest_ns(self) -> int:
        return self._snapshots[-1].mono_ns if self._snapshots else -1

    def _identity(self) -> Identity:
        return self._configured() if self._modem is None else self._modem.identity

    def _configured(self) -> Identity:
        """All that is known of a place nobody answers from."""
        return Identity(usb_path=self.place.place, name=self.place.name)

    def _sim(self) -> Sim | None:
        return None if self._modem is None else self._modem.sim


def _says_nothing(payload: radio.Payload) -> bool:
    """Whether all answers were strange: one that is plain shows that the port is in step."""
    silent = payload.serving is None and payload.rrc_state is None and payload.registration is None
    return silent and bool(payload.unread)


def _unread(command: str, text: str) -> radio.Payload | None:
    """The payload of a look that ended with something nobody understands."""
    text = text.strip()[:MAX_UNREAD_CHARS]
    return radio.Payload(unread=(radio.Unread(command=command, text=text),)) if text else None


def _close(modem: Modem) -> None:
    try:
        modem.close()
    except (ModemError, OSError) as error:
        log.debug("closing a lost modem: %s", error)
