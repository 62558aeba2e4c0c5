import shutil
import socket
from dataclasses import replace
from datetime import UTC, datetime

import msgspec
import pytest

from agent.clock import Clock
from agent.publisher import Broker, Pace, Publisher, Tls
from agent.publisher.link import Link, Received, Will
from agent.publisher.resolve import Resolver
from sim import broker as simulated
from sim.certificates import COLLECTOR, files
from sim.proxy import Proxy
from wire import topics
from wire.control import Ack, Presence

PROBE = "dn-01"
PACE = Pace(linger_s=0.05, ack_timeout_s=1.0, presence_every_s=0.5, refused_pause_s=1.0)


def right_clock():
    """A probe's clock that was set by GPS."""
    clock = Clock()
    clock.anchor_by_gps(datetime.now(UTC), mono_ns=clock.mono_ns(), err_s=0.1)
    return clock


@pytest.fixture
def events():
    return []


@pytest.fixture
def tls(authority):
    folder = authority.certificate.parent
    return Tls(ca=authority.certificate, cert=folder / f"{PROBE}.crt", key=folder / f"{PROBE}.key")


@pytest.fixture
def publish(*, broker, outbox, envelope, supervise, events, tls):
    """Start a publisher that delivers to a port."""

    def start(
        *,
        port=None,
        host="localhost",
        tls=tls,
        keepalive_s=30,
        pace=PACE,
        clock=None,
        resolver=None,
        on_needs=None,
        on_plan=None,
    ):
        def record_event(name, *, severity="info", detail=None):
            events.append((name, dict(detail or {})))
            return envelope.event(name, severity=severity, detail=detail)

        publisher = Publisher(
            probe=PROBE,
            broker=Broker(host=host, port=port or broker.port, tls=tls, keepalive_s=keepalive_s),
            outbox=outbox,
            presence=lambda: Presence(
                probe=PROBE, online=True, epoch=outbox.epoch, made=outbox.made
            ),
            record_event=record_event,
            clock=right_clock() if clock is None else clock,
            pace=pace,
            resolver=resolver,
            delay_s=lambda _failures: 0.1,
            on_needs=on_needs,
            on_plan=on_plan,
        )
        supervise(publisher.worker())
        return publisher

    return start


@pytest.fixture
def collector(broker, start_collector):
    return start_collector(broker.port)


@pytest.fixture
def fill(outbox, make):
    """Have the outbox accept a number of records."""

    def fill(count):
        for number in range(1, count):
            assert outbox.append(make("radio", number))
        return outbox.append_and_wait(make("radio", count), 10)

    return fill


def test_what_the_outbox_accepts_arrives_and_leaves_it(publish, outbox, until, fill, collector):
    publish()
    last = fill(1200)
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert sorted(collector.rows[outbox.epoch]) == list(range(1, last + 1))
    assert collector.rows[outbox.epoch][7].payload.temperature_c == 7


def test_a_puback_alone_deletes_nothing(publish, outbox, until, fill, collector):
    collector.silent = True
    fill(50)
    publisher = publish(pace=replace(PACE, max_rows_in_flight=50))
    until(lambda: len(collector.batches) > 1, "it is sent again")
    assert publisher.stats().batches_resent >= 1
    assert outbox.stats().rows == 50
    collector.silent = False
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert {count for _, count in collector.batches} == {50}


def test_a_broker_that_is_killed_and_comes_back_empty_loses_nothing(
    *, broker, publish, outbox, until, fill, collector
):
    collector.silent = True
    publish()
    fill(700)
    until(lambda: collector.batches, "something is under way")
    broker.kill()
    until(lambda: not collector.connected.is_set(), "the collector noticed")
    fill(700)
    collector.silent = False
    broker.start()
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert sorted(collector.rows[outbox.epoch]) == list(range(1, 1401))


