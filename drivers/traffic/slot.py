"""What a measurement server says before a test: how fast it is, its time, whether it is free.

Interface: `GET /status`, `GET /generate_204`, `POST /slots`, `DELETE /slots/<token>`. A server that
knows none of them is taken as it is.
"""

import contextlib
import email.utils
import http
import math
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Annotated, Literal

import msgspec

from drivers.traffic.http import Answer, Fuse, HttpConnection, connect_to, portal
from drivers.traffic.netpath import NetPath
from drivers.traffic.result import CancelledError, Server, TrafficError
from wire.codec import UNDECODABLE
from wire.evidence import ServerCheck
from wire.kinds.throughput import Direction
from wire.messages import Outcome

CONTROL_MAX_AGE_S = 7200.0
"""An older control test says nothing of now."""
CONTROL_FACTOR = 2.0
"""A server must have been this many times as fast as the rate it is to prove."""
RETRY_S = (0.5, 5.0)
"""Bounds on how soon a busy server is asked again."""
LAST_ASK_S = 0.3
"""Kept of the wait for asking a last time."""
RELEASE_S = 0.7
"""For giving a slot back; it ends by itself otherwise."""
MAX_LEASE_S = 600
Rate = Annotated[float, msgspec.Meta(ge=0, le=1e12)]
UtcNow = Callable[[], float | None]
"""Seconds since 1970 where a trusted clock is at hand."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What the test is that wants to run."""

    method: Literal["iperf3", "http"]
    direction: Direction = Direction.DOWN
    seconds: float
    """The lease's length."""
    wait_s: float
    """For everything that is asked here; 0 asks nothing."""
    probe: str | None = None
    """Who asks; None: the computer's name."""
    target_bits_per_second: float | None = None
    """The rate the test is to prove, if it is to prove one."""


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """What the server said. With an `error` the test must not run on it."""

    check: ServerCheck
    iperf_port: int | None = None
    """The slot's own, where it has one."""
    error: TrafficError | None = None


@contextlib.contextmanager
def check_server(
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    need: Need,
    *,
    deadline: float,
    utc_s: UtcNow = lambda: None,
) -> Iterator[Admission]:
    """Ask the server and hold a slot on it while the context lasts; never raises by itself.

    Takes `need.wait_s` or until `deadline` (monotonic) at most, about 1 s after `cancel`. A network
    that fails here is no error: the test itself will find that out and say where.
    """
    if server.http_port is None or need.wait_s <= 0:
        yield Admission(check=ServerCheck(name=server.name))
        return
    asking = _Asking(
        server, path, cancel, need, until=min(time.monotonic() + need.wait_s, deadline)
    )
    admission = asking.ask(utc_s)
    try:
        yield admission
    finally:
        if admission.check.slot is not None:
            _release(server, path, admission.check.slot, within_s=deadline + 1.8 - time.monotonic())


class _Control(msgspec.Struct, frozen=True):
    age_s: Annotated[float, msgspec.Meta(ge=0)]
    down_bits_per_second: Rate | None = None
    up_bits_per_second: Rate | None = None


class _Status(msgspec.Struct, frozen=True):
    control: _Control | None = None


class _Lease(msgspec.Struct, frozen=True):
    slot: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_.~-]{1,128}$")]
    iperf_port: Annotated[int, msgspec.Meta(ge=1, le=65535)] | None = None


