"""Round trips and one small download: is this a service, not only a level."""

import statistics
import threading
import time
from collections.abc import Sequence
from itertools import pairwise

from drivers.traffic.http import Fuse, HttpConnection, Transfer
from drivers.traffic.netpath import (
    Address,
    NetPath,
    counted_since,
    end_of_download,
    read_counters,
    resolve,
)
from drivers.traffic.profile import LatencyMethod, LatencyProfile
from drivers.traffic.result import (
    CancelledError,
    OnProgress,
    Progress,
    Server,
    TestResult,
    TrafficError,
    unobserved,
)
from wire.kinds.latency import Payload
from wire.messages import Outcome


def jitter_ms(rtt_ms: Sequence[float]) -> float | None:
    """Mean absolute difference of successive round trips (RFC 3550 without its smoothing)."""
    differences = [abs(later - earlier) for earlier, later in pairwise(rtt_ms)]
    return statistics.fmean(differences) if differences else None


def run_latency(
    profile: LatencyProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress = unobserved,
) -> TestResult[Payload]:
    """Round trips, then the data check; ends by its own deadline, or about 1 s after `cancel`.

    The first sample is a handshake, which also wakes the radio, and is kept apart.
    """
    before = read_counters(path)
    trips = _RoundTrips(profile, server, path, cancel, on_progress)
    error = trips.run()
    counted = counted_since(path, before)
    payload = trips.payload()
    error = end_of_download(path, counted, payload_bytes=payload.data_bytes, error=error)
    if error is not None:
        return TestResult(outcome=error.outcome, reason=error.reason, payload=payload)
    return TestResult(outcome=Outcome.OK, payload=payload)


class _RoundTrips:
    """The samples of one test, by one thread."""

    def __init__(
        self,
        profile: LatencyProfile,
        server: Server,
        path: NetPath,
        cancel: threading.Event,
        on_progress: OnProgress,
    ) -> None:
        self._profile = profile
        self._server = server
        self._path = path
        self._cancel = cancel
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._sent = 0
        self._first_rtt_ms: float | None = None
        self._rtt_ms: list[float] = []
        self._data: Transfer | None = None
        self._last_loss: TrafficError | None = None

    def run(self) -> TrafficError | None:
        """All samples and the data check; gives what makes the test a failure."""
        profile = self._profile
        try:
            with Fuse(self._cancel, deadline_s=profile.deadline_s) as fuse:
                address = self._resolve()
                self._sample_all(address, fuse)
                if not self._received:
                    return self._last_loss
                if profile.data_bytes:
                    self._check_data(address)
        except TrafficError as error:
            return error
        return None if self._data is None else self._data.error

    def payload(self) -> Payload:
        """What there is to tell."""
        data = self._data
        return Payload(
            server=self._server.host,
            method=self._profile.method,
            sent=self._sent,
            received=self._received,
            first_rtt_ms=self._first_rtt_ms,
            rtt_ms=tuple(self._rtt_ms),
            median_ms=statistics.median(self._rtt_ms) if self._rtt_ms else None,
            jitter_ms=jitter_ms(self._rtt_ms),
            data_bytes=None if data is None else data.payload_bytes,
            data_s=None if data is None else data.outstanding_s,
            data_ok=None if data is None else data.complete,
            interface=self._path.interface,
        )

    @property
    def _received(self) -> int:
        return len(self._rtt_ms) + (self._first_rtt_ms is not None)

    def _resolve(self) -> Address:
        if self._server.http_port is None:
            raise TrafficError("server", "has no HTTP port", outcome=Outcome.INVALID)
        return resolve(
            self._server.host,
            self._server.http_port,
            self._path,
            timeout_s=self._profile.timeout_s,
            cancel=self._cancel,
        )

    def _sample_all(self, address: Address, fuse: Fuse) -> None:
        connection: HttpConnection | None = None
        try:
            for number in range(self._profile.count + 1):
                if number and self._cancel.wait(self._profile.interval_s):
                    raise CancelledError
                fuse.check("request")
                self._sent += 1
                try:
                    if number == 0:
                        connection, rtt_s = self._first(address, fuse)
                        self._first_rtt_ms = rtt_s * 1000
                        continue
                    if self._profile.method is LatencyMethod.TCP:
                        rtt_s = self._handshake(address, fuse)
                    else:
                        connection = connection or self._open(address, fuse)
                        rtt_s = self._empty_request(connection)
                    self._rtt_ms.append(rtt_s * 1000)
                except CancelledError:
                    raise
                except TrafficError as loss:
                    if loss.outcome is not Outcome.FAILED:
                        raise
                    self._last_loss = loss
                    if connection is not None:
                        connection.close()
                        connection = None
                finally:
                    self._tell()
        finally:
            if connection is not None:
                connection.close()

    def _first(self, address: Address, fuse: Fuse) -> tuple[HttpConnection | None, float]:
        if self._profile.method is LatencyMethod.TCP:
            return None, self._handshake(address, fuse)
        connection = self._open(address, fuse)
        return connection, connection.connect_s

    def _open(self, address: Address, fuse: Fuse, timeout_s: float | None = None) -> HttpConnection:
        return HttpConnection(
            address,
            self._path,
            fuse,
            host=self._server.host,
            connect_timeout_s=self._profile.timeout_s if timeout_s is None else timeout_s,
        )

    def _handshake(self, address: Address, fuse: Fuse) -> float:
        started = time.monotonic()
        stream = fuse.open_stream(address, self._path, timeout_s=self._profile.timeout_s)
        rtt_s = time.monotonic() - started
        fuse.release(stream)
        stream.close()
        return rtt_s

    def _empty_request(self, connection: HttpConnection) -> float:
        transfer = connection.get("/empty", silence_s=self._profile.timeout_s)
        if transfer.error is not None:
            raise transfer.error
        return transfer.outstanding_s

    def _check_data(self, address: Address) -> None:
        """Download `data_bytes` within `data_timeout_s`, connecting included."""
        profile = self._profile
        with Fuse(self._cancel, deadline_s=profile.data_timeout_s) as fuse:
            connection = self._open(address, fuse, profile.data_timeout_s)
            try:
                self._data = connection.get(
                    f"/bytes/{profile.data_bytes}",
                    silence_s=profile.data_timeout_s,
                    expected_bytes=profile.data_bytes,
                )
            finally:
                connection.close()

    def _tell(self) -> None:
        self._on_progress(
            Progress(
                stage=f"round trip {self._sent} of {self._profile.count + 1}",
                elapsed_s=time.monotonic() - self._started,
            )
        )
