"""The examples of docs/reference/mqtt.md are messages of ours."""

import re
from pathlib import Path

import msgspec
import pytest

from wire import topics
from wire.codec import decode_record, encode_record
from wire.control import Ack, Presence, parse_batch_id
from wire.needs import SampleNeeds, decode_needs

PAGE = (Path(__file__).parents[4] / "docs/reference/mqtt.md").read_text()
EXAMPLES = [block.encode() for block in re.findall(r"```json\n(.*?)\n```", PAGE)]


def test_the_record_is_read_and_written_as_shown():
    assert encode_record(decode_record(EXAMPLES[0])) == EXAMPLES[0]


@pytest.mark.parametrize(("index", "kind"), [(1, Ack), (2, Presence), (3, SampleNeeds)])
def test_what_is_said_around_records_is_read_and_written_as_shown(index, kind):
    assert msgspec.json.encode(msgspec.json.decode(EXAMPLES[index], type=kind)) == EXAMPLES[index]


def test_the_batch_id_is_one():
    (text,) = re.findall(r"`([0-9a-f-]{36}/\d+-\d+)`", PAGE)
    assert parse_batch_id(text)[1:] == (1, 250)


def test_every_topic_is_there():
    for topic in (
        topics.data("<probe>"),
        topics.status("<probe>"),
        topics.ack("<probe>"),
        topics.plan("<probe>"),
        topics.needs("<probe>"),
        topics.live("<probe>", "<kind>"),
    ):
        assert f"`{topic}`" in PAGE


def test_the_needs_shown_can_be_used():
    (need,) = decode_needs(EXAMPLES[3]).needs
    assert len(need.polygon) == 4
