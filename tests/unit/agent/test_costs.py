from pathlib import Path

import pytest

from agent.activities import activities
from agent.config import Server
from agent.costs import most_bytes
from drivers.traffic.profile import load_profiles

PROFILES = load_profiles(Path("config/profiles"))


def test_a_capacity_test_costs_rate_times_time():
    cost = most_bytes(PROFILES["tcp-6x10s-down"], assumed_bits_per_second=100e6)
    assert cost == pytest.approx(1.1 * 12 * 100e6 / 8, rel=0.001)


def test_a_video_costs_its_segments_and_a_check_its_download():
    video = most_bytes(PROFILES["video-2160p"], assumed_bits_per_second=1e12)
    assert video == pytest.approx(1.1 * 62.5e6, rel=0.001)
    check = most_bytes(PROFILES["latency"], assumed_bits_per_second=1e12)
    assert 110_000 < check < 200_000


@pytest.mark.parametrize("name", ["throughput", "video", "latency"])
def test_every_test_that_takes_data_says_how_much(name):
    server = Server(name="main", iperf_host="127.0.0.1", http_url="http://127.0.0.1:8080")
    ready = activities()[name].prepare(profile=None, server=server, folder=None)
    assert ready.most_bytes > 100_000
