"""Traffic tests over one modem: `(profile, server, path, cancel, on_progress) -> TestResult`.

A failing network is a result with its reason, never an exception. Every test ends by its own
deadline, and about a second after `cancel` is set.
"""

from drivers.traffic.netpath import NetPath
from drivers.traffic.ping import run_latency
from drivers.traffic.profile import (
    LatencyProfile,
    Profile,
    ProfileError,
    ThroughputProfile,
    VideoProfile,
    load_profile,
    load_profiles,
)
from drivers.traffic.result import OnProgress, Progress, Server, TestResult, TrafficError
from drivers.traffic.throughput import run_throughput
from drivers.traffic.video import run_video

__all__ = [
    "LatencyProfile",
    "NetPath",
    "OnProgress",
    "Profile",
    "ProfileError",
    "Progress",
    "Server",
    "TestResult",
    "ThroughputProfile",
    "TrafficError",
    "VideoProfile",
    "load_profile",
    "load_profiles",
    "run_latency",
    "run_throughput",
    "run_video",
]
