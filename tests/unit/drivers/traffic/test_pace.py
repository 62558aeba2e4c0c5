"""When the answer to "at least the target?" is certain, and that the rate agrees with it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.traffic.pace import BURST_S, ERROR_SHARE, Bucket, Pace

T5 = Pace(target_bits_per_second=5_000_000, window_s=5, factor=1.5)
MEGA = 1_000_000


def test_the_body_is_what_the_target_carries_in_the_window():
    assert T5.body_bytes == 3_125_000
    assert T5.bits_per_second == 7_500_000


@pytest.mark.parametrize(
    ("received_bytes", "elapsed_s", "answer"),
    [
        (3_125_000, 3.34, True),
        (3_125_000, 5.0, True),
        (3_125_000, 5.001, False),  # too late
        (3_124_999, 5.0, False),
        (3_124_999, 4.999, None),
        (0, 1.0, None),
        (0, 1.7, None),
        (0, 1.8, False),  # 3.3 s are left, and no more than 7.5 Mbit/s may come
    ],
)
def test_an_answer_is_given_as_soon_as_it_is_certain(received_bytes, elapsed_s, answer):
    assert T5.answer(received_bytes, elapsed_s) is answer


@pytest.mark.parametrize(("rate_mbit_s", "at_s"), [(4.5, 4.417), (2.5, 2.65), (0.5, 1.8934)])
def test_a_slow_link_is_answered_before_the_window_ends(rate_mbit_s, at_s):
    just_before, at = (
        T5.answer(int(rate_mbit_s * MEGA / 8 * now_s), now_s)
        for now_s in (at_s - 0.01, at_s + 0.01)
    )
    assert (just_before, at) == (None, False)


paces = st.builds(
    Pace,
    target_bits_per_second=st.integers(100_000, 200_000_000),
    window_s=st.floats(5, 60),
    factor=st.floats(1.2, 4),
)


@given(paces, st.floats(0.001, 1.2), st.floats(0, 1.2), st.integers(-3, 3))
def test_the_rate_lies_on_the_side_of_the_target_that_the_answer_says(
    pace, of_window, of_body, more
):
    elapsed_s = of_window * pace.window_s
    at_target = round(pace.target_bits_per_second * elapsed_s / 8)
    for received in (round(of_body * pace.body_bytes), max(0, at_target + more)):
        answer = pace.answer(received, elapsed_s)
        if answer is not None:
            assert (8 * received / elapsed_s >= pace.target_bits_per_second) is answer


@given(paces, st.floats(0, 1), st.floats(0, 1))
def test_a_no_is_never_taken_back(pace, of_window, of_body):
    """Whatever comes later at the pace, allowance for a late reader included."""
    elapsed_s, received = of_window * pace.window_s, round(of_body * pace.body_bytes)
    if pace.answer(received, elapsed_s) is False and elapsed_s < pace.window_s:
        left_s = Fraction(pace.window_s) - Fraction(elapsed_s) + Fraction(BURST_S)
        most = received + Fraction(pace.bits_per_second) * left_s / 8
        assert most < pace.body_bytes + 1


@given(paces, st.floats(0, 60))
def test_when_the_window_is_over_there_is_an_answer(pace, more_s):
    for received in (0, pace.body_bytes - 1, pace.body_bytes):
        assert pace.answer(received, pace.window_s + more_s) is not None


def test_a_late_first_byte_widens_the_error():
    assert T5.error_share(0) == ERROR_SHARE
    # Half a second late, a link must carry 25 Mbit in 4.5 s: 11 % more than the target.
    assert T5.error_share(0.5) == pytest.approx(ERROR_SHARE + 1 / 9)
    assert T5.error_share(None) is None
    assert T5.error_share(5) is None


@given(st.lists(st.tuples(st.integers(1, 65536), st.floats(0, 0.5)), min_size=1))
def test_a_reader_who_pauses_as_told_never_reads_faster_than_the_pace(pieces):
    bucket = Bucket(8_000_000)  # a megabyte a second
    now_s = 0.0
    read = 0
    for size, late_s in pieces:
        assert read <= MEGA * (now_s + BURST_S) + 1
        read += size
        now_s += bucket.pause_s(size, now_s=now_s) + late_s


def test_a_late_reader_catches_up_a_little():
    bucket = Bucket(8_000_000)
    assert bucket.pause_s(50_000, now_s=0) == pytest.approx(0.05)
    assert bucket.pause_s(50_000, now_s=0.12) == 0  # 70 ms late
    assert bucket.pause_s(50_000, now_s=0.12) == pytest.approx(0.03)
    assert bucket.pause_s(50_000, now_s=9) == 0  # long pauses are not saved up
    assert bucket.pause_s(100_000, now_s=9) == pytest.approx(0.05)
