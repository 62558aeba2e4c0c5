"""One capacity test in one direction: how many bits a second the network carried."""

import msgspec

from wire.cells import TestRadio
from wire.evidence import HostLoad, ServerCheck

SCHEMA = 1


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """Payload of all streams in one interval, warm-up included and marked."""

    start_s: float
    """Since the first byte was asked for."""
    duration_s: float
    payload_bytes: int
    warmup: bool = False


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fixed-duration capacity test: payload of k connections in a window after warm-up.

    `bits_per_second` = 8 * `payload_bytes` / `window_s`, TCP payload (application bytes), in the
    manner of TS 102 250-2 and the BEREC methodology. If the link dies inside the window the rest
    of it counts with zero bytes and `cut_off` is set.
    """

    direction: str
    """`down` or `up`, seen from the probe."""
    protocol: str = "tcp"
    server: str | None = None
    streams: int
    warmup_s: float
    window_s: float
    payload_bytes: int | None = None
    """Inside the window only; None when the test never reached it."""
    bits_per_second: float | None = None
    intervals: tuple[Interval, ...] = ()
    retransmits: int | None = None
    cut_off: bool = False
    early_stop: bool = False
    interface: str | None = None
    interface_rx_bytes: int | None = None
    """What the network interface counted during the whole test: the path proof."""
    interface_tx_bytes: int | None = None
    total_payload_bytes: int | None = None
    """Warm-up included: what the data budget pays for."""
    radio: TestRadio = TestRadio()
    host: HostLoad = HostLoad()
    server_check: ServerCheck = ServerCheck()
