"""The drivers against the measurement server as it is shipped: slots, its control test, uploads."""

import threading
import time

import pytest

from drivers.traffic import NetPath, Server, run_throughput, run_video
from drivers.traffic.profile import Method
from sim.server import HttpServer
from sim.server.control import Control, ControlRates
from sim.server.listener import Services
from sim.server.slots import SlotRequest, Slots
from tests.unit.drivers.traffic.ends import capacity, paced, session
from wire.kinds.throughput import Direction
from wire.messages import Outcome

ANY = NetPath()
SMALL = {"media_bits_per_second": 1_000_000, "target_bits_per_second": 1_000_000}


@pytest.fixture
def slots():
    return Slots(http=1)


@pytest.fixture
def control():
    return Control("a token of the tests")


@pytest.fixture
def server(slots, control):
    with HttpServer("127.0.0.1", services=Services(slots=slots, control=control)) as far:
        yield Server(host="127.0.0.1", http_port=far.port, name="main")


@pytest.fixture
def other():
    with HttpServer("127.0.0.1", services=Services(slots=Slots(http=1))) as far:
        yield Server(host="127.0.0.1", http_port=far.port, name="other")


def watch(server, profile=None, **how):
    profile = profile or session(**SMALL, slot_wait_s=1.0)
    return run_video(profile, server, ANY, threading.Event(), **how)


def take_all(slots):
    """Somebody else is measuring."""
    asked = SlotRequest(probe="dn-99", method="http", seconds=60.0)
    return slots.take(asked, time.monotonic())


def test_a_session_holds_a_slot_and_gives_it_back(server, slots):
    first = watch(server)
    assert first.outcome is Outcome.OK, first.reason
    assert first.payload.server_check.slot is not None
    assert first.payload.server_check.name == "main"
    assert take_all(slots)


def test_a_paced_session_is_not_begun_on_a_busy_server(server, slots):
    take_all(slots)
    result = watch(server, paced(slot_wait_s=0.5))
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: busy")
    assert not result.payload.payload_bytes


def test_where_one_server_is_busy_the_session_is_played_from_the_other(server, other, slots):
    take_all(slots)
    result = watch(server, others=(other,))
    assert result.outcome is Outcome.OK, result.reason
    assert result.payload.server_check.name == "other"
    assert result.payload.server_check.tried == ("main: server: busy",)


def test_a_server_slower_than_twice_the_target_proves_nothing(server, control):
    rates = ControlRates(down_bits_per_second=1.5e6, up_bits_per_second=9e9)
    control.store(rates, time.monotonic())
    result = watch(server)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: control test 1.5 Mbit/s")
    assert result.payload.server_check.control_bits_per_second == 1.5e6


def test_an_upload_is_counted_by_both_ends(server):
    profile = capacity(
        method=Method.HTTP, direction=Direction.UP, upload_bytes=1 << 20, slot_wait_s=1.0
    )
    result = run_throughput(profile, server, ANY, threading.Event())
    assert result.outcome is Outcome.OK, result.reason
    assert result.payload.server_received_bytes
    assert result.payload.server_check.slot is not None
