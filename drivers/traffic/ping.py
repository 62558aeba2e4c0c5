"""Round trips and one small download: is this a service, not only a level."""

import statistics
import threading
import time
from collections.abc import Sequence
from itertools import pairwise

from drivers.traffic.device import family_name
from drivers.traffic.http import Fuse, HttpConnection, Transfer
from drivers.traffic.netpath import (
    Address,
    NetPath,
    counted_since,
    end_of_download,
    read_counters,
    resolve,
)
from drivers.traffic.path_watch import watched
from drivers.traffic.portal import refuse_portal
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
from drivers.traffic.samples import SAMPLERS, Far
from wire.kinds.latency import Payload
from wire.messages import Outcome

MS_PER_S = 1000


def jitter_ms(rtt_ms: Sequence[float]) -> float | None:
    """Mean absolute difference of successive round trips (RFC 3550 without its smoothing)."""
    differences = [abs(later - earlier) for earlier, later in pairwise(rtt_ms)]
    return statistics.fmean(differences) if differences else None


@watched("data_bytes")
def run_latency(
    profile: LatencyProfile,
    server: Server,
    path: NetPath,
    cancel: threading.Event,
    on_progress: OnProgress = unobserved,
) -> TestResult[Payload]:
    """Round trips, then the data check; ends by the profile's deadline, or 1 s after `cancel`.

    The first sample also wakes the radio, unless a name was looked up over the modem before, and
    is kept apart.
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
        self._path = path.only(profile.address_family)
        self._cancel = cancel
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._sent = 0
        self._address: Address | None = None
        self._first_rtt_ms: float | None = None
        self._rtt_ms: list[float] = []
        self._lost: list[int] = []
        self._data: Transfer | None = None
        self._last_loss: TrafficError | None = None

    def run(self) -> TrafficError | None:
        """All samples and the data check; gives what makes the test a failure."""
        profile = self._profile
        try:
            with Fuse(self._cancel, deadline_s=profile.deadline_s) as fuse:
                self._address = self._resolve()
                try:
                    self._sample_all(fuse)
                except TrafficError as error:
                    if error.stage == "server":
                        self._refuse_portal(fuse)
                    raise
                if not self._received:
                    return self._last_loss
                if profile.data_bytes:
                    self._check_data(fuse)
        except TrafficError as error:
            return error
        return None if self._data is None else self._data.error

    def payload(self) -> Payload:
        """What there is to tell."""
        data, address = self._data, self._address
        dns_s = None if address is None else address.dns_s
        return Payload(
            server=self._server.host,
            address=None if address is None else address.host,
            address_family=None if address is None else family_name(address.family),
            dns_ms=None if dns_s is None else dns_s * MS_PER_S,
            dns_server=None if address is None else address.dns_server,
            method=self._profile.method,
            sent=self._sent,
            received=self._received,
            lost=tuple(self._lost),
            loss_share=len(self._lost) / self._sent if self._sent else None,
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

    @property
    def _needs_http(self) -> bool:
        return self._profile.method is not LatencyMethod.ICMP or self._profile.data_bytes > 0

    def _resolve(self) -> Address:
        if self._server.http_port is None and self._needs_http:
            raise TrafficError("server", "has no HTTP port", outcome=Outcome.INVALID)
        return resolve(
            self._server.host,
            self._server.http_port or 0,
            self._path,
            timeout_s=self._profile.timeout_s,
            cancel=self._cancel,
        )

    def _sample_all(self, fuse: Fuse) -> None:
        profile = self._profile
        far = Far(self._used, self._path, self._server.host, fuse, profile.timeout_s)
        with SAMPLERS[profile.method](far) as sampler:
            for number in range(profile.count + 1):
                if number and self._cancel.wait(profile.interval_s):
                    raise CancelledError
                fuse.check("request")
                self._sent += 1
                try:
                    self._take(number, sampler.sample_s(number))
                except CancelledError:
                    self._sent -= 1  # it was neither answered nor lost
                    raise
                except TrafficError as loss:
                    if loss.outcome is not Outcome.FAILED:
                        raise
                    self._last_loss = loss
                    self._lost.append(number)
                finally:
                    self._address = sampler.far.address
                    self._tell()

    def _take(self, number: int, rtt_s: float) -> None:
        if number == 0:
            self._first_rtt_ms = rtt_s * MS_PER_S
        else:
            self._rtt_ms.append(rtt_s * MS_PER_S)

    def _check_data(self, around: Fuse) -> None:
        """Download `data_bytes` within `data_timeout_s`, connecting included."""
        profile = self._profile
        limit_s = min(profile.data_timeout_s, around.remaining_s)
        with Fuse(self._cancel, deadline_s=limit_s) as fuse:
            self._refuse_portal(fuse)
            connection = HttpConnection(
                self._used,
                self._path,
                fuse,
                host=self._server.host,
                connect_timeout_s=fuse.remaining_s,
            )
            try:
                self._data = connection.get(
                    f"/bytes/{profile.data_bytes}",
                    silence_s=fuse.remaining_s,
                    expected_bytes=profile.data_bytes,
                )
            finally:
                connection.close()

    def _refuse_portal(self, fuse: Fuse) -> None:
        refuse_portal(
            self._used,
            self._path,
            fuse,
            host=self._server.host,
            timeout_s=min(self._profile.timeout_s, fuse.remaining_s),
        )

    @property
    def _used(self) -> Address:
        """The server's address; only asked once there is one."""
        assert self._address is not None  # noqa: S101 - `_resolve` comes first
        return self._address

    def _tell(self) -> None:
        self._on_progress(
            Progress(
                stage=f"round trip {self._sent} of {self._profile.count + 1}",
                elapsed_s=time.monotonic() - self._started,
            )
        )
