import re
from uuid import UUID

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire.carried import (
    CarriedFile,
    FileName,
    Manifest,
    decode_manifest,
    is_manifest_name,
    manifest_name,
    parse_file_name,
)

EPOCH = UUID(int=7 << 100)


@given(
    probe=st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,62}\Z"),
    epoch=st.uuids(),
    first=st.integers(1, (1 << 62) - 1),
    rows=st.integers(0, 1 << 62),
)
def test_a_name_says_again_what_it_was_made_of(probe, epoch, first, rows):
    name = FileName(probe, epoch, (first, first + rows))
    assert parse_file_name(str(name)) == name
    assert is_manifest_name(manifest_name(probe, epoch))
    assert not is_manifest_name(str(name))


def test_names_are_safe_on_fat32_and_exfat():
    longest = FileName("p" * 63, EPOCH, ((1 << 63) - 2, (1 << 63) - 1))
    for name in (str(longest), manifest_name("p" * 63, EPOCH)):
        assert len(name) <= 255
        assert re.fullmatch(r"[a-z0-9._-]+", name)


@pytest.mark.parametrize(
    "name",
    [
        "notes.txt",
        f"dn-01_{EPOCH}_5-4.jsonl.zst",
        f"dn-01_{EPOCH}_0-4.jsonl.zst",
        f"dn-01_{EPOCH}_1-{1 << 63}.jsonl.zst",
        f"../dn-01_{EPOCH}_1-4.jsonl.zst",
        f"DN-01_{EPOCH}_1-4.jsonl.zst",
        f"dn-01_{EPOCH}_1-4.jsonl.zst\n",
        f"dn-01_{EPOCH}_1-4.jsonl",
    ],
)
def test_other_names_say_nothing(name):
    assert parse_file_name(name) is None


def test_a_list_speaks_of_its_own_epoch_only():
    own = CarriedFile(name=str(FileName("dn-01", EPOCH, (1, 2))), rows=2, bytes=9, sha256="ab")
    other = msgspec.structs.replace(own, name=str(FileName("dn-02", EPOCH, (1, 2))))
    manifest = Manifest(probe="dn-01", epoch=EPOCH, made=2, complete=True, software="t")
    good = msgspec.structs.replace(manifest, files=(own,))
    assert decode_manifest(msgspec.json.encode(good)) == good
    with pytest.raises(ValueError, match="not of its epoch"):
        decode_manifest(msgspec.json.encode(msgspec.structs.replace(manifest, files=(other,))))


@pytest.mark.parametrize(
    "wrong", [{"probe": "../x"}, {"made": -1}, {"made": 1 << 63}, {"epoch": "no"}]
)
def test_what_a_list_may_not_say(wrong):
    good = {"probe": "dn-01", "epoch": str(EPOCH), "made": 1, "complete": True, "software": "t"}
    with pytest.raises(ValueError, match=next(iter(wrong))):
        decode_manifest(msgspec.json.encode(good | wrong))
