"""Leases of ports and of shares of the link, on a clock of the test's own."""

import threading

import msgspec
import pytest

from sim.server.slots import MAX_LEASE_S, BusyError, NoSlotsError, SlotRequest, Slots


def asked(method="iperf3", seconds=30.0):
    return SlotRequest(probe="dn-01", method=method, seconds=seconds)


def test_two_probes_never_get_the_same_port():
    slots = Slots(iperf_ports=[5201, 5202])
    ports = {slots.take(asked(), 0.0).iperf_port for _ in range(2)}
    assert ports == {5201, 5202}
    with pytest.raises(BusyError):
        slots.take(asked(), 0.0)


def test_an_http_slot_has_no_port():
    assert Slots(http=1).take(asked("http"), 0.0).iperf_port is None


def test_methods_do_not_take_each_others_slots():
    slots = Slots(iperf_ports=[5201], http=1)
    slots.take(asked("http"), 0.0)
    assert slots.take(asked(), 0.0).iperf_port == 5201
    assert (slots.busy(0.0), slots.total) == (2, 2)


def test_who_comes_too_early_learns_when_the_next_slot_is_free():
    slots = Slots(iperf_ports=[5201, 5202])
    slots.take(asked(seconds=30), 100.0)
    slots.take(asked(seconds=12), 100.0)
    with pytest.raises(BusyError) as busy:
        slots.take(asked(), 104.5)
    assert busy.value.retry_after_s == 8
    with pytest.raises(BusyError) as busy:
        slots.take(asked(), 111.9)
    assert busy.value.retry_after_s == 1
    assert slots.take(asked(), 112.0).iperf_port == 5202


def test_a_slot_that_is_given_back_is_free_and_its_token_is_worth_nothing():
    slots = Slots(iperf_ports=[5201])
    lease = slots.take(asked(), 0.0)
    assert slots.give_back(lease.token, 1.0)
    assert not slots.give_back(lease.token, 1.0)
    assert slots.take(asked(), 1.0).token != lease.token


def test_an_expired_token_does_not_end_the_next_lease():
    slots = Slots(iperf_ports=[5201])
    old = slots.take(asked(seconds=10), 0.0)
    slots.take(asked(), 10.0)
    assert not slots.give_back(old.token, 10.0)
    assert slots.busy(10.0) == 1


def test_the_port_that_was_left_first_is_used_first():
    slots = Slots(iperf_ports=[5201, 5202, 5203])
    leases = [slots.take(asked(), 0.0) for _ in range(3)]
    for index in (1, 2, 0):
        slots.give_back(leases[index].token, 1.0)
    assert [slots.take(asked(), 2.0).iperf_port for _ in range(3)] == [5202, 5203, 5201]


def test_a_port_on_which_somebody_measures_is_leased_to_nobody():
    busy = {5201}
    slots = Slots(iperf_ports=[5201, 5202], is_idle=lambda port: port not in busy)
    assert slots.take(asked(), 0.0).iperf_port == 5202
    with pytest.raises(BusyError) as refused:
        slots.take(asked(), 0.0)
    assert refused.value.retry_after_s == 1
    busy.clear()
    assert slots.take(asked(), 0.0).iperf_port == 5201


def test_nobody_holds_a_slot_for_ever():
    lease = Slots(http=1).take(asked("http", seconds=1e9), 5.0)
    assert lease.expires_s == 5.0 + MAX_LEASE_S


def test_a_method_without_slots_is_told_as_such():
    with pytest.raises(NoSlotsError):
        Slots(http=1).take(asked(), 0.0)


def test_tokens_cannot_be_guessed():
    slots = Slots(http=50)
    tokens = {slots.take(asked("http"), 0.0).token for _ in range(50)}
    assert len(tokens) == 50
    assert min(map(len, tokens)) >= 32


def test_many_threads_at_once_get_each_port_once():
    slots = Slots(iperf_ports=range(5201, 5221))
    begin = threading.Barrier(40)
    ports, refused = [], []

    def take() -> None:
        begin.wait()
        try:
            ports.append(slots.take(asked(), 0.0).iperf_port)
        except BusyError:
            refused.append(1)

    threads = [threading.Thread(target=take) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ports) == list(range(5201, 5221))
    assert len(refused) == 20


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"method": "http", "seconds": 1}',
        b'{"probe": "DN 01", "method": "http", "seconds": 1}',
        b'{"probe": "dn-01", "method": "ftp", "seconds": 1}',
        b'{"probe": "dn-01", "method": "http", "seconds": 0}',
        b'{"probe": "dn-01", "method": "http", "seconds": -1}',
        b'{"probe": "dn-01", "method": "http", "seconds": 1e300}',
        b'{"probe": "dn-01", "method": "http", "seconds": NaN}',
        b'{"probe": "dn-01", "method": "http", "seconds": "30"}',
    ],
)
def test_what_is_no_request_is_refused(body):
    with pytest.raises(msgspec.DecodeError):
        msgspec.json.decode(body, type=SlotRequest)
