"""The collector's link on a real broker: who hears what, and how much is held."""

import contextlib
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec
import pytest

from collector.config import Ingest
from collector.ingest.link import Held, Link, Message
from sim.certificates import COLLECTOR
from wire import topics
from wire.control import Presence, TimeAsked

from .conftest import running, wait_until
from .probe import Probe
from .records import BOOT, PROBE, radio_record


@pytest.fixture
def probe(broker, keys):
    with contextlib.closing(Probe(broker, keys)) as probe:
        yield probe


def held_up(ledger):
    """The ledger's file, locked as by another process."""
    return ledger._lock.held(1.0)


def test_the_time_is_told_at_once_even_while_nothing_can_be_stored(collecting, ledger, probe):
    assert collecting.connected
    with held_up(ledger):
        probe.send_records(radio_record(1))
        wait_until(collecting.inbox.empty, "the batch is in hand")
        began = time.monotonic()
        told = probe.ask(TimeAsked(probe=PROBE, boot_id=BOOT, mono_ns=17))
        assert time.monotonic() - began < 2.0
    assert (told.boot_id, told.mono_ns) == (BOOT, 17)
    assert abs(told.utc - datetime.now(UTC)) < timedelta(seconds=5)
    assert probe.ack().contiguous_seq == 1


def test_a_question_that_is_none_stops_nothing(collecting, probe):
    assert collecting.connected
    for content in (b"", b"\xff", b"{}", b'{"new":' + b"[" * 2000):
        probe.send(content, topic=topics.time_asked(PROBE))
    told = probe.ask(TimeAsked(probe=PROBE, boot_id=UUID(int=5), mono_ns=1))
    assert told.boot_id == UUID(int=5)


def test_the_broker_knows_that_a_shared_subscription_listens(collecting, probe):
    assert collecting.connected
    probe.send_records(radio_record(1))
    probe.ack()
    assert probe.reasons.get(timeout=5) == 0


def test_a_second_worker_leaves_the_presence_to_the_first(
    mqtt_config, authority, intake, ledger, probe
):
    authority.client(f"{COLLECTOR}-2")
    ingest_config = Ingest(batch_s=0.1)
    second = Link(mqtt_config.of_worker(2), receive_maximum=50, presence=False)
    first = Link(mqtt_config, receive_maximum=50)
    with running(second, intake, ledger, ingest_config):
        probe.send(
            msgspec.json.encode(Presence(probe=PROBE, online=True)), topic=topics.status(PROBE)
        )
        probe.send_records(radio_record(1))
        assert probe.ack().contiguous_seq == 1
        assert ledger.presence() == []
    with running(first, intake, ledger, ingest_config):
        for seq in range(2, 12):
            probe.send_records(radio_record(seq))
        presence = Presence(probe=PROBE, online=True)
        probe.send(msgspec.json.encode(presence), topic=topics.status(PROBE))
        wait_until(ledger.presence, "the presence is kept")


def message(content):
    return Message("t", content, None, (), session=None, mid=1, qos=1)


def test_what_is_held_is_bounded_by_bytes():
    held = Held(10_000)
    first, second = message(bytes(6000)), message(bytes(6000))
    assert held.take(first)
    assert not held.take(second)
    held.give_back(first)
    assert held.empty
    assert held.take(message(bytes(100_000))), "one alone always fits, or it would never be taken"


def test_what_is_too_much_is_fetched_when_the_rest_is_stored(mqtt_config, intake, ledger, probe):
    link = Link(mqtt_config, receive_maximum=64)
    link.held = Held(10_000)
    with running(link, intake, ledger, Ingest(batch_s=0.1)):
        with held_up(ledger):
            for first in range(1, 2000, 100):
                probe.send_records(*map(radio_record, range(first, first + 100)))
            wait_until(lambda: link._session._overflown, "more came than can be held")
        wait_until(lambda: ledger_says(ledger, 2000), "all of it is stored")
        wait_until(lambda: link.held.empty, "all of it is acknowledged")


def test_a_flood_that_nobody_counts_keeps_nobody_out(mqtt_config, intake, ledger, probe):
    link = Link(mqtt_config, receive_maximum=5)
    with running(link, intake, ledger, Ingest(batch_s=0.1)):
        session = link._session
        with held_up(ledger):
            for _ in range(100):
                probe.send(b"rubbish", qos=0)
            probe.send_records(radio_record(1))
            wait_until(lambda: not link.held.empty, "the batch is in hand")
        assert probe.ack().contiguous_seq == 1
        assert link._session is session
        assert not ledger.quarantine()


def ledger_says(ledger, received):
    return any(row.received == received and not row.missing for row in ledger.ledger())
