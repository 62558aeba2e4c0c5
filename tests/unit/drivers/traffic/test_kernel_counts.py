import os
import socket
import threading

import pytest

from drivers.traffic.kernel_counts import (
    carried,
    carried_by_others,
    sockets_beside,
    unacknowledged_bytes,
)
from tests.unit.drivers.traffic.ends import run_until


@pytest.fixture
def pair():
    """A TCP connection: who sends, who reads."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        sender = socket.create_connection(listener.getsockname())
        reader, _ = listener.accept()
    with sender, reader:
        yield sender, reader


def test_what_lies_unread_in_the_kernel_is_not_received(pair):
    sender, reader = pair
    sender.sendall(bytes(1000))
    run_until(lambda: unacknowledged_bytes(sender) == 0, "all arrived")
    reader.recv(400)
    assert carried(reader.fileno()).received_bytes == 400
    assert carried(sender.fileno()).acknowledged_bytes in {1000, 1001}  # some count the handshake


def test_what_the_reader_does_not_take_stays_unacknowledged(pair):
    sender, _ = pair
    sender.setblocking(False)
    taken = 0
    try:
        while True:
            taken += sender.send(bytes(1 << 16))
    except BlockingIOError:
        pass
    waiting = unacknowledged_bytes(sender)
    assert waiting > 0
    assert carried(sender.fileno()).acknowledged_bytes <= taken - waiting + 1


def test_the_connections_beside_one_are_counted(pair):
    sender, reader = pair
    before = sockets_beside(sender.fileno())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        assert sockets_beside(sender.fileno()) == before + 1
        with pytest.raises(OSError, match="no TCP"):
            carried(other.fileno())
    reader.sendall(b"x" * 77)
    assert sender.recv(77) == b"x" * 77
    assert 77 in {each.received_bytes for each in carried_by_others(reader.fileno())}


def test_a_descriptor_that_closes_meanwhile_is_left_out():
    done = threading.Event()

    def churn() -> None:
        while not done.is_set():
            os.close(os.open("/dev/null", os.O_RDONLY))
            socket.socket().close()

    thread = threading.Thread(target=churn)
    thread.start()
    for _ in range(200):
        carried_by_others(-1)
    done.set()
    thread.join()
