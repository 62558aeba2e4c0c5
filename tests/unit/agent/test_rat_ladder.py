import pytest

from agent.rat_ladder import STEPS, Effect, News, RatLadder
from agent.rungs import Rung
from agent.ticks import NS_PER_S

S = NS_PER_S


@pytest.fixture
def ladder():
    return RatLadder(lambda _: True)


def climb(ladder, effect=Effect.CONTRARY, *, start_s=0, seconds=200):
    """What comes of a look each second, with its second."""
    seen = ((at_s, ladder.see(effect, at_s * S)) for at_s in range(start_s, start_s + seconds))
    return [(at_s, found) for at_s, found in seen if found is not None]


def test_radio_then_reset_then_nothing_more(ladder):
    assert climb(ladder, seconds=10_000) == [
        (30, Rung.RADIO),
        (90, Rung.RESET),
        (150, News.INEFFECTIVE),
    ]
    assert ladder.tried == ("radio off and on", "modem reset")


def test_a_lock_that_agrees_is_left_alone(ladder):
    assert climb(ladder, Effect.AGREED) == []


def test_a_gap_of_the_network_is_left_alone(ladder):
    assert climb(ladder, Effect.OPEN) == []


def test_one_look_in_between_that_says_nothing_begins_the_wait_anew(ladder):
    assert climb(ladder, seconds=29) == []
    ladder.see(Effect.OPEN, 29 * S)
    assert climb(ladder, start_s=30, seconds=30) == []
    assert climb(ladder, start_s=60, seconds=2) == [(60, Rung.RADIO)]


def test_it_works_after_all_is_told_once_and_only_if_the_contrary_was(ladder):
    climb(ladder, seconds=100)
    assert ladder.see(Effect.AGREED, 100 * S) is None
    climb(ladder, start_s=101)
    assert ladder.see(Effect.AGREED, 400 * S) is News.EFFECTIVE
    assert ladder.see(Effect.AGREED, 401 * S) is None


def test_a_modem_that_comes_back_from_a_rung_goes_on_where_it_was(ladder):
    climb(ladder, seconds=91)
    ladder.attach(written=False)
    assert climb(ladder, start_s=100) == [(160, News.INEFFECTIVE)]


def test_a_modem_that_comes_back_by_itself_begins_at_the_bottom_and_is_not_told_twice(ladder):
    climb(ladder)
    ladder.attach(written=True)
    assert ladder.doubts_silence
    assert climb(ladder, start_s=1000) == [(1030, Rung.RADIO), (1090, Rung.RESET)]


def test_another_lock_begins_at_the_bottom(ladder):
    climb(ladder)
    ladder.ask(written=True)
    found = climb(ladder, start_s=1000)
    assert [step for _, step in found] == [Rung.RADIO, Rung.RESET, News.INEFFECTIVE]


def test_what_was_tried_a_short_while_ago_is_passed_over():
    ladder = RatLadder(lambda rung: rung is Rung.RESET)
    assert climb(ladder) == [(90, Rung.RESET), (150, News.INEFFECTIVE)]
    assert ladder.tried == ("radio off and on (not again so soon)", "modem reset")
    nothing = RatLadder(lambda _: False)
    assert climb(nothing) == [(150, News.INEFFECTIVE)]


def test_silence_is_doubted_only_from_the_writing_to_the_first_agreement(ladder):
    assert not ladder.doubts_silence
    ladder.attach(written=True)
    assert ladder.doubts_silence
    ladder.see(Effect.AGREED, 0)
    assert not ladder.doubts_silence


def test_the_last_step_tries_nothing():
    assert [step.rung for step in STEPS] == [Rung.RADIO, Rung.RESET, None]
