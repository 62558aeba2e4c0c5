"""One video session against segments of known size: what a viewer would have got."""

import msgspec

from wire.cells import TestRadio
from wire.evidence import HostLoad, ServerCheck

SCHEMA = 1


class Segment(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One segment request."""

    index: int
    height: int
    media_s: float
    """Play time it holds."""
    payload_bytes: int
    """Received, also when the request was cut."""
    requested_s: float
    """Since the session started."""
    first_byte_s: float | None = None
    """Request to first byte; None if none came."""
    outstanding_s: float
    """Request to last byte, or to the failure."""
    complete: bool = True


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One video session attempt.

    `bits_per_second` is the download rate of targets T5 and T6: media payload bits over the time
    during which a segment request was outstanding; idle time between segments does not count.
    """

    height: int
    """Of the profile: 1080 or 2160."""
    server: str | None = None
    media_s: float
    """Planned play time."""
    payload_bytes: int | None = None
    outstanding_s: float | None = None
    bits_per_second: float | None = None
    access_s: float | None = None
    """Request to playback start: the simulated buffer first reaches its threshold."""
    stalls: int | None = None
    stall_total_s: float | None = None
    stall_longest_s: float | None = None
    played_s: float | None = None
    cut_off: bool = False
    segments: tuple[Segment, ...] = ()
    interface: str | None = None
    interface_rx_bytes: int | None = None
    radio: TestRadio = TestRadio()
    host: HostLoad = HostLoad()
    server_check: ServerCheck = ServerCheck()
