"""Ranges and queries, as strangers send them."""

import pytest

from sim.server.resources import BadRequestError, Part, UnsatisfiableRangeError, asked_part, first


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", Part(0, 1)),
        ("bytes=0-99", Part(0, 100)),
        ("bytes=90-1000", Part(90, 10)),
        ("bytes=99-", Part(99, 1)),
        ("bytes=-1", Part(99, 1)),
        ("bytes=-1000", Part(0, 100)),
        ("bytes= 5-6", Part(5, 2)),
    ],
)
def test_a_range_is_a_part_of_the_body(header, part):
    assert asked_part(header, 100) == part


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=-", "bytes=9-3", "bytes=0-1,5-6", "items=0-1", "bytes=a-b", "bytes=٣-٤"],
)
def test_what_is_no_single_range_asks_for_everything(header):
    assert asked_part(header, 100) is None


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_the_body_cannot_be_satisfied(header):
    with pytest.raises(UnsatisfiableRangeError):
        asked_part(header, 100)


def test_a_range_of_nothing_cannot_be_satisfied():
    with pytest.raises(UnsatisfiableRangeError):
        asked_part("bytes=0-0", 0)


def test_a_query_of_many_fields_is_refused():
    with pytest.raises(BadRequestError):
        first("&".join(f"a{number}=1" for number in range(100)), "bytes")
