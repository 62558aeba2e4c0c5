import hashlib
import re
import subprocess
from itertools import islice
from random import Random

import pytest

from tools import dictionary as training
from wire import dictionary
from wire.codec import decode_record, encode_record, pack
from wire.dictionary import NEWEST, UnknownDictionaryError
from wire.kinds import kinds

SHIPPED = {1: "2f2c465bfa7654711f5097455f30c04c"}
"""MD5 of every dictionary there ever was: frames packed with it lie in files."""


def test_every_dictionary_ever_shipped_is_there_and_unchanged():
    contents = {n: dictionary.dictionary(n).as_bytes() for n in range(1, NEWEST + 1)}
    sums = {n: hashlib.md5(content).hexdigest() for n, content in contents.items()}  # noqa: S324
    assert sums == SHIPPED


@pytest.mark.parametrize("number", range(1, NEWEST + 1))
def test_a_dictionary_says_its_number(number):
    assert dictionary.dictionary(number).dict_id() == number


@pytest.mark.parametrize("number", [0, -1, NEWEST + 1, 2**32 - 1])
def test_an_unknown_number_is_said(number):
    with pytest.raises(UnknownDictionaryError) as unknown:
        dictionary.dictionary(number)
    assert unknown.value.number == number


@pytest.mark.parametrize("number", range(1, NEWEST + 1))
def test_a_dictionary_names_nobody(number):
    content = dictionary.dictionary(number).as_bytes()
    numbers = re.findall(rb"[0-9]{7,}", content)
    uuids = re.findall(rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}", content)
    assert numbers
    assert uuids
    assert set(b"".join(numbers + uuids)) == set(b"0-")


def test_a_batch_is_read_by_hand_as_the_reference_page_says(record):
    line = encode_record(record)
    shown = subprocess.run(
        ["zstd", "-d", "-D", dictionary.FOLDER / f"{NEWEST}.zdict"],
        input=pack([line, line]),
        capture_output=True,
        check=True,
    )
    assert shown.stdout == line + b"\n" + line + b"\n"


def test_training_rows_are_records_of_every_kind_and_of_nobody_twice():
    records = [decode_record(line) for line in islice(training.rows(Random(1)), 400)]  # noqa: S311
    assert {record.kind for record in records} == set(kinds())
    assert len({record.boot_id for record in records}) == len(records)
