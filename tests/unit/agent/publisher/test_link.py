"""A connection that ended leaves nothing behind."""

import gc
import os
import socket

import pytest

from agent.publisher import Broker, Tls
from agent.publisher.errors import LinkError
from agent.publisher.link import Link, Will
from sim.certificates import Authority

PROBE = "dn-01"
LINKS = 10


@pytest.fixture
def address(broker, authority):
    def at(ca):
        folder = authority.certificate.parent
        tls = Tls(ca=ca, cert=folder / f"{PROBE}.crt", key=folder / f"{PROBE}.key")
        return Broker(host="localhost", port=broker.port, tls=tls)

    return at


@pytest.fixture
def _no_collection():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def open_link(address):
    return Link(
        address,
        socket.create_connection(("127.0.0.1", address.port)),
        client_id=PROBE,
        will=Will(topic=f"dosong/v1/{PROBE}/up/status", payload=b"{}"),
        check_dates=True,
    )


def descriptors():
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208  # counted


@pytest.mark.usefixtures("_no_collection")
def test_links_that_ended_hold_no_descriptor(address, authority):
    good = address(authority.certificate)
    before = descriptors()
    for _ in range(LINKS):
        link = open_link(good)
        for _ in link.poll(0.01):
            pass
        link.drop()
    del link
    assert descriptors() == before


@pytest.mark.usefixtures("_no_collection")
def test_links_that_never_were_hold_no_descriptor(address, tmp_path):
    bad = address(Authority(tmp_path / "strange").certificate)
    before = descriptors()
    for _ in range(LINKS):
        with pytest.raises(LinkError):
            open_link(bad)
    assert descriptors() == before
