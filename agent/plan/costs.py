"""What one run of a test costs, as expected and at most, in bytes and seconds. No I/O."""

from typing import NamedTuple

from agent.plan.planning import Planning
from drivers.traffic.profile import (
    LatencyProfile,
    Profile,
    Protocol,
    ScanProfile,
    ThroughputProfile,
    TrafficProfile,
    VideoProfile,
)
from wire.kinds.throughput import Direction

START_S = 2.0
"""Name look-up, connecting and, for iperf3, the child that runs it."""
ROUND_TRIP_S = 0.1
SCAN_S = 60.0
"""A modem with a few bands; +COPS=? may take three minutes."""
MOST_BITS_PER_SECOND = 300e6
"""Nothing that a probe measures with is faster for long: what USB 2.0 carries."""
OVERHEAD = 1.1
"""Headers, acknowledgements and what is sent again, on top of the payload."""
PACKET_BYTES = 60
"""Headers of IPv6 and UDP, and some of the link's: of each datagram, which may be small."""
HANDSHAKE_BYTES = 10_000
"""Names, connections, results that are exchanged: of each test."""
ROUND_TRIP_BYTES = 2_000
"""One small request and its answer."""


class Cost(NamedTuple):
    """Payload in bytes; what headers and lost packets add, some percent, is not in it."""

    down_bytes: int
    up_bytes: int
    usual_s: float
    """How long it takes on a link that is as good as its profile wants it."""


def cost(settings: Profile | None, planning: Planning) -> Cost:
    """The bytes of one whole run with this profile; None is a test without one, a scan.

    A capacity test loads what the link gives: the rate is assumed. The others know their bytes,
    but for sessions by a manifest: those are of about so many (`most_bytes` has the bound).
    """
    match settings:
        case ThroughputProfile():
            return _throughput(settings, planning)
        case VideoProfile():
            return _video(settings)
        case LatencyProfile():
            return _latency(settings)
        case ScanProfile() | None:
            return Cost(0, 0, SCAN_S)


def _throughput(profile: ThroughputProfile, planning: Planning) -> Cost:
    down = profile.direction is Direction.DOWN
    rate_mbit_s = planning.assumed_down_mbit_s if down else planning.assumed_up_mbit_s
    payload_bytes = _capacity_bytes(profile, rate_mbit_s * 1e6)
    return Cost(
        payload_bytes if down else 0, 0 if down else payload_bytes, START_S + profile.planned_s
    )


def _capacity_bytes(profile: ThroughputProfile, assumed_bits_per_second: float) -> int:
    rate = profile.udp_bits_per_second or assumed_bits_per_second
    payload_bytes = round(rate / 8 * profile.planned_s)
    cap_bytes = profile.early_stop.max_bytes
    return payload_bytes if cap_bytes is None else min(payload_bytes, cap_bytes)


def _video(profile: VideoProfile) -> Cost:
    # Beyond a full buffer the player only loads as fast as it plays; a paced one has none.
    playing_s = 0.0 if profile.paced is not None else profile.media_s - profile.buffer_s
    usual_s = START_S + max(profile.planned_s, playing_s)
    return Cost(profile.planned_bytes, 0, min(usual_s, profile.deadline_s))


def _latency(profile: LatencyProfile) -> Cost:
    round_trips_s = (profile.count + 1) * ROUND_TRIP_S + profile.count * profile.interval_s
    return Cost(profile.data_bytes, 0, START_S + round_trips_s)


def most_bytes(
    profile: TrafficProfile, *, assumed_bits_per_second: float = MOST_BITS_PER_SECOND
) -> int:
    """The most that a run may put on the interface, both ways together: what is reserved for it."""
    match profile:
        case ThroughputProfile():
            payload = _capacity_bytes(profile, assumed_bits_per_second)
            if profile.protocol is Protocol.UDP:
                payload = round(payload * (1 + PACKET_BYTES / profile.udp_payload_bytes))
        case VideoProfile():
            payload = profile.most_bytes
        case LatencyProfile():
            payload = profile.data_bytes + ROUND_TRIP_BYTES * (profile.count + 1)
    return HANDSHAKE_BYTES + round(OVERHEAD * payload)
