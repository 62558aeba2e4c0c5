"""Live values: the newest of each probe and kind, once a second, retried when not taken."""

from uuid import UUID

import pytest

from collector.ingest.live import Live
from wire import topics
from wire.codec import decode_record

from .records import event_record, radio_record


@pytest.fixture
def published():
    return []


@pytest.fixture
def live(published):
    def publish(topic, content):
        published.append((topic, decode_record(content).seq))
        return True

    return Live(publish)


RADIO = topics.live("dn-01", "radio")


def test_only_the_newest_of_a_second_is_published(live, published):
    live.show([radio_record(1), radio_record(3), radio_record(2)], 100.0)
    live.show([radio_record(4)], 100.4)
    live.show([radio_record(5)], 100.8)
    assert published == [(RADIO, 3)]
    live.publish_due(101.1)
    live.publish_due(101.2)
    assert published[1:] == [(RADIO, 5)]


def test_kinds_and_probes_do_not_wait_for_each_other(live, published):
    records = [radio_record(1), event_record(2, "modem_back"), radio_record(1, probe="dn-02")]
    live.show(records, 100.0)
    assert sorted(topic for topic, _ in published) == [
        topics.live("dn-01", "event"),
        RADIO,
        topics.live("dn-02", "radio"),
    ]


def test_an_older_record_that_comes_late_is_not_shown(live, published):
    live.show([radio_record(9)], 100.0)
    live.show([radio_record(4)], 102.0)
    assert published == [(RADIO, 9)]


def test_a_new_epoch_starts_again(live, published):
    live.show([radio_record(9)], 100.0)
    live.show([radio_record(1, epoch=UUID(int=5))], 102.0)
    assert published == [(RADIO, 9), (RADIO, 1)]


def test_what_the_broker_did_not_take_is_offered_again():
    taken = iter([False, True])
    offered = []

    def publish(topic, _content):
        offered.append(topic)
        return next(taken)

    live = Live(publish)
    live.show([radio_record(1)], 100.0)
    live.publish_due(101.5)
    live.publish_due(103.0)
    assert offered == [RADIO, RADIO]


def test_what_another_worker_has_got_a_newer_one_of_is_not_shown(published):
    newest = {RADIO: 3}
    live = Live(
        lambda topic, content: published.append((topic, decode_record(content).seq)) or True,
        lambda record: newest[topics.live(record.probe, record.kind)] == record.seq,
    )
    live.show([radio_record(2)], 100.0)
    live.show([radio_record(3)], 101.0)
    assert published == [(RADIO, 3)]
