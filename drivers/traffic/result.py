"""What every traffic test takes and gives back: a server, progress, a result with its reason."""

import errno
from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

import msgspec

from wire.messages import Outcome

P = TypeVar("P")


class Server(msgspec.Struct, frozen=True, kw_only=True):
    """The other end of the tests. A port is None where the server does not offer the service."""

    host: str
    """Name or address."""
    http_port: int | None = None
    iperf_port: int | None = None
    name: str | None = None
    """As the probe's configuration calls it."""


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A word from inside a running test, about once a second."""

    stage: str
    elapsed_s: float
    bits_per_second: float | None = None
    """Of the last second, where it is known while the test runs."""
    payload_bytes: int | None = None
    """Transferred so far."""
    planned_s: float | None = None
    """How long the whole test takes when all goes well."""


OnProgress = Callable[[Progress], None]


def unobserved(_: Progress) -> None:
    """Progress that nobody wants to see."""


class TestResult(msgspec.Struct, Generic[P], frozen=True, kw_only=True):
    """How a test ended. `reason` is None when `outcome` is ok, else `stage: what happened`."""

    __test__: ClassVar[bool] = False

    outcome: Outcome
    reason: str | None = None
    payload: P


class TrafficError(Exception):
    """A test cannot go on; becomes the result's outcome and reason at the top of the test.

    `outcome` says whose fault it is, `stage` is `dns`, `bind`, `connect`, `request`, `transfer`,
    `access`, `interface`, `portal`, `server` or `probe`, `happened` the fault in a few words.
    """

    def __init__(self, stage: str, happened: str, *, outcome: Outcome = Outcome.FAILED) -> None:
        """Keep the three fields."""
        super().__init__(f"{stage}: {happened}")
        self.stage = stage
        self.happened = happened
        self.outcome = outcome

    @property
    def reason(self) -> str:
        """As a record carries it, e.g. `connect: refused`."""
        return f"{self.stage}: {self.happened}"


class CancelledError(TrafficError):
    """Somebody set `cancel`: the probe's own doing, so the test is in no statistic."""

    def __init__(self) -> None:
        """One reason for all."""
        super().__init__("probe", "cancelled", outcome=Outcome.INVALID)


def network_error(stage: str, error: OSError) -> TrafficError:
    """The `TrafficError` for what the kernel said of a socket in this stage."""
    if error.errno == errno.ENODEV:
        return TrafficError(stage, "no such interface", outcome=Outcome.MODEM_GONE)
    if error.errno in {errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EADDRINUSE}:
        happened = (error.strerror or str(error)).lower()
        return TrafficError(stage, happened, outcome=Outcome.INVALID)
    if error.errno == errno.ECONNREFUSED:
        # The far host itself said so: it can be reached, its service is down.
        return TrafficError("server", "refused", outcome=Outcome.INVALID)
    if isinstance(error, TimeoutError):
        return TrafficError(stage, "timeout" if stage != "transfer" else "stalled")
    known = {
        errno.ECONNRESET: "reset",
        errno.EPIPE: "reset",
        errno.ENETUNREACH: "network unreachable",
        errno.EHOSTUNREACH: "host unreachable",
        errno.ENETDOWN: "network down",
        errno.EADDRNOTAVAIL: "no address",
    }
    return TrafficError(stage, known.get(error.errno or 0, str(error).lower()))
