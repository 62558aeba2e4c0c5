"""The broker configuration we ship, on the real mosquitto."""

import os
import shutil
import socket
import time
from pathlib import Path

import pytest

from agent.clock import Clock
from agent.publisher import Broker, Pace, Publisher, Tls
from agent.publisher.errors import LinkError
from agent.publisher.link import Confirmed, Link, Received, Will
from sim.certificates import files
from sim.parts import Part, ReservedPort, accepts, find_command
from wire import topics
from wire.control import Presence
from wire.needs import MAX_BYTES

CONFIG = Path(__file__).parents[4] / "config" / "mosquitto"
DEADLINE_S = 15.0
NOT_AUTHORIZED = 0x87
SUCCESSES = {0x00, 0x10}


@pytest.fixture
def port(tmp_path, authority):
    """The example with only its paths, port and user adapted."""
    identity = authority.server()
    for source, name in (
        (authority.certificate, "ca.crt"),
        (identity.certificate, "broker.crt"),
        (identity.key, "broker.key"),
        (CONFIG / "acl", "acl"),
    ):
        shutil.copy(source, tmp_path / name)
    (tmp_path / "acl").chmod(0o600)
    reserved = ReservedPort()
    text = (CONFIG / "dosong.conf.example").read_text()
    text = text.replace("/etc/mosquitto/dosong/", f"{tmp_path}/")
    text = text.replace("/var/lib/mosquitto/", f"{tmp_path}/")
    text = text.replace("listener 8883", f"listener {reserved.number} 127.0.0.1")
    text = text.replace("log_dest syslog", "log_dest stderr")
    if os.geteuid() == 0:
        text += "user root\n"
    (tmp_path / "dosong.conf").write_text(text)
    part = Part(
        "mosquitto",
        [find_command("mosquitto"), "-c", str(tmp_path / "dosong.conf")],
        log=tmp_path / "mosquitto.log",
    )
    part.start()
    part.wait_until(lambda: accepts(reserved.number), "mosquitto listens", DEADLINE_S)
    yield reserved.number
    part.stop()
    reserved.close()


def call(port):
    return socket.create_connection(("127.0.0.1", port), DEADLINE_S)


@pytest.fixture
def link(port, authority):
    """Connect as somebody, by default under the client id of the certificate."""
    links = []

    def connect(name, client_id=None):
        identity = files(authority.certificate.parent, name)
        tls = Tls(ca=authority.certificate, cert=identity.certificate, key=identity.key)
        will = Will(topic=topics.status(name), payload=b"{}")
        broker = Broker(host="localhost", port=port, tls=tls)
        links.append(
            Link(broker, call(port), client_id=client_id or name, will=will, check_dates=True)
        )
        return links[-1]

    yield connect
    for each in links:
        each.drop()


def hear(link, kind):
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        for news in link.poll(0.1):
            if isinstance(news, kind):
                return news
    raise AssertionError(f"no {kind.__name__} in time")


def publish(link, topic, payload=b"batch"):
    mid = link.publish(topic, payload, qos=1)
    confirmed = hear(link, Confirmed)
    assert confirmed.mid == mid
    return confirmed.code


def test_a_probe_writes_below_its_own_name_only(link):
    probe = link("dn-01")
    assert publish(probe, topics.data("dn-01")) in SUCCESSES
    for foreign in (
        topics.data("dn-02"),
        topics.status("dn-02"),
        topics.ack("dn-02"),
        topics.ack("dn-01"),
        topics.needs("dn-01"),
        topics.live("dn-01", "radio"),
    ):
        assert publish(probe, foreign) == NOT_AUTHORIZED, foreign


def test_a_probe_hears_only_what_is_meant_for_it(link):
    probe, collector = link("dn-01"), link("collector")
    probe.subscribe("dosong/v1/#")
    foreign = (topics.ack("dn-02"), topics.needs("dn-02"), topics.live("dn-02", "radio"))
    for topic in (*foreign, topics.ack("dn-01")):
        assert publish(collector, topic, topic.encode()) in SUCCESSES
    assert hear(probe, Received).topic == topics.ack("dn-01")


def test_what_a_probe_is_to_know_waits_for_it_at_the_broker(link):
    collector = link("collector")
    whole = b"x" * MAX_BYTES
    collector.publish(topics.needs("dn-01"), whole, qos=1, retain=True)
    assert hear(collector, Confirmed).code in SUCCESSES
    probe = link("dn-01")
    probe.subscribe(topics.needs("dn-01"))
    assert hear(probe, Received).payload == whole


def test_a_borrowed_client_id_throws_nobody_out(link):
    first = link("dn-01")
    link("dn-02", client_id="dn-01")
    assert publish(first, topics.data("dn-01")) in SUCCESSES


def test_without_a_certificate_there_is_no_connection(port, authority):
    broker = Broker(host="localhost", port=port, tls=Tls(ca=authority.certificate))
    will = Will(topic=topics.status("dn-01"), payload=b"{}")
    with pytest.raises(LinkError):
        Link(broker, call(port), client_id="dn-01", will=will, check_dates=True)


def test_records_are_delivered_over_it(
    *, port, authority, start_collector, outbox, make, envelope, supervise, until
):
    collector = start_collector(port)
    identity = files(authority.certificate.parent, "dn-01")
    publisher = Publisher(
        probe="dn-01",
        broker=Broker(
            host="localhost",
            port=port,
            tls=Tls(ca=authority.certificate, cert=identity.certificate, key=identity.key),
        ),
        outbox=outbox,
        presence=lambda: Presence(probe="dn-01", online=True),
        record_event=envelope.event,
        clock=Clock(),
        pace=Pace(linger_s=0.05),
    )
    supervise(publisher.worker())
    outbox.append_and_wait(make(), DEADLINE_S)
    until(lambda: outbox.stats().rows == 0, "it is delivered")
    assert collector.asked_time, "it does not know the time"
    assert 1 in collector.rows[outbox.epoch]
