"""The far end of the tests: real servers on loopback, and some that misbehave."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.traffic import Server
from sim.parts import ReservedPort
from sim.server import HttpServer, IperfServer
from tests.unit.drivers.traffic.ends import Misbehaving
from tests.unit.drivers.traffic.measurement_server import MeasurementServer

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """They measure rates, and what the loopback interface carried meanwhile."""
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.alone)


@pytest.fixture
def misbehaving() -> Iterator[type]:
    made: list[Misbehaving] = []

    def make(answer: bytes = b"", **how) -> Misbehaving:
        made.append(Misbehaving(answer, **how))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def measurement() -> Iterator[type]:
    """Makes measurement servers: `measurement(slots=2, hang=True)`."""
    made: list[MeasurementServer] = []

    def make(**how) -> MeasurementServer:
        made.append(MeasurementServer(**how))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port whose handshakes are never answered: its queue of connections is full."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(4):
            stream = socket.socket()
            stream.setblocking(False)
            stream.connect_ex(("127.0.0.1", port))
            waiting.append(stream)
        yield port
        for stream in waiting:
            stream.close()


@pytest.fixture
def http_server() -> Iterator[Server]:
    with HttpServer("127.0.0.1") as server:
        yield Server(host="127.0.0.1", http_port=server.port)


@pytest.fixture
def iperf(tmp_path) -> Iterator[IperfServer]:
    with (
        ReservedPort() as port,
        IperfServer("127.0.0.1", port.number, log=tmp_path / "iperf3.log") as server,
    ):
        yield server


@pytest.fixture
def refused_port() -> Iterator[int]:
    with ReservedPort() as port:
        yield port.number
