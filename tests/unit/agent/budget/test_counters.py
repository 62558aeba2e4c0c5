import socket

from agent.budget.counters import read


def test_the_kernel_counts_what_an_interface_carries():
    index = socket.if_nametoindex("lo")
    before = read("lo")
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    after = read("lo")
    assert (after.interface, after.index) == ("lo", index)
    assert after.rx_bytes > before.rx_bytes
    assert after.tx_bytes > before.tx_bytes


def test_an_interface_that_is_not_there_has_no_counters():
    assert read("gone0") is None