def test_a_black_uplink_is_noticed_and_left(*, broker, publish, outbox, until, fill, collector):
    with Proxy(broker.port) as uplink:
        publisher = publish(port=uplink.port, keepalive_s=2)
        fill(10)
        until(lambda: outbox.stats().rows == 0, "the first rows are delivered")
        uplink.go_black()
        fill(10)
        until(lambda: not publisher.stats().connected, "the loss is noticed")
        assert outbox.stats().rows == 10
        uplink.come_back()
        until(lambda: outbox.stats().rows == 0, "the rest is delivered")
    assert sorted(collector.rows[outbox.epoch]) == list(range(1, 21))


def test_one_record_without_a_readable_key_costs_only_itself(
    publish, outbox, until, fill, collector
):
    collector.refuses = frozenset({33})
    fill(100)
    publish()
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert sorted(collector.rows[outbox.epoch]) == [*range(1, 33), *range(34, 101)]
    assert outbox.stats().rejected == 1


def test_a_quarantined_record_is_set_aside(publish, outbox, until, fill, collector):
    collector.rejects = frozenset({5})
    fill(9)
    publish()
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert outbox.stats().rejected == 1
    assert len(collector.batches) == 1


def test_an_acknowledgement_that_cannot_be_read_stops_nothing(
    publish, outbox, until, fill, collector
):
    publisher = publish()
    until(lambda: collector.presence, "the probe is there")
    unreadable = [
        b"\xff not json",
        b'{"probe": "dn-01", "epoch": 5}',
        b'{"probe": "\xff"}',
        b'{"new":' + b"[" * 5000,
        msgspec.json.encode({"probe": PROBE, "epoch": outbox.epoch, "contiguous_seq": 1 << 63}),
    ]
    for payload in unreadable:
        collector.say(topics.ack(PROBE), payload)
        collector.say(topics.time_told(PROBE), payload)
    until(lambda: publisher.stats().unreadable_acks == len(unreadable), "all were seen")
    fill(3)
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")


def test_a_time_without_an_offset_tells_nothing_and_stops_nothing(
    *, publish, outbox, until, fill, collector, reports
):
    clock = right_clock()
    publish(clock=clock)
    until(lambda: collector.presence, "the probe is there")
    told = {"probe": PROBE, "boot_id": clock.boot_id, "mono_ns": clock.mono_ns()}
    told["utc"] = "2027-01-01T00:00:00"
    collector.say(topics.time_told(PROBE), msgspec.json.encode(told))
    collector.say(topics.time_told(PROBE), b'{"probe": "\xff"}')
    fill(3)
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert reports.restarts == []


def test_an_acknowledgement_of_another_epoch_deletes_nothing(
    publish, outbox, until, fill, collector
):
    collector.silent = True
    publisher = publish()
    fill(3)
    until(lambda: collector.batches, "it is under way")
    foreign = Ack(probe=PROBE, epoch="00000000-0000-0000-0000-000000000009", contiguous_seq=3)
    collector.say(topics.ack(PROBE), msgspec.json.encode(foreign))
    until(lambda: publisher.stats().acks == 1, "it was heard")
    assert outbox.batch(0, max_rows=10, max_bytes=1 << 20).rows[0].seq == 1


def test_a_batch_stays_below_its_size(publish, outbox, until, fill, collector):
    fill(300)
    publish(
        pace=Pace(linger_s=0.05, batch_bytes=2048, max_rows_in_flight=100, batch_rows=50),
    )
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert max(count for _, count in collector.batches) <= 50
    assert len(collector.deliveries) == 300


def test_presence_is_retained_and_the_last_will_takes_it_back(broker, publish, until, collector):
    with Proxy(broker.port) as uplink:
        publish(port=uplink.port)
        until(lambda: collector.presence and collector.presence[-1].online, "online is said")
        assert collector.presence[-1].made is not None
    until(lambda: not collector.presence[-1].online, "the will is published")


