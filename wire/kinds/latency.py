"""One latency and data check: is this a service, not only a level."""

import msgspec

from wire.cells import TestRadio
from wire.evidence import HostLoad, ServerCheck

SCHEMA = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A few small requests bound to one modem."""

    server: str | None = None
    method: str
    """`http` (request for an empty body, i-Speed style), `tcp` (handshake) or `icmp`."""
    sent: int
    received: int
    first_rtt_ms: float | None = None
    """The first sample pays the radio wake-up and is kept apart."""
    rtt_ms: tuple[float, ...] = ()
    """The others, in order; lost ones are absent."""
    median_ms: float | None = None
    jitter_ms: float | None = None
    """Mean absolute difference of successive samples of `rtt_ms` (RFC 3550 style, unsmoothed)."""
    data_bytes: int | None = None
    """Received by the small data check."""
    data_s: float | None = None
    data_ok: bool | None = None
    interface: str | None = None
    radio: TestRadio = TestRadio()
    host: HostLoad = HostLoad()
    server_check: ServerCheck = ServerCheck()
