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
    media_bits_per_second: float | None = None
    """Of the media: its bytes over its play time; as the manifest declares it when cut."""
    init_bytes: int | None = None
    """Of `payload_bytes`: what a decoder needs first, where this request fetched it too."""


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One video session attempt.

    `bits_per_second` is the download rate of targets T5 and T6: media payload bits over the time
    during which a segment request was outstanding; idle time between segments does not count.
    Names in parentheses are the parameters of ETSI TR 101 578. An attempt that is not `invalid`
    and has no `access_s` is a video access failure, one without `ip_access_s` a failure of the
    IP-service access as well; a paced one plays nothing and has only the latter.
    """

    height: int
    """Of the profile: 1080 or 2160."""
    server: str | None = None
    protocol: str = "synthetic"
    """`synthetic` (segments of the profile's size), `dash`, `hls` or `paced` (one body)."""
    adaptation: str | None = None
    """How the player chose among heights: `fixed`, `throughput` or `buffer`."""
    media_s: float
    """Planned play time; of a paced attempt its window."""
    payload_bytes: int | None = None
    manifest_bytes: int | None = None
    """Of manifests and playlists, beside `payload_bytes`."""
    outstanding_s: float | None = None
    bits_per_second: float | None = None
    ip_access_s: float | None = None
    """Start to the first byte of media, name look-up, connecting and manifest included
    (video IP-service access time)."""
    access_s: float | None = None
    """Request to playback start: the simulated buffer first reaches its threshold
    (video access time)."""
    stalls: int | None = None
    """(Video freeze occurrences)."""
    stall_total_s: float | None = None
    """(Accumulated video freezing duration)."""
    stall_longest_s: float | None = None
    """(Maximum video freezing duration)."""
    stall_share: float | None = None
    """Of the time from playback start to its end (video freezing time proportion)."""
    played_s: float | None = None
    played_bits_per_second: float | None = None
    """Mean rate of the media that was played, each weighted with its play time."""
    played_height: float | None = None
    """Mean height of the same, weighted likewise."""
    share_1080: float | None = None
    """Of play time: at a height of 1080 or more."""
    share_2160: float | None = None
    """Of play time: at a height of 2160 or more."""
    switches: int | None = None
    """Changes from one representation to another."""
    cut_off: bool = False
    """Playback began and the session ended before its planned end (video session cut-off)."""
    answer: bool | None = None
    """Of a paced attempt: whether the target rate was reached in the window; None if unknown."""
    answer_error_share: float | None = None
    """A steady link so much faster than the target may still have been answered no: the timing's
    error and the share of the window that passed before the first byte."""
    paced_bits_per_second: float | None = None
    """No more than this was read, so the link may have been faster."""
    early_stop: bool = False
    """A paced attempt was stopped because its target could not be reached any more."""
    data_capped: bool = False
    """Stopped because the data this attempt was allowed were used up."""
    segments: tuple[Segment, ...] = ()
    interface: str | None = None
    interface_rx_bytes: int | None = None
    radio: TestRadio = TestRadio()
    host: HostLoad = HostLoad()
    server_check: ServerCheck = ServerCheck()