def test_stopping_says_offline_and_is_quick(
    *, broker, outbox, supervise, until, tls, envelope, collector
):
    publisher = Publisher(
        probe=PROBE,
        broker=Broker(host="localhost", port=broker.port, tls=tls),
        outbox=outbox,
        presence=lambda: Presence(probe=PROBE, online=True, made=outbox.made),
        record_event=envelope.event,
        clock=right_clock(),
    )
    supervisor = supervise(publisher.worker())
    until(lambda: collector.presence, "online is said")
    assert supervisor.stop(5) == ()
    until(lambda: not collector.presence[-1].online, "offline is said")
    assert collector.presence[-1].made is not None  # the probe's own words, not the will's


def test_a_lying_name_server_gets_nothing(broker, publish, until):
    publisher = publish(
        host="collector.example",
        resolver=Resolver("collector.example", broker.port, lookup=lambda *_: ("127.0.0.1",)),
    )
    until(lambda: "mismatch" in (publisher.stats().reason or ""), "the name is refused")
    assert publisher.stats().connections == 0


def test_until_the_time_is_known_nothing_but_the_time_is_spoken_of(
    *, publish, outbox, until, fill, collector
):
    collector.tells_time = False
    clock = Clock()
    publisher = publish(clock=clock)
    fill(20)
    until(lambda: len(collector.asked_time) > 1, "it asks, and again")
    collector.say(topics.ack(PROBE), msgspec.json.encode(ack_of(outbox)))
    until(lambda: len(collector.presence) > 1, "its presence goes on")
    assert publisher.stats().limited
    assert (publisher.stats().acks, collector.batches) == (0, [])
    clock.anchor_by_gps(datetime.now(UTC), mono_ns=clock.mono_ns(), err_s=0.1)
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert publisher.stats().connections == 1


def test_a_broker_that_is_not_trusted_yet_is_not_listened_to(
    *, publish, outbox, until, fill, collector
):
    collector.tells_time = False
    heard = []
    publisher = publish(clock=Clock(), on_needs=heard.append, on_plan=heard.append)
    fill(20)
    until(lambda: len(collector.asked_time) > 1, "it asks for the time")
    ack = msgspec.json.encode(ack_of(outbox))
    # What nobody has subscribed to a false broker may send all the same.
    for topic in (topics.needs(PROBE), topics.plan(PROBE), topics.ack(PROBE)):
        publisher._receive(Received(topic=topic, payload=ack))
    assert heard == []
    assert publisher.stats().acks == 0


def ack_of(outbox):
    return Ack(probe=PROBE, epoch=outbox.epoch, contiguous_seq=20)


def test_the_collectors_word_is_enough(*, publish, outbox, until, fill, events, collector):
    clock = Clock()
    publisher = publish(clock=clock)
    fill(20)
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert publisher.stats().connections == 1
    assert events[0] == ("clock_anchor", {"source": "collector"})
    told_s = (clock.stamp().utc - datetime.now(UTC)).total_seconds()
    assert abs(told_s) < 2.0
    assert len(collector.asked_time) == 1


def test_a_system_clock_that_stays_wrong_keeps_nobody_from_delivering(
    *, publish, outbox, until, fill, collector, fake_time
):
    clock = Clock(fake_time)
    clock.anchor_by_gps(datetime.now(UTC), mono_ns=clock.mono_ns(), err_s=0.1)
    publish(clock=clock)
    fill(20)
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert collector.asked_time == []


@pytest.mark.usefixtures("collector")
def test_dates_are_checked_only_by_a_clock_that_is_right(tmp_path, authority, publish, until):
    with simulated.Broker(tmp_path / "expired", authority) as expired_broker:
        expired_broker.kill()
        expired = authority._authority.issue_cert(
            "localhost", common_name="broker", not_after=datetime(2021, 1, 1, tzinfo=UTC)
        )
        identity = authority.server()
        valid = [file.read_bytes() for file in identity]
        identity.certificate.write_bytes(expired.cert_chain_pems[0].bytes())
        identity.key.write_bytes(expired.private_key_pem.bytes())
        expired_broker.start()
        sure = publish(port=expired_broker.port)
        until(lambda: "expired" in (sure.stats().reason or ""), "the date is refused")
        unsure = publish(port=expired_broker.port, clock=Clock())
        until(lambda: unsure.stats().limited, "it connects all the same")
    for file, content in zip(identity, valid, strict=True):
        file.write_bytes(content)


