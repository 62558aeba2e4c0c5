"""The probe's data: counted each ten seconds, and set aside for every test before it begins.

`run` is the owner's thread; the other methods may be called from any. What is on the disk is never
less pessimistic than what was true, but for bytes outside of tests since the last write.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from agent.budget import file
from agent.budget.book import Reading
from agent.budget.counters import read
from agent.budget.ledger import Ledger
from agent.budget.outlook import Outlook, left_bytes, outlook, refusal, thrift
from agent.clock import Clock, Stamp
from agent.config import Budget
from agent.places import NoInterfaceError
from agent.recorder import Recorder
from agent.runtime import Beat, Stop
from agent.ticks import NS_PER_S
from wire.messages import Modem

log = logging.getLogger(__name__)

LOOK_EVERY_S = 10.0
SAVE_EVERY_S = 60.0
MOST_UNSAVED_BYTES = 5_000_000
"""What a power cut may lose outside of tests: more is written at the next look."""
TOLD_PERCENT = (100, 80)


@dataclass(frozen=True, kw_only=True)
class Watched:
    """A modem whose data is counted."""

    modem: Modem
    name: str
    interface: Callable[[], str | None]
    """As `agent.places.Places.interface_of` finds it."""
    iccid: Callable[[], str | None]
    """Of the SIM in it; None while nobody could read that."""


class Reserved(NamedTuple):
    """A test's worst case is set aside."""

    number: int
    left_bytes: int | None = None
    """What it may take at the very most, if it should need more; None: nothing limits it."""


