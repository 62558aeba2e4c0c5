import select
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from sim.parts import wait_until
from sim.proxy import BUFFER_BYTES, Proxy

TIMEOUT_S = 10.0


class EchoServer:
    """Sends back what comes, one thread a connection."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.received_bytes = 0
        self.connections: list[socket.socket] = []
        self.threads = [threading.Thread(target=self.accept)]
        self.threads[0].start()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            self.threads.append(threading.Thread(target=self.echo, args=[connection]))
            self.threads[-1].start()

    def echo(self, connection: socket.socket) -> None:
        try:
            while chunk := connection.recv(65536):
                self.received_bytes += len(chunk)
                connection.sendall(chunk)
        except OSError:
            pass
        finally:
            connection.close()

    def close(self) -> None:
        if self.listener.fileno() == -1:
            return
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self.threads:
            thread.join(TIMEOUT_S)


@pytest.fixture
def server() -> Iterator[EchoServer]:
    with closing(EchoServer()) as server:
        yield server


@pytest.fixture
def proxy(server) -> Iterator[Proxy]:
    with Proxy(server.port) as proxy:
        yield proxy


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), TIMEOUT_S)


def receive(sock: socket.socket, count: int) -> bytes:
    received = b""
    while len(received) < count and (chunk := sock.recv(65536)):
        received += chunk
    return received


def test_bytes_pass_both_ways(proxy):
    with connect(proxy) as client:
        client.sendall(b"hello")
        assert receive(client, 5) == b"hello"


def test_an_orderly_end_is_passed_on(proxy):
    with connect(proxy) as client:
        client.sendall(b"last words")
        client.shutdown(socket.SHUT_WR)
        assert receive(client, 100) == b"last words"


def test_black_forwards_nothing_and_closes_nothing(proxy, server):
    with connect(proxy) as client:
        client.sendall(b"before")
        assert receive(client, 6) == b"before"
        proxy.go_black()
        client.sendall(b"during")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert server.received_bytes == 6

        proxy.come_back()
        client.settimeout(TIMEOUT_S)
        assert receive(client, 6) == b"during"


def test_black_accepts_nobody(proxy, server):
    proxy.go_black()
    with connect(proxy) as client:  # the kernel's backlog, as a radio link that swallows packets
        client.settimeout(0.3)
        client.sendall(b"anyone?")
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert server.connections == []
        proxy.come_back()
        client.settimeout(TIMEOUT_S)
        assert receive(client, 7) == b"anyone?"


def test_a_dead_server_is_told_to_the_client(server):
    with Proxy(server.port) as proxy:
        server.close()
        with connect(proxy) as client:
            assert client.recv(1) == b""


def test_a_cut_at_the_server_cuts_the_client(proxy, server):
    with connect(proxy) as client:
        client.sendall(b"x")
        assert receive(client, 1) == b"x"
        server.connections[0].shutdown(socket.SHUT_RDWR)
        assert client.recv(1) == b""


def test_a_slow_reader_is_not_buffered_without_bound(proxy):
    with connect(proxy) as client:
        client.setblocking(False)
        sent = 0
        block = b"z" * 65536
        try:
            while sent < 1 << 28:
                sent += client.send(block)
                wait_until_writable(client)
        except TimeoutError:
            pass
        assert sent < 1 << 28
        assert max(len(end.pending) for end in proxy._ends) < BUFFER_BYTES + 65536


def wait_until_writable(sock: socket.socket) -> None:
    if not select.select([], [sock], [], 0.5)[1]:
        raise TimeoutError


def test_close_ends_the_thread_even_when_black(server):
    proxy = Proxy(server.port)
    proxy.start()
    with connect(proxy):
        proxy.go_black()
        proxy.close()
    wait_until(lambda: not proxy._thread.is_alive(), "thread ends", TIMEOUT_S)