@pytest.mark.usefixtures("collector")
def test_a_missing_key_is_said_and_tried_again(publish, tls, until, tmp_path):
    key = tmp_path / "probe.key"
    publisher = publish(tls=Tls(ca=tls.ca, cert=tls.cert, key=key))
    until(lambda: "certificates" in (publisher.stats().reason or ""), "the reason is told")
    shutil.copy(tls.key, key)
    until(lambda: publisher.stats().connected, "it connects")


@pytest.mark.usefixtures("collector")
def test_two_probes_of_one_name_are_noticed(publish, events, until):
    publish()
    publish()
    until(lambda: events, "the alarm")
    assert "does another probe call itself dn-01?" in events[0][1]["reason"]


def test_no_collector_is_an_alarm_and_no_loss(publish, outbox, events, until, fill):
    publish()
    fill(5)
    until(lambda: events, "the alarm")
    assert events[0] == ("uplink_alarm", {"reason": "no collector listens at the broker"})
    assert outbox.stats().rows == 5


def test_a_collector_that_comes_later_does_not_wait_for_the_timeout(
    *, broker, start_collector, publish, outbox, events, until, fill
):
    publisher = publish(pace=replace(PACE, ack_timeout_s=600.0))
    fill(5)
    until(lambda: events, "nobody listens")
    assert publisher.stats().alarm == "no collector listens at the broker"
    start_collector(broker.port)
    until(lambda: outbox.stats().rows == 0, "the outbox is empty")
    assert publisher.stats().alarm is None


def test_what_has_left_the_outbox_is_not_waited_for(publish, until, outbox, fill, collector):
    collector.silent = True
    publisher = publish()
    fill(20)
    until(lambda: publisher.stats().batches_sent, "it is under way")
    outbox.acknowledge(Ack(probe=PROBE, epoch=outbox.epoch, contiguous_seq=20))
    until(lambda: outbox.stats().rows == 0, "the rows are gone")
    until(lambda: publisher.stats().rows_in_flight == 0, "nothing is under way")


def test_a_plan_is_handed_over_and_the_presence_follows_at_once(publish, until, fill, collector):
    heard = []
    publish(on_plan=heard.append, pace=replace(PACE, presence_every_s=600))
    until(lambda: collector.presence, "it is there")
    collector.say(topics.plan(PROBE), b"a plan")
    until(lambda: heard == [b"a plan"], "the plan is handed over")
    until(lambda: len(collector.presence) == 2, "the answer can be heard", timeout_s=5)
    fill(1)
    until(lambda: collector.rows, "records go on")


@pytest.mark.usefixtures("collector")
def test_what_the_collector_needs_is_handed_over_also_when_it_was_said_before(
    *, publish, broker, authority, until, outbox, fill
):
    heard = []
    identity = files(authority.certificate.parent, COLLECTOR)
    tls = Tls(ca=authority.certificate, cert=identity.certificate, key=identity.key)
    link = Link(
        Broker(host="localhost", port=broker.port, tls=tls),
        socket.create_connection(("127.0.0.1", broker.port)),
        client_id="needs-publisher",
        will=Will(topic=topics.ack(PROBE), payload=b"{}"),
        check_dates=True,
    )
    try:
        link.publish(topics.needs(PROBE), b"first", qos=1, retain=True)
        until(lambda: [*link.poll(0.05)], "the broker has it")
        publish(on_needs=heard.append)
        until(lambda: heard == [b"first"], "what was retained arrives")
        link.publish(topics.needs(PROBE), b"second", qos=1, retain=True)
        until(lambda: [*link.poll(0.05)], "the broker has it")
        until(lambda: heard == [b"first", b"second"], "the next one arrives, too")
    finally:
        link.drop()
    fill(10)
    until(lambda: outbox.stats().rows == 0, "records are acknowledged as ever")
