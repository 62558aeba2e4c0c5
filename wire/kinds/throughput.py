"""One capacity test in one direction: how many bits a second the network carried."""

from enum import StrEnum

import msgspec

from wire.cells import TestRadio
from wire.evidence import HostLoad, ServerCheck

SCHEMA = 1


class Direction(StrEnum):
    """Seen from the probe."""

    DOWN = "down"
    UP = "up"


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of all streams in one interval, warm-up included and marked.

    Downwards what was read, upwards what the far end had acknowledged, by UDP what was sent.
    """

    start_s: float
    """Since the first byte was asked for."""
    duration_s: float
    payload_bytes: int
    warmup: bool = False


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fixed-duration capacity test: payload of k connections in a window after warm-up.

    `bits_per_second` = 8 * `payload_bytes` / `window_s`, TCP or UDP payload (application bytes)
    as it was received, in the manner of TS 102 250-2 and the BEREC methodology. If the link dies
    inside the window the rest of it counts with zero bytes and `cut_off` is set.
    """

    direction: Direction
    protocol: str = "tcp"
    server: str | None = None
    streams: int
    warmup_s: float
    window_s: float
    """As it was run: shorter than planned after an early stop."""
    planned_window_s: float | None = None
    payload_bytes: int | None = None
    """Inside the window only; None when the test never reached it."""
    bits_per_second: float | None = None
    intervals: tuple[Interval, ...] = ()
    retransmits: int | None = None
    cut_off: bool = False
    early_stop: bool = False
    """Ended on purpose before its window did; the outcome is `ok` all the same."""
    early_stop_reason: str | None = None
    """`at least 5 Mbit/s`, `below 5 Mbit/s`, `stable` or `data cap`."""
    udp_bits_per_second: float | None = None
    """UDP payload that was sent each second, as the profile asks."""
    udp_payload_bytes: int | None = None
    """Of one datagram."""
    udp_packets: int | None = None
    """Datagrams sent in the window, as the receiver tells by their numbers."""
    udp_lost_packets: int | None = None
    """Of these, how many the receiver missed between those that came."""
    udp_out_of_order_packets: int | None = None
    udp_loss_share: float | None = None
    """`udp_lost_packets` / `udp_packets`."""
    jitter_ms: float | None = None
    """Smoothed interarrival jitter at the end (RFC 3550, 6.4.1, as iperf3 computes it), the mean
    of the streams."""
    server_received_bytes: int | None = None
    """Uploads by HTTP: what the server said it got in the bodies that were finished."""
    interface: str | None = None
    interface_rx_bytes: int | None = None
    """What the network interface counted during the whole test: the path proof."""
    interface_tx_bytes: int | None = None
    total_payload_bytes: int | None = None
    """Warm-up included: what the data budget pays for."""
    radio: TestRadio = TestRadio()
    host: HostLoad = HostLoad()
    server_check: ServerCheck = ServerCheck()
