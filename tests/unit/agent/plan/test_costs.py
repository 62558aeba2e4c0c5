from pathlib import Path

import msgspec
import pytest

from agent.activities import activities
from agent.activities._profiles import profile_folder
from agent.config import Server
from agent.plan.costs import cost, most_bytes
from agent.plan.planning import Planning
from drivers.traffic.profile import ScanProfile, load_profiles

PROFILES = {
    name: profile
    for name, profile in load_profiles(Path(profile_folder())).items()
    if not isinstance(profile, ScanProfile)
}


def of(name, **planning):
    return cost(PROFILES[name], Planning(**planning))


def test_a_capacity_test_costs_the_assumed_rate_times_its_seconds():
    assert of("tcp-6x10s-down")[:2] == (75_000_000, 0)
    assert of("tcp-6x10s-up")[:2] == (0, 30_000_000)
    assert of("http-4x3s-down", assumed_down_mbit_s=100.0).down_bytes == 50_000_000
    most = most_bytes(PROFILES["tcp-6x10s-down"], assumed_bits_per_second=100e6)
    assert most == pytest.approx(1.1 * 12 * 100e6 / 8, rel=0.001)


def test_video_and_latency_know_their_bytes():
    assert of("video-1080p")[:2] == (12_500_000, 0)
    assert of("video-2160p").down_bytes == 62_500_000
    assert of("latency")[:2] == (100_000, 0)
    assert most_bytes(PROFILES["video-2160p"]) == pytest.approx(1.1 * 62.5e6, rel=0.001)
    assert 110_000 < most_bytes(PROFILES["latency"]) < 200_000


def test_a_scan_costs_time_only():
    assert cost(None, Planning())[:2] == (0, 0)
    assert cost(None, Planning()).usual_s > 30


def test_no_profile_usually_takes_longer_than_it_may():
    for name, profile in PROFILES.items():
        assert 0 < of(name).usual_s <= profile.deadline_s


def test_what_is_reserved_is_never_less_than_what_is_expected():
    for name, profile in PROFILES.items():
        expected = of(name)
        assert most_bytes(profile) > expected.down_bytes + expected.up_bytes


def test_small_datagrams_are_reserved_with_their_headers():
    small = msgspec.structs.replace(PROFILES["udp-5m-down"], udp_payload_bytes=256)
    packets = small.udp_bits_per_second / 8 * small.planned_s / 256
    ipv6_and_udp = 48
    assert most_bytes(small) > packets * (256 + ipv6_and_udp)


@pytest.mark.parametrize("name", ["throughput", "video", "latency"])
def test_every_test_that_takes_data_says_how_much(name):
    server = Server(name="main", iperf_host="127.0.0.1", http_url="http://127.0.0.1:8080")
    ready = activities()[name].prepare(profile=None, server=server, folder=None)
    assert ready.most_bytes > 100_000
