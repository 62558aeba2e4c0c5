import pytest

from agent.publisher.goodput import FIRST_BYTES_PER_S, LEAST_BATCH_BYTES, Goodput

MOST = 64 << 10


@pytest.fixture
def goodput():
    return Goodput(most_batch_bytes=MOST)


class Wire:
    """A link of a rate: one batch after the other, and then the way back."""

    def __init__(self, bytes_per_s, round_trip_s):
        self.bytes_per_s = bytes_per_s
        self.round_trip_s = round_trip_s
        self.free_s = 0.0
        self.coming = []

    def carry(self, goodput, seconds):
        """Keep the window full for so long; the bytes that arrived."""
        now_s, mid, arrived = self.free_s, 0, 0
        until_s = now_s + seconds
        while now_s < until_s:
            while goodput.has_room:
                mid += 1
                size = goodput.batch_bytes
                goodput.sent(mid, size, now_s)
                self.free_s = max(self.free_s, now_s) + size / self.bytes_per_s
                self.coming.append((self.free_s + self.round_trip_s, mid, size))
            now_s, done, size = self.coming.pop(0)
            arrived += size
            goodput.confirmed(done, now_s)
        return arrived


@pytest.mark.parametrize("bytes_per_s", [1_000, 8_000, 125_000, 4_000_000])
@pytest.mark.parametrize("round_trip_s", [0.02, 0.3])
def test_a_batch_takes_about_a_second_of_any_link(goodput, bytes_per_s, round_trip_s):
    Wire(bytes_per_s, round_trip_s).carry(goodput, 60.0)
    fits = min(max(bytes_per_s, LEAST_BATCH_BYTES), MOST)
    assert fits / 2 <= goodput.batch_bytes <= 2 * fits


@pytest.mark.parametrize("bytes_per_s", [8_000, 125_000, 500_000])
def test_a_link_is_used_well(goodput, bytes_per_s):
    wire = Wire(bytes_per_s, 0.1)
    wire.carry(goodput, 10.0)
    assert wire.carry(goodput, 10.0) > 0.8 * 10.0 * bytes_per_s


def test_a_link_that_becomes_slow_gets_smaller_batches(goodput):
    wire = Wire(500_000, 0.05)
    wire.carry(goodput, 10.0)
    assert goodput.batch_bytes == MOST
    wire.bytes_per_s, wire.round_trip_s = 4_000, 0.5
    wire.carry(goodput, 120.0)
    assert goodput.batch_bytes < 10_000


def test_a_batch_that_is_never_confirmed_lowers_what_is_believed(goodput):
    goodput.sent(1, 16_000, 0.0)
    goodput.look(3.0)
    assert goodput.bytes_per_s == FIRST_BYTES_PER_S
    goodput.look(160.0)
    assert goodput.bytes_per_s == 100.0
    assert not goodput.has_room


def test_small_batches_on_a_fast_link_say_nothing_against_it(goodput):
    Wire(500_000, 0.05).carry(goodput, 10.0)
    believed = goodput.bytes_per_s
    for mid in range(100, 110):
        goodput.sent(mid, 300, float(mid))
        goodput.confirmed(mid, mid + 0.1)
    assert goodput.bytes_per_s == believed


def test_one_quick_answer_does_not_make_a_fast_link(goodput):
    goodput.sent(1, 16_000, 0.0)
    goodput.confirmed(1, 0.001)
    assert goodput.bytes_per_s == 2 * FIRST_BYTES_PER_S


def test_there_is_always_room_for_one_batch(goodput):
    goodput.bytes_per_s = 1.0
    assert goodput.has_room
    goodput.sent(1, goodput.batch_bytes, 0.0)
    assert not goodput.has_room


def test_what_was_not_sent_on_this_link_is_nothing_to_go_by(goodput):
    goodput.confirmed(7, 1.0)
    assert goodput.bytes_per_s == FIRST_BYTES_PER_S
