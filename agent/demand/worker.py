"""Tests on demand while the agent measures: a socket in its run folder, owned by one thread.

A caller sends one request (`messages.Ask`) and is told how it goes until the record is there.
Hanging up, or shutting down his side, cancels the test. The row goes through the outbox as any.
"""

import logging
import os
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from agent.activity import UnpreparedError
from agent.clock import Clock
from agent.config import Config, ModemPlace
from agent.demand.caller import Caller, RudeError, may_ask
from agent.demand.messages import (
    RADIO,
    SOCKET_FILE,
    Accepted,
    Ask,
    Ended,
    Going,
    Refused,
    prepare,
)
from agent.misfits import suggestion
from agent.request import TestRequest
from agent.runtime import Beat, Stop
from agent.ticks import NS_PER_S
from drivers.traffic.result import Progress
from wire.codec import UNDECODABLE, encode_record
from wire.messages import AnyMeasurement

log = logging.getLogger(__name__)

MODE = 0o660
MOST_CALLERS = 8
BACKLOG = 64
"""More that come at once are turned away by the kernel."""
REQUEST_S = 10.0
"""Who says nothing for so long is sent away."""
LAST_LINE_S = 5.0
"""For a caller to take the last line."""
WAIT_S = 180.0
"""A test waits for those before it for so long, then it is a skipped row."""
FAREWELL_S = 4.0
"""For the running tests to end when the agent stops."""
LOOK_S = 0.5
KEPT_NEWS = 64
"""The oldest progress is lost where nobody takes it; the record comes last."""
AGENT_STOPS = "the agent stops"


class Tests(Protocol):
    """What is needed of `agent.traffic_worker.TrafficWorker`."""

    def ask(self, request: TestRequest) -> None:
        """Run the test; it ends as a row in any case."""


@dataclass(kw_only=True, eq=False)
class _Call:
    """A caller and the test he waits for."""

    caller: Caller
    request: TestRequest | None = None
    leaves: bool = False
    """He shut down his side: he only wants to hear how it ended."""
    news: deque[Progress | AnyMeasurement] = field(default_factory=lambda: deque(maxlen=KEPT_NEWS))
    """Filled by the thread of the tests."""


