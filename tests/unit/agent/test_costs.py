from pathlib import Path

from agent.activities._profiles import profile_folder
from agent.costs import cost
from agent.planning import Planning
from drivers.traffic.profile import load_profiles

PROFILES = load_profiles(Path(profile_folder()))


def of(name, **planning):
    return cost(PROFILES[name], Planning(**planning))


def test_a_capacity_test_costs_the_assumed_rate_times_its_seconds():
    assert of("tcp-6x10s-down")[:2] == (75_000_000, 0)
    assert of("tcp-6x10s-up")[:2] == (0, 30_000_000)
    assert of("http-4x3s-down", assumed_down_mbit_s=100.0).down_bytes == 50_000_000


def test_video_and_latency_know_their_bytes():
    assert of("video-1080p")[:2] == (12_500_000, 0)
    assert of("video-2160p").down_bytes == 62_500_000
    assert of("latency")[:2] == (100_000, 0)


def test_a_scan_costs_time_only():
    assert cost(None, Planning())[:2] == (0, 0)
    assert cost(None, Planning()).usual_s > 30


def test_no_profile_usually_takes_longer_than_it_may():
    for name, profile in PROFILES.items():
        assert 0 < of(name).usual_s <= getattr(profile, "deadline_s", 60.0)