class _Asking:
    """The questions to one server, on one connection, until an instant."""

    def __init__(
        self,
        server: Server,
        path: NetPath,
        cancel: threading.Event,
        need: Need,
        *,
        until: float,
    ) -> None:
        self._server = server
        self._path = path
        self._cancel = cancel
        self._need = need
        self._until = until
        self._check = ServerCheck(name=server.name)
        self._iperf_port: int | None = None

    def ask(self, utc_s: UtcNow) -> Admission:
        """All questions, one after the other."""
        error: TrafficError | None = None
        try:
            with _connected(self._server, self._path, self._cancel, self._left_s) as connection:
                self._ask_status(connection, utc_s)
                self._take_slot(connection)
        except TrafficError as caught:
            # Otherwise the network's, or a server without HTTP: the test goes on without a slot.
            if isinstance(caught, CancelledError) or caught.stage in {"server", "portal"}:
                refused = caught.stage == "server" and caught.happened == "refused"
                error = None if refused else caught
        return Admission(check=self._check, iperf_port=self._iperf_port, error=error)

    def _left_s(self) -> float:
        return max(self._until - time.monotonic(), 0.001)

    def _ask_status(self, connection: HttpConnection, utc_s: UtcNow) -> None:
        """Clock and control test; raises where the server cannot prove what it is to prove."""
        asked_at = utc_s()
        answer = connection.ask("GET", "/status", silence_s=self._left_s())
        clock_error_s = _clock_error_s(answer, asked_at, utc_s())
        self._check = msgspec.structs.replace(self._check, clock_error_s=clock_error_s)
        self._refuse_portal(answer)
        try:
            status = msgspec.json.decode(answer.body, type=_Status)
        except UNDECODABLE:
            if answer.status == http.HTTPStatus.OK:
                self._doubt(connection)
            return
        if status.control is not None and answer.status == http.HTTPStatus.OK:
            self._weigh(status.control)

    def _doubt(self, connection: HttpConnection) -> None:
        """Something else than JSON: a portal's page, or a server of another kind."""
        answer = connection.ask("GET", "/generate_204", silence_s=self._left_s())
        self._refuse_portal(answer)
        if answer.status == http.HTTPStatus.OK and answer.body:
            raise TrafficError("portal", "answers for the server", outcome=Outcome.INVALID)

    def _refuse_portal(self, answer: Answer) -> None:
        foreign = portal(answer.status, answer.headers.get("location"), host=self._server.host)
        if foreign is not None:
            raise foreign

    def _weigh(self, control: _Control) -> None:
        down = self._need.direction is Direction.DOWN
        rate = control.down_bits_per_second if down else control.up_bits_per_second
        self._check = msgspec.structs.replace(
            self._check, control_bits_per_second=rate, control_age_s=control.age_s
        )
        target = self._need.target_bits_per_second
        if rate is None or target is None or control.age_s > CONTROL_MAX_AGE_S:
            return
        if rate < CONTROL_FACTOR * target:
            happened = f"control test {rate / 1e6:.3g} Mbit/s"
            raise TrafficError("server", happened, outcome=Outcome.INVALID)

    def _take_slot(self, connection: HttpConnection) -> None:
        """A slot as soon as one is free; raises `server: busy` at the end of the wait."""
        begun = time.monotonic()
        seconds = min(math.ceil(self._need.seconds), MAX_LEASE_S)
        probe = self._need.probe or _own_name()
        wanted = {"probe": probe, "method": self._need.method, "seconds": seconds}
        body = msgspec.json.encode(wanted)
        while True:
            answer = connection.ask("POST", "/slots", body=body, silence_s=self._left_s())
            self._refuse_portal(answer)
            if answer.status != http.HTTPStatus.SERVICE_UNAVAILABLE:
                break
            left_s = self._until - time.monotonic() - LAST_ASK_S
            if left_s <= 0:
                raise TrafficError("server", "busy", outcome=Outcome.INVALID)
            if self._cancel.wait(min(_retry_after_s(answer), left_s)):
                raise CancelledError
        waited_s = time.monotonic() - begun
        if answer.status != http.HTTPStatus.CREATED:
            return  # it knows no slots
        try:
            lease = msgspec.json.decode(answer.body, type=_Lease)
        except UNDECODABLE:
            return
        self._check = msgspec.structs.replace(self._check, slot=lease.slot, waited_s=waited_s)
        self._iperf_port = lease.iperf_port


@contextlib.contextmanager
def _connected(
    server: Server, path: NetPath, cancel: threading.Event, left_s: Callable[[], float]
) -> Iterator[HttpConnection]:
    """A connection that ends with the time left, the name's look-up included."""
    with Fuse(cancel, deadline_s=left_s()) as fuse:
        connection = connect_to(server, path, fuse, timeout_s=left_s())
        try:
            yield connection
        finally:
            connection.close()


def _release(server: Server, path: NetPath, slot: str, *, within_s: float) -> None:
    """Give the slot back, in a moment or not at all, also when the test was cancelled."""
    until = time.monotonic() + min(within_s, RELEASE_S)
    if until <= time.monotonic():
        return

    def left_s() -> float:
        return max(until - time.monotonic(), 0.001)

    with (
        contextlib.suppress(TrafficError),
        _connected(server, path, threading.Event(), left_s) as connection,
    ):
        connection.ask("DELETE", f"/slots/{slot}", silence_s=left_s())


def _clock_error_s(answer: Answer, asked_at: float | None, heard_at: float | None) -> float | None:
    """The server's Date, which is cut to seconds, less the middle of question and answer."""
    said = answer.headers.get("date")
    if said is None or asked_at is None or heard_at is None:
        return None
    try:
        date = email.utils.parsedate_to_datetime(said)
        return date.timestamp() + 0.5 - (asked_at + heard_at) / 2
    except (ValueError, TypeError, OverflowError):
        return None


def _retry_after_s(answer: Answer) -> float:
    said = answer.headers.get("retry-after", "")
    wanted = int(said) if re.fullmatch(r"[0-9]{1,6}", said) else RETRY_S[0]
    return min(max(wanted, RETRY_S[0]), RETRY_S[1])


def _own_name() -> str:
    """The computer's, as far as it can be a probe's."""
    name = re.sub(r"[^a-z0-9-]+", "-", socket.gethostname().lower()).strip("-")
    return name[:63] or "probe"
