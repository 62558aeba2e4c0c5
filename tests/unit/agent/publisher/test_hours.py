import pytest

from agent.publisher.hours import Hours
from wire.messages import ClockState


def asks(hours, state, seconds):
    return [now_s for now_s in range(seconds) if hours.is_due(state, now_s)]


@pytest.mark.parametrize("state", [ClockState.UNSYNCED, ClockState.RESTORED])
def test_an_unknown_time_is_asked_for_again_and_again_but_not_hastily(state):
    assert asks(Hours(), state, 300) == [0, 2, 6, 14, 30, 62, 122, 182, 242]


@pytest.mark.parametrize("state", [ClockState.GPS, ClockState.NTP])
def test_who_knows_the_time_does_not_ask(state):
    assert asks(Hours(), state, 4000) == []


def test_a_time_that_only_the_collector_tells_is_asked_for_hourly():
    hours = Hours()
    hours.answered(0.0)
    assert asks(hours, ClockState.COLLECTOR, 3700)[:1] == [3600]


def test_two_minutes_of_silence_are_somebodys_business():
    hours = Hours()
    asks(hours, ClockState.UNSYNCED, 100)
    assert not hours.nobody_answers
    asks(hours, ClockState.UNSYNCED, 200)
    assert hours.nobody_answers
    hours.answered(200.0)
    assert not hours.nobody_answers