class Purse:
    """Owns the ledger and its file."""

    def __init__(
        self,
        *,
        folder: Path,
        settings: Budget,
        watched: Sequence[Watched],
        clock: Clock,
        recorder: Recorder,
        counters: Callable[[str], Reading | None] = read,
    ) -> None:
        """The ledger is read when it is first needed."""
        self._file = folder / file.NAME
        self._settings = settings
        self._watched = {each.name: each for each in watched}
        self._clock = clock
        self._recorder = recorder
        self._counters = counters
        self._lock = threading.Lock()
        self._ledger: Ledger | None = None
        self._outlooks: dict[str, Outlook] = {}
        self._credit: dict[tuple[str, str], float] = {}
        self._unsaved_bytes = 0
        self._changed = False
        self._saved_ns = clock.mono_ns()
        self._told_unwritable = False

    def run(self, stop: Stop, beat: Beat) -> None:
        """Count until stopped; the last thing is to save."""
        while True:
            beat()
            self.look()
            if stop.wait(LOOK_EVERY_S):
                break
        with self._lock:
            if self._changed:
                self._save(self._open())

    def look(self) -> None:
        """Count what all modems carried, and save that when it is due."""
        with self._lock:
            ledger = self._open()
            for name in self._watched:
                self._observe(ledger, name)
            since_s = (self._clock.mono_ns() - self._saved_ns) / NS_PER_S
            if self._changed and (
                since_s >= SAVE_EVERY_S or self._unsaved_bytes >= MOST_UNSAVED_BYTES
            ):
                self._save(ledger)

    def objection(
        self, modem: str, *, plan: str | None, optional: bool, most_bytes: int
    ) -> str | None:
        """Why a test should not even be prepared; None when it may be. Nothing is set aside.

        Of the optional ones as many are let through, evenly, as the forecast has room for.
        """
        with self._lock:
            ledger = self._open()
            state = self._observe(ledger, modem)
            reason = refusal(state, most_bytes)
            if reason is None and optional and self._leaves_out(state, plan or ""):
                reason = thrift(state)
            if reason is not None and optional and plan is not None:
                ledger.leave_out(modem, plan, self._clock.stamp())
                self._changed = True
            return reason

    def reserve(
        self, modem: str, *, plan: str | None, optional: bool, most_bytes: int
    ) -> Reserved | str:
        """Set a test's worst case aside, on the disk on return; or why it may not run."""
        with self._lock:
            ledger = self._open()
            state = self._observe(ledger, modem)
            reason = refusal(state, most_bytes)
            if reason is not None:
                return reason
            stamp = self._clock.stamp()
            number = ledger.reserve(modem, most_bytes, plan=plan, optional=optional, stamp=stamp)
            if not self._save(ledger) and state.limit_bytes is not None:
                ledger.cancel(number)
                return "budget: the ledger cannot be written"
            return Reserved(number, left_bytes(state))

    def settle(self, modem: str, reserved: Reserved, *, carried_bytes: int | None) -> None:
        """Replace the reservation by what the counters say, on the disk on return.

        Where they cannot say it the test costs `carried_bytes`, or its worst case for None.
        """
        with self._lock:
            ledger = self._open()
            reading = self._reading(modem)
            self._observe(ledger, modem, reading)
            ledger.settle(
                reserved.number,
                carried_bytes=carried_bytes,
                counted=reading is not None,
                stamp=self._clock.stamp(),
            )
            self._observe(ledger, modem, reading)
            self._save(ledger)

    def outlook(self, modem: str) -> Outlook | None:
        """How the SIM in this modem stood at the last look; None before the first."""
        return self._outlooks.get(modem)

    # What follows runs under the lock.

    def _open(self) -> Ledger:
        if self._ledger is None:
            self._ledger = self._load(self._clock.stamp())
        return self._ledger

    def _load(self, stamp: Stamp) -> Ledger:
        try:
            book = file.load(self._file)
        except (file.DamagedError, OSError) as error:
            kept = file.set_aside(self._file)
            log.error("the data ledger %s is lost: %s", self._file, error)  # noqa: TRY400  # the reason says it all
            detail = {"reason": str(error), "kept_as": None if kept is None else kept.name}
            self._recorder.event("budget_ledger_damaged", severity="error", detail=detail)
            ledger = Ledger()
            ledger.lose(stamp)
            self._save(ledger)
            return ledger
        ledger = Ledger(book)
        ledger.begin(stamp)
        self._changed = book is not None
        return ledger

    def _reading(self, modem: str) -> Reading | None:
        try:
            interface = self._watched[modem].interface()
        except NoInterfaceError:
            return None
        return None if interface is None else self._counters(interface)

    def _is_bound(self, modem: str) -> bool:
        try:
            return self._watched[modem].interface() is not None
        except NoInterfaceError:
            return True

    def _observe(self, ledger: Ledger, modem: str, reading: Reading | None = None) -> Outlook:
        stamp = self._clock.stamp()
        iccid = self._watched[modem].iccid()
        reading = self._reading(modem) if reading is None else reading
        countable = reading is not None or self._is_bound(modem)
        known_card, is_new = ledger.book.cards.get(modem), modem not in ledger.book.seen
        counted = ledger.observe(modem, reading, iccid, stamp, countable=countable)
        if counted or ledger.book.cards.get(modem) != known_card:
            self._changed = True
            self._unsaved_bytes += 0 if ledger.is_covered(modem) else counted
        if is_new and reading is not None:  # where counting begins must not be forgotten
            self._changed, self._unsaved_bytes = True, MOST_UNSAVED_BYTES
        allowance = self._settings.allowance(ledger.keys(modem)[0])
        state = self._outlooks[modem] = outlook(ledger, modem, allowance, stamp)
        self._tell(ledger, modem, state)
        return state

    def _leaves_out(self, state: Outlook, plan: str) -> bool:
        """Whether this one is not among those that fit: each earns its share of a test."""
        if state.optional_share >= 1:
            return False
        key = (state.account, plan)
        credit = self._credit.get(key, 0.0) + state.optional_share
        self._credit[key] = credit - 1 if credit >= 1 else credit
        return credit < 1

    def _tell(self, ledger: Ledger, modem: str, state: Outlook) -> None:
        """Put on record that most, or all, of the data is used: each once a period."""
        if not state.limit_bytes or state.period is None:
            return
        percent = 100 * state.used_bytes / state.limit_bytes
        reached = next((level for level in TOLD_PERCENT if percent >= level), 0)
        if not reached:
            return
        told = ledger.account(state.account).told
        if reached <= told.get(state.period.start, 0):
            return
        told[state.period.start] = reached
        self._changed = True
        self._recorder.event(
            "budget_used",
            severity="warning" if reached < max(TOLD_PERCENT) else "error",
            detail={
                "percent": reached,
                "account": state.account,
                "used_bytes": state.used_bytes,
                "limit_bytes": state.limit_bytes,
                "forecast_bytes": state.forecast_bytes,
            },
            modem=self._watched[modem].modem,
        )

    def _save(self, ledger: Ledger) -> bool:
        try:
            file.save(self._file, ledger.book)
        except OSError as error:
            if not self._told_unwritable:
                self._told_unwritable = True
                log.error("the data ledger %s cannot be written: %s", self._file, error)  # noqa: TRY400  # the reason says it all
                self._recorder.event(
                    "budget_ledger_unwritable", severity="error", detail={"reason": str(error)}
                )
            return False
        self._told_unwritable = False
        self._changed, self._unsaved_bytes = False, 0
        self._saved_ns = self._clock.mono_ns()
        return True
