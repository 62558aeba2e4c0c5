import threading

import pytest

from agent.publisher.errors import UnresolvedError
from agent.publisher.resolve import Resolver, system_lookup

DEADLINE_S = 10.0


def test_this_machine_is_found():
    assert "127.0.0.1" in Resolver("127.0.0.1", 8883).addresses(DEADLINE_S)
    assert system_lookup("127.0.0.1", 8883) == ("127.0.0.1",)


def test_a_dead_name_server_goes_by_the_last_answer():
    answers = iter([("192.0.2.1",)])

    def lookup(_host, _port):
        try:
            return next(answers)
        except StopIteration:
            raise OSError("temporary failure in name resolution") from None

    resolver = Resolver("collector.example", 8883, lookup=lookup)
    assert [resolver.addresses(DEADLINE_S) for _ in range(2)] == [("192.0.2.1",)] * 2


def test_a_silent_name_server_costs_its_timeout_and_no_more_threads():
    asked = []
    answer = threading.Event()

    def lookup(_host, _port):
        asked.append(threading.current_thread())
        answer.wait(DEADLINE_S)
        return ("192.0.2.1",)

    resolver = Resolver("collector.example", 8883, lookup=lookup)
    for _ in range(3):
        with pytest.raises(UnresolvedError, match="no answer within"):
            resolver.addresses(0.02)
    assert len(asked) == 1
    answer.set()
    assert resolver.addresses(DEADLINE_S) == ("192.0.2.1",)


def test_the_address_of_the_last_meeting_outlives_a_restart(tmp_path):
    def lookup(_host, _port):
        raise OSError("temporary failure in name resolution")

    file = tmp_path / "broker-address"
    Resolver("collector.example", 8883, file=file).worked("192.0.2.1")
    resolver = Resolver("collector.example", 8883, lookup=lookup, file=file)
    assert resolver.addresses(DEADLINE_S) == ("192.0.2.1",)


def test_a_lie_does_not_hide_where_the_broker_was_met(tmp_path):
    file = tmp_path / "broker-address"
    Resolver("collector.example", 8883, file=file).worked("192.0.2.1")
    liar = Resolver("collector.example", 8883, lookup=lambda *_: ("203.0.113.1",), file=file)
    assert liar.addresses(DEADLINE_S) == ("203.0.113.1", "192.0.2.1")


@pytest.mark.parametrize("content", [b"", b"other.example 192.0.2.1", b"collector.example \xff"])
def test_a_file_of_another_host_or_of_nothing_is_no_answer(tmp_path, content):
    file = tmp_path / "broker-address"
    file.write_bytes(content)
    assert not Resolver("collector.example", 8883, file=file).knows


def test_a_name_that_is_not_is_said():
    def lookup(_host, _port):
        raise OSError("name or service not known")

    resolver = Resolver("nowhere.example", 8883, lookup=lookup)
    with pytest.raises(UnresolvedError, match=r"nowhere\.example has no address: name or service"):
        resolver.addresses(DEADLINE_S)
