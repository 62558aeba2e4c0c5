import json
from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import topics
from wire.signature import (
    UnusableKeyError,
    is_signed,
    new_secret_key,
    public_key_of,
    sign,
)
from wire.signed_plan import (
    MAX_BYTES,
    MAX_NUMBER,
    RefusedPlanError,
    SignedPlan,
    decode_plan,
    encode_plan,
    signed,
    signed_bytes,
)

SECRET = new_secret_key()
PUBLIC = public_key_of(SECRET)
NOW = datetime(2026, 12, 1, 5, tzinfo=UTC)
PLAN = '[[plan]]\nname = "gsm"\nactivity = "scan"\nevery_s = 600\n# quét\n'
MESSAGE = signed(
    SignedPlan(
        probe="dn-01",
        number=7,
        made_utc=NOW,
        valid_until_utc=NOW + timedelta(days=30),
        plan=PLAN,
    ),
    SECRET,
)
WRITTEN = encode_plan(MESSAGE)


def believed(payload, keys=(PUBLIC,)):
    """Whether a reader would take these bytes for a message of the key's holder."""
    try:
        message = decode_plan(payload)
    except RefusedPlanError:
        return False
    return is_signed(signed_bytes(message), message.signature, keys)


def test_what_was_signed_is_read_again():
    assert decode_plan(WRITTEN) == MESSAGE
    assert believed(WRITTEN)
    assert not believed(WRITTEN, keys=())
    assert believed(WRITTEN, keys=(public_key_of(new_secret_key()), PUBLIC))


@given(st.integers(0, 8 * len(WRITTEN) - 1))
def test_a_bit_that_flips_anywhere_is_noticed(place):
    flipped = bytearray(WRITTEN)
    flipped[place // 8] ^= 1 << place % 8
    assert not believed(bytes(flipped))


@given(st.integers(0, len(WRITTEN) - 1), st.integers(0, len(WRITTEN)), st.binary(max_size=8))
def test_bytes_put_in_or_taken_out_anywhere_are_noticed(begin, length, instead):
    other = WRITTEN[:begin] + instead + WRITTEN[begin + length :]
    assert believed(other) == (other == WRITTEN)


@given(st.text(max_size=200), st.integers(1, MAX_NUMBER), st.datetimes(timezones=st.just(UTC)))
def test_any_plan_is_read_as_it_was_written(plan, number, made_utc):
    message = SignedPlan(probe="dn-01", number=number, made_utc=made_utc, plan=plan)
    written = encode_plan(signed(message, SECRET))
    assert decode_plan(written).plan == plan
    assert believed(written)


def test_what_is_signed_can_be_made_with_any_json_library():
    document = json.loads(WRITTEN)
    del document["signature"]
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    assert signed_bytes(MESSAGE) == b"dosong/v1/dn-01/down/plan\n" + text.encode()
    assert topics.plan("dn-01") == "dosong/v1/dn-01/down/plan"


@pytest.mark.parametrize(
    "change", [{"probe": "dn-02"}, {"number": 8}, {"valid_until_utc": None}, {"plan": ""}]
)
def test_a_signature_holds_for_one_message_alone(change):
    assert not believed(encode_plan(msgspec.structs.replace(MESSAGE, **change)))


def test_a_signature_of_somebody_else_or_none_holds_for_nothing():
    assert not believed(encode_plan(signed(MESSAGE, new_secret_key())))
    assert not believed(encode_plan(msgspec.structs.replace(MESSAGE, signature=b"")))
    assert not believed(encode_plan(msgspec.structs.replace(MESSAGE, signature=b"x" * 63)))


def test_the_key_shown_in_the_example_opens_nothing():
    zero = "A" * 43 + "="
    for signature in (bytes(64), sign(signed_bytes(MESSAGE), SECRET), b"\x01" + bytes(63)):
        assert not is_signed(signed_bytes(MESSAGE), signature, (zero,))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"probe": "DN 01"}, "probe"),
        ({"number": 0}, "number"),
        ({"number": MAX_NUMBER + 1}, "number"),
        ({"number": 7.5}, "number"),
        ({"made_utc": "2026-12-01T05:00:00"}, "made_utc"),
        ({"made_utc": "2026-12-01T05:00:00.000Z"}, "not written as it has to be"),
        ({"valid_until_utc": "tomorrow"}, "valid_until_utc"),
        ({"valid_until_utc": None}, "not written as it has to be"),
        ({"plan": None}, "plan"),
        ({"signature": "%%"}, "signature"),
        ({"signature": "A" * 92}, "signature"),
        ({"also": 1}, "unknown field"),
    ],
)
def test_what_is_no_message_is_refused_with_its_place(change, said):
    document = json.loads(WRITTEN) | change
    payload = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    with pytest.raises(RefusedPlanError, match=said) as caught:
        decode_plan(payload)
    assert caught.value.number == (None if "number" in change else 7)


@pytest.mark.parametrize(
    "payload",
    [
        b"null",
        b"{}",
        b"\xff\xfe",
        b"[" * (MAX_BYTES - 1),
        b'{"number":7,"plan":' + b"[" * 100_000,
        WRITTEN.replace(PLAN[:5].encode(), b"\xc3\x28", 1),
        WRITTEN.replace(b"# qu", b"\\ud800", 1),
        b" " + WRITTEN,
        WRITTEN + b"\n",
    ],
)
def test_bytes_that_are_no_message_are_refused(payload):
    with pytest.raises(RefusedPlanError):
        decode_plan(payload)


def test_a_message_is_bounded_before_it_is_read():
    with pytest.raises(RefusedPlanError, match="longer than 262144 bytes"):
        decode_plan(WRITTEN + b" " * MAX_BYTES)


def test_the_same_instant_in_another_zone_is_another_message():
    local = MESSAGE.made_utc.astimezone(timezone(timedelta(hours=7)))
    there = msgspec.structs.replace(MESSAGE, made_utc=local)
    assert there == MESSAGE
    assert not believed(encode_plan(there))


@pytest.mark.parametrize("text", ["", "%%%", "AAAA", "A" * 40 + "é"])
def test_what_is_no_secret_key_signs_nothing(text):
    with pytest.raises(UnusableKeyError):
        signed(MESSAGE, text)
