import socket
import time

import pytest

from agent.publisher.errors import UnansweredError
from agent.publisher.ways import (
    INTERACTIVE,
    LOW_DELAY,
    Way,
    first_to_answer,
    unanswered_s,
    why_unusable,
)

NOBODY = "192.0.2.1"
"""TEST-NET-1 (RFC 5737)."""


def way(address="127.0.0.1", interface=None):
    return Way(path=interface, interface=interface, address=address)


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


@pytest.fixture
def port(listener):
    return listener.getsockname()[1]


def answer(ways, port, go_on=lambda: True):
    found, connection = first_to_answer(ways, port, go_on=go_on)
    connection.close()
    return found


def test_the_first_way_that_works_is_taken(port):
    assert answer([way(), way("127.0.0.2")], port).address == "127.0.0.1"


def test_a_refusal_is_not_waited_for(port):
    began_s = time.monotonic()
    assert answer([way("127.0.0.2"), way()], port).address == "127.0.0.1"
    assert time.monotonic() - began_s < 0.2


def test_an_interface_that_is_not_there_is_passed_over(port):
    assert answer([way(interface="nowhere9"), way(interface="lo")], port).interface == "lo"


def test_where_nobody_answers_the_last_reason_is_told(port):
    with pytest.raises(UnansweredError, match="connection refused"):
        answer([way("127.0.0.2"), way("127.0.0.3")], port)
    with pytest.raises(UnansweredError, match="nowhere9: there is no such interface"):
        answer([way(interface="nowhere9")], port)
    with pytest.raises(UnansweredError, match="no path"):
        answer([], port)


def test_nobody_waits_on_when_it_is_not_wanted_any_more(port):
    began_s = time.monotonic()
    with pytest.raises(UnansweredError):
        answer([way(NOBODY)], port, go_on=lambda: False)
    assert time.monotonic() - began_s < 1.0


def test_a_connection_asks_to_go_before_a_tests_packets(port):
    _, connection = first_to_answer([way()], port, go_on=lambda: True)
    with connection:
        assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY) == INTERACTIVE
        assert connection.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == LOW_DELAY


def test_an_idle_connection_waits_for_nothing(listener, port):
    _, connection = first_to_answer([way()], port, go_on=lambda: True)
    with connection, listener.accept()[0] as other:
        assert unanswered_s(connection) is None
        connection.sendall(b"hello")
        assert other.recv(5) == b"hello"
        assert unanswered_s(connection) is None


def test_an_interface_without_a_carrier_or_address_says_so():
    assert why_unusable("lo", socket.AF_INET) is None
    assert why_unusable("nowhere9", socket.AF_INET) == "there is no such interface"
    assert why_unusable("lo", socket.AF_INET6) == "it has no IPv6 address"
