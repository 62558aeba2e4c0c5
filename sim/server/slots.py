"""Slots: who may measure against this server now. No I/O; the clock is passed in.

A slot is a share of the server's link: with n slots in all, a test has at least 1/n of it to
itself. An iperf slot is a port as well, because an iperf3 server runs one test at a time.
"""

import math
import secrets
import threading
from collections.abc import Callable, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec

from wire.codec import PROBE_NAME

MAX_LEASE_S = 900
"""Longer than the deadline of any sensible test: who dies with a slot blocks it no longer."""
TOKEN_BYTES = 24
SETTLES_S = 1
"""A port that was given back while its iperf3 still cleans up is soon idle."""

Method = Literal["iperf3", "http"]


class SlotRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe asks for."""

    probe: Annotated[str, msgspec.Meta(pattern=f"^{PROBE_NAME.pattern}$")]
    method: Method
    seconds: Annotated[float, msgspec.Meta(gt=0, le=1e9)]
    """It is given less where it asks for more than `MAX_LEASE_S`."""


class Lease(NamedTuple):
    """A slot that is taken."""

    token: str
    iperf_port: int | None
    """None for an http slot."""
    expires_s: float
    """On the clock that was passed in."""


class BusyError(Exception):
    """All slots of this method are taken; one is free after `retry_after_s` at the latest."""

    def __init__(self, retry_after_s: int) -> None:
        """Whole seconds, at least one."""
        super().__init__(f"busy for up to {retry_after_s} s")
        self.retry_after_s = retry_after_s


class NoSlotsError(Exception):
    """There are no slots for this method at all: tests run without one."""


class Slots:
    """The slots of one server. Any thread may call."""

    def __init__(
        self,
        *,
        iperf_ports: Sequence[int] = (),
        http: int = 0,
        is_idle: Callable[[int], bool] = lambda _: True,
    ) -> None:
        """One slot for each port, and `http` for everything else.

        `is_idle` says of a port whether nobody measures on it, with a slot or without.
        """
        self.total = len(iperf_ports) + http
        self._free: dict[Method, list[int | None]] = {
            "iperf3": list(iperf_ports),
            "http": [None] * http,
        }
        self._taken: dict[str, tuple[Method, Lease]] = {}
        self._offered = frozenset(method for method, free in self._free.items() if free)
        self._is_idle = is_idle
        self._lock = threading.Lock()

    def take(self, asked: SlotRequest, now_s: float) -> Lease:
        """A slot until its expiry; raises `BusyError` and `NoSlotsError`."""
        if asked.method not in self._offered:
            raise NoSlotsError(asked.method)
        with self._lock:
            self._expire(now_s)
            port = self._choose(asked.method, now_s)
            lasts_s = min(math.ceil(asked.seconds), MAX_LEASE_S)
            lease = Lease(secrets.token_urlsafe(TOKEN_BYTES), port, now_s + lasts_s)
            self._taken[lease.token] = (asked.method, lease)
            return lease

    def give_back(self, token: str, now_s: float) -> bool:
        """Whether the token stood for a slot, which is free from now on."""
        with self._lock:
            self._expire(now_s)
            return self._end(token)

    def busy(self, now_s: float) -> int:
        """How many are taken."""
        with self._lock:
            self._expire(now_s)
            return len(self._taken)

    def _choose(self, method: Method, now_s: float) -> int | None:
        """Take a port out of the free ones, the one that is free the longest if it can be."""
        free = self._free[method]
        for index, port in enumerate(free):
            if port is None or self._is_idle(port):
                return free.pop(index)
        if free:
            raise BusyError(SETTLES_S)
        leases = [lease for taken_by, lease in self._taken.values() if taken_by == method]
        ends_s = min(lease.expires_s for lease in leases)
        raise BusyError(max(1, math.ceil(ends_s - now_s)))

    def _expire(self, now_s: float) -> None:
        ended = [token for token, (_, lease) in self._taken.items() if lease.expires_s <= now_s]
        for token in ended:
            self._end(token)

    def _end(self, token: str) -> bool:
        found = self._taken.pop(token, None)
        if found is None:
            return False
        method, lease = found
        self._free[method].append(lease.iperf_port)
        return True
