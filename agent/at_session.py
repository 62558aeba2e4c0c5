"""One AT port for a person: a thread that owns it, sends what it is given and hears the rest."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTimeError
from types import TracebackType
from typing import NamedTuple, Self

from agent.runtime import Mailbox
from drivers.modem import standard
from drivers.modem.at import Reply
from drivers.modem.caution import Caution, Danger, caution, timeout_s
from drivers.modem.errors import GoneError, ModemError, TimedOutError
from drivers.modem.family import Family, families, family_of
from drivers.modem.port import Port
from drivers.modem.standard import Identification, SimState

PROBE_ATTEMPTS = 3
PROBE_TIMEOUT_S = 1.0
LOOK_S = 0.2
"""How soon what comes unasked is heard, and an interruption noticed."""
JOIN_S = 5.0


class _Order(NamedTuple):
    line: str
    timeout_s: float
    answer: "Future[Reply]"


class AtSession:
    """A port that is held until closed. All methods are for the person's thread."""

    def __init__(self, port: Port, heard: Callable[[str], None]) -> None:
        """`heard` is called from the port's thread with what comes unasked."""
        self._port = port
        self._heard = heard
        self._orders: Mailbox[_Order] = Mailbox(1)
        self._closed = threading.Event()
        self._gone: GoneError | None = None
        self.family: type[Family] = families()[-1]
        """Who reads the answers; the last resort until `meet`."""
        self.who = Identification()
        self._thread = threading.Thread(target=self._serve, name=f"at {port.path}")
        self._thread.start()

    @property
    def path(self) -> str:
        """The device file."""
        return self._port.path

    def meet(self) -> None:
        """Ask who it is, by questions that change nothing; raises `TimedOutError`, `GoneError`."""
        for attempt in range(1, PROBE_ATTEMPTS + 1):
            try:
                self.send("AT", PROBE_TIMEOUT_S)
            except TimedOutError:
                if attempt == PROBE_ATTEMPTS:
                    raise
            else:
                break

        def bare(command: str, prefix: str) -> str | None:
            reply = self.send(command)
            return standard.bare(reply.lines, prefix) if reply.ok else None

        self.who = standard.identification(
            self.send("ATI").lines,
            manufacturer=bare("AT+CGMI", "+CGMI"),
            model=bare("AT+CGMM", "+CGMM"),
            firmware=None,
        )
        self.family = family_of(self.who)
        self._port.answer_under(self.family.answers_under)

    def sim_state(self) -> SimState:
        """Whether the card wants a PIN; raises as `send`."""
        reply = self.send("AT+CPIN?")
        return standard.sim_state(reply.lines, reply.final)

    def send(self, line: str, within_s: float | None = None) -> Reply:
        """The reply to a line; an interruption of the waiting ends the command, not the session.

        Raises `TimedOutError`, which also says that it was interrupted, or `GoneError`.
        """
        self._check()
        answer: Future[Reply] = Future()
        self._orders.post(_Order(line, within_s or timeout_s(line), answer))
        while True:
            try:
                return answer.result(LOOK_S)
            except NotInTimeError:
                if not answer.done():
                    self._check()
            except KeyboardInterrupt:
                self._port.interrupt()

    def close(self) -> None:
        """Let go of the port."""
        self._closed.set()
        self._orders.wake()
        self._port.interrupt()
        self._thread.join(JOIN_S)
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _check(self) -> None:
        if self._gone is not None:
            raise self._gone
        if not self._thread.is_alive():
            # Whatever ended it, e.g. a pipe that nobody reads any more: no answer will come.
            raise GoneError("is not listened to any more", port=self.path)

    def _serve(self) -> None:
        while not self._closed.is_set():
            order = self._orders.take(LOOK_S)
            try:
                if order is not None:
                    self._answer(order)
                for line in self._port.urcs():
                    self._heard(line)
            except GoneError as error:
                self._gone = error
                self._heard(f"(the port is gone: {error.message})")
                return

    def _answer(self, order: _Order) -> None:
        try:
            reply = self._port.command(order.line, order.timeout_s)
        except ModemError as error:
            order.answer.set_exception(error)
        else:
            order.answer.set_result(reply)


class Guard:
    """Lets commands through, holds some back, and remembers that a PIN was tried."""

    def __init__(
        self,
        sim_state: Callable[[], SimState],
        confirm: Callable[[Caution], bool],
        *,
        hint: str = "",
    ) -> None:
        """`confirm` asks the person; `sim_state` asks the modem.

        `hint` is added to the reason where nobody can be asked.
        """
        self._sim_state = sim_state
        self._confirm = confirm
        self._hint = hint
        self._pin_tried = False

    def refusal(self, line: str) -> str | None:
        """Why the line is not sent; None when it is to be sent now. Raises `ModemError`."""
        found = caution(line)
        if found is None:
            return None
        if found.danger is Danger.NEVER:
            return f"{found.why}: that is not done from here"
        if found.danger is Danger.PIN and (why := self._no_pin_now()) is not None:
            return why
        if not self._confirm(found):
            return found.why + self._hint
        self._pin_tried |= found.danger is Danger.PIN
        return None

    def _no_pin_now(self) -> str | None:
        if self._pin_tried:
            return (
                "a PIN was tried already, and a second try may be one too many: find the right one"
            )
        state = self._sim_state()
        if state in {SimState.PIN, SimState.PUK}:
            return None
        return f"the card does not ask for a PIN (AT+CPIN? says {state})"
