"""One latency and data check: is this a service, not only a level."""

import msgspec

from wire.cells import TestRadio
from wire.evidence import HostLoad, ServerCheck

SCHEMA = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A few small requests bound to one modem."""

    server: str | None = None
    address: str | None = None
    """Of the server, as it was used."""
    address_family: str | None = None
    """`ipv4` or `ipv6`."""
    dns_ms: float | None = None
    """How long the name took, lost queries included; None where the server is an address. Asked
    over the modem, it is this that pays the radio wake-up."""
    dns_server: str | None = None
    """Who answered over the modem; None where the computer's own resolver was asked."""
    method: str
    """`http` (request for an empty body, i-Speed style), `tcp` (handshake) or `icmp` (echo)."""
    sent: int
    received: int
    lost: tuple[int, ...] = ()
    """Numbers of the samples that were not answered in time; 0 is the first."""
    loss_share: float | None = None
    """Of `sent`, the first sample included (RFC 7680 3.3 as a share)."""
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
    """Whether the whole body came."""
    interface: str | None = None
    radio: TestRadio = TestRadio()
    host: HostLoad = HostLoad()
    server_check: ServerCheck = ServerCheck()
