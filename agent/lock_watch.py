"""Keeps watch over the lock of one modem: tells its loss, locks again, and climbs the ladder."""

import logging
from collections.abc import Callable

from agent.clock import Clock
from agent.config import ModemPlace
from agent.lock import Lock
from agent.rat_hold import HoldError, RatHold
from agent.rat_ladder import Effect, News, RatLadder
from agent.rat_setting import SavedSettings
from agent.recorder import Recorder
from agent.rungs import Rung, RungLog
from agent.settling import Settling, unsettled
from agent.snapshots import Verdict
from agent.ticks import NS_PER_S
from drivers.modem.errors import (
    GoneError,
    ModemError,
    TimedOutError,
    UnsupportedHoldError,
    UnsupportedLockError,
)
from drivers.modem.modem import Modem
from wire.kinds import radio
from wire.messages import Outcome, RatLock, RatMode

log = logging.getLogger(__name__)

LOCK_LOOK_EVERY_S = 5
RELOCK_EVERY_S = 30
RELOCKS = 3
"""In vain, so often; after that only rarely: each writing wears the modem's flash."""
RELOCK_RARELY_S = 3600
NEW_SETTING = "a new RAT setting"
AWAY_S = 90.0
"""For the ports of a modem that restarts to come back."""


class LockWatch:
    """What is asked of it and what came of that. Used by its own thread, but for `trouble`."""

    def __init__(
        self,
        *,
        place: ModemPlace,
        saved: SavedSettings,
        rungs: RungLog,
        clock: Clock,
        recorder: Recorder,
        settling: Settling,
    ) -> None:
        """Ask for what the configuration says of the place."""
        self._place = place
        self._hold = RatHold(saved, place.held_on)
        self._rungs = rungs
        self._clock = clock
        self._recorder = recorder
        self._settling = settling
        self._ladder = RatLadder(lambda rung: rungs.allows(place.place, rung))
        self._modem: Modem | None = None
        self._unsupported: str | None = None
        self._told_lost = False
        self._look_at_ns = 0
        self._relocks = 0
        self._relock_at_ns = 0

    @property
    def asked(self) -> Lock | None:
        """What is asked of the modem now."""
        return self._hold.asked

    @property
    def held(self) -> bool:
        """Whether the modem last read everything back as asked."""
        return self._hold.held

    @property
    def trouble(self) -> str | None:
        """What a person should know and do about the lock; None where there is nothing."""
        if self._unsupported is not None:
            return f"{self._unsupported}. Change its `lock` in the configuration."
        if self._ladder.gave_up:
            return (
                f"its lock to {self.asked} has no effect ({self._tried()} did not help). Check"
                " that there is such a network here; then take its power away for ten seconds."
            )
        return None

    def proof(self, payload: radio.Payload | None) -> RatLock | None:
        """What a row says of the lock."""
        return self._hold.proof(payload)

    def attach(self, modem: Modem) -> None:
        """Take an opened modem and hold it; raises `GoneError`. A refusal is an event."""
        self._modem = modem
        self._told_lost = False
        self._look_at_ns = 0
        self._switch_radio_on(modem)
        try:
            self._apply(lambda: self._hold.attach(modem))
        except GoneError:
            raise
        except (ModemError, HoldError) as error:
            self._tell_refused(str(error))
        finally:
            self._ladder.attach(written=self._hold.wrote)

    def meet(self, modem: Modem) -> None:
        """See whether it is still the same that answers; another one is held anew. As `attach`."""
        if self._hold.is_of_another(modem):
            self.detach()
            self.attach(modem)

    def detach(self) -> None:
        """The modem is gone."""
        self._modem = None
        self._hold.detach()

    def release(self) -> None:
        """Give the modem's own setting back; raises `ModemError`."""
        self._hold.release()

    def order(self, mode: RatMode | None) -> None:
        """Hold the modem on another technology for a test, or as configured for None.

        Raises `ModemError`, or `HoldError` also where it does not read it back.
        """
        configured = self._place.held_on
        lock = configured
        if mode is not None and (configured is None or mode is not configured.mode):
            lock = Lock(mode=mode)
        self._told_lost = False
        self._relocks = 0
        try:
            self._apply(lambda: self._hold.hold(lock))
        finally:
            self._ladder.ask(written=self._hold.wrote)
        if not self._hold.held:
            raise HoldError(f"the modem reads back {self._read_back()}")

    def look(self, now_ns: int) -> None:
        """Read the lock back now and then; tell a silent unlock once, and lock again.

        Raises `ModemError` or `HoldError`.
        """
        if now_ns < self._look_at_ns or self.asked is None or self._unsupported is not None:
            return
        self._look_at_ns = now_ns + LOCK_LOOK_EVERY_S * NS_PER_S
        if self._hold.look():
            if self._told_lost:
                self._tell("rat_lock_back", "info")
            self._told_lost = False
            self._relocks = 0
            return
        if not self._told_lost:
            self._tell("rat_lock_lost", "warning")
            self._told_lost = True
        if now_ns >= self._relock_at_ns:
            self._relocks += 1
            wait_s = RELOCK_EVERY_S if self._relocks < RELOCKS else RELOCK_RARELY_S
            self._relock_at_ns = now_ns + wait_s * NS_PER_S
            self._apply(lambda: self._hold.hold(self._hold.asked))

    def see(self, payload: radio.Payload, verdict: Verdict, now_ns: int) -> Rung | None:
        """What is to be tried after this look at the radio, because the lock has no effect."""
        asked = self._hold.asked
        if asked is None or self._unsupported is not None:
            return None
        found = self._ladder.see(self._effect(asked, payload, verdict), now_ns)
        match found:
            case News.INEFFECTIVE:
                self._tell("rat_lock_ineffective", "error", tried=self._tried())
            case News.EFFECTIVE:
                self._tell("rat_lock_effective", "info")
            case _:
                return found
        return None

    def climb(self, modem: Modem, rung: Rung, pause: Callable[[float], object]) -> None:
        """Try a rung; it is an event however it ends. A modem that was reset is about to go."""
        failure: str | None = None
        tried = True
        try:
            self._rungs.note(self._place.place, rung)
            if rung is Rung.RADIO:
                modem.radio_off_and_on(pause)
            else:
                modem.reset()
        except OSError as error:
            # What cannot be kept could be repeated for ever.
            tried = False
            failure = f"cannot be put on record: {error}"
        except (GoneError, TimedOutError) as error:
            if rung is Rung.RADIO:
                failure = str(error)
            # Some modems restart before they have said OK.
        except ModemError as error:
            failure = str(error)
        away_s = AWAY_S if rung is Rung.RESET and failure is None else 0.0
        if tried:
            self._settling.begin(f"a {rung}", self._clock.mono_ns(), away_s=away_s)
        self._tell("remedy_tried", "warning", remedy=rung.value, failed=failure)

    def _effect(self, asked: Lock, payload: radio.Payload, verdict: Verdict) -> Effect:
        if asked.forbids(payload) or not self._hold.held:
            return Effect.CONTRARY
        if verdict.outcome is Outcome.OK and asked.agrees(payload):
            return Effect.AGREED
        silent = verdict.outcome is Outcome.NO_SERVICE or unsettled(verdict)
        # A test's own lock may find no network: that is what the test is for.
        ours = asked == self._place.held_on and asked != Lock(mode=RatMode.AUTO)
        if silent and ours and self._ladder.doubts_silence:
            return Effect.CONTRARY
        return Effect.OPEN

    def _switch_radio_on(self, modem: Modem) -> None:
        try:
            was_off = modem.switch_radio_on()
        except GoneError:
            raise
        except ModemError as error:
            log.warning("modem %s: its radio does not go on: %s", self._place.name, error)
            return
        if was_off:
            self._settling.begin("its radio was off", self._clock.mono_ns())
            self._tell("radio_was_off", "warning")

    def _apply(self, change: Callable[[], None]) -> None:
        """Change the setting, with what follows from how that went."""
        self._unsupported = None
        self._hold.wrote = False
        try:
            change()
        except (UnsupportedLockError, UnsupportedHoldError) as error:
            self._unsupported = error.message
            raise
        finally:
            if self._hold.wrote:
                self._settling.begin(NEW_SETTING, self._clock.mono_ns(), away_s=AWAY_S)

    def _tell_refused(self, why: str) -> None:
        self._told_lost = True
        log.error("modem %s: its RAT setting failed: %s", self._place.name, why)
        asked = None if self._hold.asked is None else str(self._hold.asked)
        self._recorder.event(
            "rat_lock_refused",
            severity="error",
            detail={"asked": asked, "why": why},
            modem=None if self._modem is None else self._modem.identity,
        )

    def _tell(self, name: str, severity: str, **more: str | None) -> None:
        asked = None if self._hold.asked is None else str(self._hold.asked)
        detail = {"asked": asked, "read_back": self._read_back(), **more}
        log.warning("modem %s: %s: %s", self._place.name, name, detail)
        modem = None if self._modem is None else self._modem.identity
        self._recorder.event(name, severity=severity, detail=detail, modem=modem)

    def _tried(self) -> str:
        return ", ".join(self._ladder.tried)

    def _read_back(self) -> str | None:
        """In words for an event."""
        mode = None if self._hold.read_back is None else self._hold.read_back.value
        return f"{mode}, other bands or cell" if self._hold.narrowed is False else mode
