"""The most a test can cost in data, from its profile. No I/O."""

from drivers.traffic.profile import LatencyProfile, Profile, ThroughputProfile, VideoProfile

ASSUMED_BITS_PER_SECOND = 300e6
"""Nothing that a probe measures with is faster for long: what USB 2.0 carries."""
OVERHEAD = 1.1
"""Headers, acknowledgements and what is sent again, on top of the payload."""
HANDSHAKE_BYTES = 10_000
"""Names, connections, results that are exchanged: of each test."""
ROUND_TRIP_BYTES = 2_000
"""One small request and its answer."""


def most_bytes(profile: Profile, *, assumed_bits_per_second: float) -> int:
    """Both ways together, on a link of the assumed speed."""
    match profile:
        case ThroughputProfile():
            payload = assumed_bits_per_second * (profile.warmup_s + profile.window_s) / 8
        case VideoProfile():
            payload = float(profile.segment_bytes * profile.segments)
        case LatencyProfile():
            payload = float(profile.data_bytes + ROUND_TRIP_BYTES * (profile.count + 1))
    return HANDSHAKE_BYTES + round(OVERHEAD * payload)
