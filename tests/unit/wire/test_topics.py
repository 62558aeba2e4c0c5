from uuid import UUID

import pytest

from wire import topics
from wire.control import batch_id, parse_batch_id


@pytest.mark.parametrize(
    ("topic", "parts"),
    [
        (topics.data("dn-01"), ("dn-01", "up", "data")),
        (topics.status("dn-01"), ("dn-01", "up", "status")),
        (topics.ack("dn-01"), ("dn-01", "down", "ack")),
        (topics.plan("dn-01"), ("dn-01", "down", "plan")),
        (topics.needs("dn-01"), ("dn-01", "down", "needs")),
        (topics.live("dn-01", "radio"), ("dn-01", "live", "radio")),
    ],
)
def test_every_topic_we_make_we_can_take_apart(topic, parts):
    assert topics.parse(topic) == parts


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "dosong/v1",
        "dosong/v2/a/up/data",
        "dosong/v1/a/b/up/data",
        "dosong/v1/A!/up/data",
        "dosong/v1/+/up/data",
        "dosong/v1/a/sideways/data",
        "xdosong/v1/a/up/data",
        "a/up/data",
    ],
)
def test_a_foreign_topic_is_refused(topic):
    with pytest.raises(topics.UnknownTopicError):
        topics.parse(topic)


def test_a_batch_id_names_its_epoch_and_span():
    epoch = UUID("441c35b0-e03b-4134-80c5-a8110e6ab3cb")
    assert parse_batch_id(batch_id(epoch, 3, 90)) == (epoch, 3, 90)


@pytest.mark.parametrize("text", ["", "x", "441c35b0-e03b-4134-80c5-a8110e6ab3cb", "/1-2", "1-2"])
def test_a_broken_batch_id_is_a_value_error(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_batch_id(text)
