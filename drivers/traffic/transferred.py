"""What the tool of a capacity test measured, before it is judged."""

import msgspec

from drivers.traffic.iperf import UdpCount
from drivers.traffic.result import TrafficError
from wire.kinds.throughput import Interval


class Transferred(msgspec.Struct, frozen=True, kw_only=True):
    """Payload by intervals, what the far end counted, and how it ended."""

    intervals: tuple[Interval, ...] = ()
    received_bytes: int | None = None
    """In the window, as the far end counted, where that is better than our own intervals."""
    received_s: float | None = None
    total_bytes: int | None = None
    """Of the whole test, where more is known of it than the intervals."""
    acknowledged: bool = False
    """Whether an upload's intervals count what the far end has confirmed."""
    retransmits: int | None = None
    udp: UdpCount | None = None
    server_received_bytes: int | None = None
    stopped: str | None = None
    """Why the test was ended early on purpose."""
    error: TrafficError | None = None
