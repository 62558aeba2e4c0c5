"""One round trip after the other, of three kinds: requests, handshakes and echoes."""

import time
from abc import ABC, abstractmethod
from types import TracebackType
from typing import NamedTuple, Self

from drivers.traffic.http import Fuse, HttpConnection
from drivers.traffic.icmp import Pinger
from drivers.traffic.netpath import Address, NetPath
from drivers.traffic.profile import LatencyMethod
from drivers.traffic.result import CancelledError, TrafficError


class Far(NamedTuple):
    """Whom to ask, and how."""

    address: Address
    path: NetPath
    host: str
    """As a request names it."""
    fuse: Fuse
    timeout_s: float
    """Of each sample."""


class Sampler(ABC):
    """Round trips of one kind; a context manager."""

    def __init__(self, far: Far) -> None:
        """Nothing is sent yet."""
        self.far = far

    @abstractmethod
    def sample_s(self, number: int) -> float:
        """One round trip, the first with number 0; raises `TrafficError` within its time-out."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Handshakes(Sampler):
    """TCP connections that carry nothing."""

    def sample_s(self, number: int) -> float:
        """Until the connection stands."""
        del number
        started = time.monotonic()
        far = self.far
        stream = far.fuse.open_stream(far.address, far.path, timeout_s=far.timeout_s)
        rtt_s = time.monotonic() - started
        self.far = far._replace(address=far.address.only(stream.family))
        far.fuse.release(stream)
        stream.close()
        return rtt_s

    def close(self) -> None:
        """Nothing stays open."""


class Requests(Sampler):
    """Requests for an empty body on one connection; the first sample is its handshake."""

    def __init__(self, far: Far) -> None:
        super().__init__(far)
        self._connection: HttpConnection | None = None

    def sample_s(self, number: int) -> float:
        """A lost sample loses its connection; opening the next belongs to the sample after it."""
        until = time.monotonic() + self.far.timeout_s
        try:
            if self._connection is None:
                self._connection = self._open()
            if number == 0:
                return self._connection.connect_s
            left_s = max(until - time.monotonic(), 0.001)
            transfer = self._connection.get("/empty", silence_s=left_s, expected_bytes=0)
            if transfer.error is not None:
                raise transfer.error
        except TrafficError:
            self.close()
            raise
        return transfer.outstanding_s

    def close(self) -> None:
        """Close the connection, if there is one."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _open(self) -> HttpConnection:
        far = self.far
        connection = HttpConnection(
            far.address, far.path, far.fuse, host=far.host, connect_timeout_s=far.timeout_s
        )
        self.far = far._replace(address=far.address.only(connection.family))
        return connection


class Echoes(Sampler):
    """ICMP echo requests."""

    def __init__(self, far: Far) -> None:
        super().__init__(far)
        self._pinger: Pinger | None = None

    def sample_s(self, number: int) -> float:
        """While nothing came back at all, a lost sample tries the other family next."""
        far = self.far
        try:
            if self._pinger is None:
                self._pinger = Pinger(
                    far.address.family, far.address.host, interface=far.path.interface
                )
            timeout_s = min(far.timeout_s, far.fuse.remaining_s)
            rtt_s = self._pinger.round_trip_s(number, timeout_s=timeout_s, cancel=far.fuse.cancel)
        except CancelledError:
            raise
        except TrafficError:
            if far.address.others:
                self.close()
                self.far = far._replace(address=far.address.turned())
            raise
        self.far = far._replace(address=far.address.only(far.address.family))
        return rtt_s

    def close(self) -> None:
        """Close the socket, if there is one."""
        pinger, self._pinger = self._pinger, None
        if pinger is not None:
            pinger.close()


SAMPLERS: dict[LatencyMethod, type[Sampler]] = {
    LatencyMethod.HTTP: Requests,
    LatencyMethod.TCP: Handshakes,
    LatencyMethod.ICMP: Echoes,
}