class DemandWorker:
    """The socket's thread. All is done in `run`; other threads only leave news and wake it."""

    def __init__(
        self,
        *,
        run_dir: Path,
        config: Callable[[], Config],
        tests: Mapping[str, Tests],
        look: Callable[[ModemPlace], AnyMeasurement | None],
        clock: Clock,
    ) -> None:
        """`tests` by the modem's name; `look` gives the newest look at a modem's radio.

        `config` gives the one in force: its modems, servers, profiles and plan.
        """
        self._socket_file = run_dir / SOCKET_FILE
        self._config = config
        self._tests = tests
        self._look = look
        self._clock = clock
        self._calls: list[_Call] = []
        self._wake: Callable[[], None] = _nobody

    def run(self, stop: Stop, beat: Beat) -> None:
        """Answer callers until stopped; those who wait then are told how their test ended."""
        bell, ring = socket.socketpair()
        with bell, ring:
            bell.setblocking(False)
            ring.setblocking(False)
            self._wake = lambda: _ring(ring)
            try:
                with _listening(self._socket_file) as door, stop.wakes(self._wake):
                    while not stop.is_set():
                        beat()
                        self._turn(bell, door)
                    for _ in range(BACKLOG):  # who had come to the door already hears why as well
                        if not self._let_in(door):
                            break
                self._say_farewell(bell)
            finally:
                for call in tuple(self._calls):
                    self._drop(call)

    def _say_farewell(self, bell: socket.socket) -> None:
        """Nobody comes in any more; who waits for a test hears how it ended."""
        for call in self._calls:
            if call.request is None:
                self._refuse(call, AGENT_STOPS)
        deadline_s = time.monotonic() + FAREWELL_S
        while self._calls and time.monotonic() < deadline_s:
            self._turn(bell, None)
        for call in tuple(self._calls):
            self._refuse(call, AGENT_STOPS)
            self._send(call)

    def _turn(self, bell: socket.socket, door: socket.socket | None) -> None:
        """Wait for whatever comes first, and do what there is to do."""
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        if door is not None:
            poll.register(door, select.POLLIN)
        by_number = {call.caller.stream.fileno(): call for call in self._calls}
        for number, call in by_number.items():
            reads = 0 if call.caller.ended or call.leaves else select.POLLIN
            poll.register(number, reads | (select.POLLOUT if call.caller.has_unsent else 0))
        for number, what in poll.poll(LOOK_S * 1000):
            if number == bell.fileno():
                _silence(bell)
            elif door is not None and number == door.fileno():
                self._let_in(door)
            elif what & (select.POLLHUP | select.POLLERR | select.POLLNVAL):
                self._drop(by_number[number])
            elif what & select.POLLIN:
                self._hear(by_number[number])
        for call in tuple(self._calls):
            self._pass_on(call)
            self._send(call)

    def _let_in(self, door: socket.socket) -> bool:
        """Let one caller in; False when nobody stands at the door."""
        try:
            stream, _ = door.accept()
        except BlockingIOError:
            return False
        call = _Call(caller=Caller(stream, deadline_s=time.monotonic() + REQUEST_S))
        self._calls.append(call)
        if not may_ask(stream, uid=os.geteuid(), gid=os.getegid()):
            log.warning("somebody who is not in the group of the agent asked for a test")
            self._refuse(call, "not allowed: be root, or in the group of the service")
        elif len(self._calls) > MOST_CALLERS:
            self._refuse(call, f"busy: {MOST_CALLERS} callers are here already")
        return True

    def _hear(self, call: _Call) -> None:
        if call.request is not None:
            if call.caller.hung_up():
                call.leaves = True
                call.request.cancelled.set()
            return
        try:
            line = call.caller.read_request()
            if line is not None:
                self._answer(call, line)
        except RudeError as error:
            self._refuse(call, str(error))
        except (EOFError, OSError):
            self._drop(call)

    def _answer(self, call: _Call, line: bytes) -> None:
        try:
            ask = msgspec.json.decode(line, type=Ask)
        except UNDECODABLE as error:
            self._refuse(call, f"no request: {error}")
            return
        config = self._config()
        place = config.modem_named(ask.modem)
        if place is None:
            hint = suggestion(ask.modem, [each.name for each in config.modem])
            self._refuse(call, f"no modem '{ask.modem}'; {hint}")
        elif ask.kind == RADIO:
            self._show_look(call, place)
        else:
            self._begin(call, config, place, ask)

    def _show_look(self, call: _Call, place: ModemPlace) -> None:
        record = self._look(place)
        if record is None:
            self._refuse(call, "nothing known of the modem yet")
        else:
            self._end(call, record)

    def _begin(self, call: _Call, config: Config, place: ModemPlace, ask: Ask) -> None:
        try:
            prepared = prepare(config, place, ask)
        except UnpreparedError as error:
            self._refuse(call, str(error))
            return
        news, wake = call.news, self._wake

        def hear(what: Progress | AnyMeasurement) -> None:
            news.append(what)
            wake()

        request = prepared.request(
            give_up_mono_ns=self._clock.mono_ns() + round(WAIT_S * NS_PER_S),
            on_progress=hear,
            done=hear,
        )
        call.request = request
        call.caller.deadline_s = None
        call.caller.tell(
            Accepted(
                kind=prepared.kind,
                profile=prepared.ready.profile,
                planned_s=prepared.ready.planned_s,
            )
        )
        log.info("%s on modem %s: asked for by a person", prepared.kind, place.name)
        self._tests[place.name].ask(request)

    def _pass_on(self, call: _Call) -> None:
        while call.news:
            news = call.news.popleft()
            if isinstance(news, Progress):
                call.caller.tell(Going(progress=news))
            else:
                self._end(call, news)

    def _end(self, call: _Call, record: AnyMeasurement) -> None:
        message = Ended(record=msgspec.Raw(encode_record(record)))
        call.caller.tell_last(message, deadline_s=time.monotonic() + LAST_LINE_S)

    def _refuse(self, call: _Call, reason: str) -> None:
        call.caller.tell_last(Refused(reason=reason), deadline_s=time.monotonic() + LAST_LINE_S)

    def _send(self, call: _Call) -> None:
        """Send what the caller takes; let him go when he has all, or his time is over."""
        caller = call.caller
        try:
            caller.send()
        except OSError:
            self._drop(call)
            return
        if caller.ended and not caller.has_unsent:
            self._drop(call)
        elif caller.deadline_s is not None and time.monotonic() > caller.deadline_s:
            if caller.ended:
                self._drop(call)
            else:
                self._refuse(call, f"no request within {REQUEST_S:.0f} s")

    def _drop(self, call: _Call) -> None:
        """Hang up; the test he waited for, if it still runs, is his no more."""
        if call in self._calls:
            self._calls.remove(call)
        call.caller.close()
        if call.request is not None:
            call.request.cancelled.set()


@contextmanager
def _listening(file: Path) -> Iterator[socket.socket]:
    """The socket by its name; one that a crash left behind is replaced."""
    draft = file.with_name(f".{file.name}.new")
    draft.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as door:
        door.setblocking(False)
        door.bind(str(draft))
        try:
            draft.chmod(MODE)
            door.listen(BACKLOG)
            draft.replace(file)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        try:
            yield door
        finally:
            file.unlink(missing_ok=True)


def _ring(ring: socket.socket) -> None:
    with suppress(OSError):  # full: it rings already; closed: nobody is there to hear it
        ring.send(b"!")


def _silence(bell: socket.socket) -> None:
    with suppress(BlockingIOError):
        bell.recv(4096)


def _nobody() -> None:
    """Before the worker runs nobody waits for news."""
