import random
import statistics

import pytest

from drivers.traffic.early_stop import DATA_CAP, STABLE, Watch, mean_half_width
from drivers.traffic.profile import EarlyStop


def run(rules, rates, *, window_s=10.0, looks=10):
    """Seconds after which it stops, and why, for the rates of successive seconds."""
    watch = Watch(rules, window_s=window_s, interval_s=1.0)
    moved = 0.0
    for number, rate in enumerate(rates):
        for look in range(looks):
            at = number + look / looks
            why = watch.look(window_s=at, window_bytes=round(moved), total_bytes=round(moved))
            if why is not None:
                return at, why
            moved += rate / 8 / looks
    return None


def test_without_rules_nothing_stops_a_test():
    assert run(EarlyStop(), [1e9] * 20) is None


def test_a_certain_yes_needs_the_payload_of_the_whole_window():
    rules = EarlyStop(at_least_bits_per_second=5e6)
    at, why = run(rules, [50e6] * 10)
    assert why == "at least 5 Mbit/s"
    assert at == pytest.approx(1.1)  # 50 Mbit, and a hundredth more
    assert run(rules, [5e6] * 10) is None
    assert run(rules, [100e3] * 10) is None  # a late rush could still reach it


def test_a_certain_no_needs_to_know_what_the_link_can_do():
    rules = EarlyStop(at_least_bits_per_second=40e6, max_bits_per_second=100e6)
    at, why = run(rules, [10e6] * 10)
    assert why == "below 40 Mbit/s"
    assert at == pytest.approx(6.7)  # 67 + 3.3 * 100 < 400
    assert run(rules, [41e6] * 8) is None


def test_a_steady_rate_is_known_after_the_least_window():
    at, why = run(EarlyStop(stable_share=0.05, min_window_s=4), [20e6] * 10)
    assert (why, at) == (STABLE, pytest.approx(4, abs=0.11))


def test_a_rate_that_still_climbs_is_not_stable():
    climbing = [n * 1e6 for n in range(10, 20)]
    assert run(EarlyStop(stable_share=0.05), climbing) is None


def test_neighbours_that_resemble_each_other_count_for_less():
    slow_wave = [10, 10, 10, 12, 12, 12, 10, 10, 10, 12, 12, 12]
    quick_wave = [10, 12] * 6
    assert mean_half_width(slow_wave) > 1.5 * mean_half_width(quick_wave)


def test_the_limits_hold_the_true_mean_about_as_often_as_they_say():
    seed = random.Random(4)  # noqa: S311 - no secret
    held = 0
    for _ in range(1000):
        rates = [seed.gauss(100, 20) for _ in range(10)]
        half = mean_half_width(rates)
        held += half is None or abs(statistics.fmean(rates) - 100) <= half
    assert 940 <= held <= 995


def test_too_few_intervals_say_nothing():
    assert mean_half_width([10.0, 10.0, 10.0]) is None


def test_the_cap_is_met_by_looking_ahead():
    rules = EarlyStop(max_bytes=10_000_000)
    at, why = run(rules, [80e6] * 10)
    assert why == DATA_CAP
    assert at == pytest.approx(0.9)


def test_the_cap_holds_in_the_warm_up():
    watch = Watch(EarlyStop(max_bytes=1000), window_s=10, interval_s=1)
    assert watch.look(window_s=None, window_bytes=0, total_bytes=400) is None
    assert watch.look(window_s=None, window_bytes=0, total_bytes=700) == DATA_CAP
