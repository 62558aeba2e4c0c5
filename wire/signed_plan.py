"""A plan that is sent to a probe: the retained message on `.../down/plan`.

There is one way to write a message, `encode_plan`, and a reader takes no other: whatever differs
from it in a single byte is refused. The signature is over the topic and the message as it is
written without its signature, so it holds for one probe and one number.
"""

import hashlib
from datetime import datetime
from typing import Annotated

import msgspec

from wire import topics
from wire.codec import PROBE_NAME, UNDECODABLE
from wire.signature import sign

TABLES = ("server", "area", "plan")
"""What a running probe takes up; whatever else stands in a plan is refused."""
MAX_BYTES = 1 << 18
"""Of a message. The longest plan known has a hundredth of it."""
MAX_LINE = 1000
"""Characters of a line of the plan: reading `a.a.a. ...` takes time by the square of its length."""
MAX_NUMBER = (1 << 53) - 1
"""Every JSON reader knows it exactly."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class RefusedPlanError(ValueError):
    """A message that is not taken up. `number` is set where it at least said so."""

    def __init__(self, reason: str, *, number: int | None = None) -> None:
        """Keep the reason and whatever of the number could be read."""
        super().__init__(reason)
        self.reason = reason
        self.number = number


class SignedPlan(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Tables that take the place of those in a probe's configuration."""

    probe: Annotated[str, msgspec.Meta(pattern=f"^{PROBE_NAME.pattern}$")]
    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]
    """Counts up: a number that is not above the last accepted one is refused."""
    made_utc: Instant
    valid_until_utc: Instant | None = None
    """From then on the probe follows its own plan again; absent: until it is withdrawn."""
    plan: str
    """TOML with `[[plan]]`, `[[area]]` and `[[server]]`; without any the last plan is withdrawn."""
    signature: Annotated[bytes, msgspec.Meta(max_length=64)] = b""
    """Ed25519 over `signed_bytes`, in base64."""


class _Numbered(msgspec.Struct, frozen=True):
    number: Annotated[int, msgspec.Meta(ge=1, le=MAX_NUMBER)]


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(SignedPlan)
_numbered_decoder = msgspec.json.Decoder(_Numbered)


def encode_plan(message: SignedPlan) -> bytes:
    """The only way to write it: compact JSON, keys in the order of `SignedPlan`."""
    return _encoder.encode(message)


def decode_plan(payload: bytes) -> SignedPlan:
    """The message in these bytes, unverified; raises `RefusedPlanError`."""
    if len(payload) > MAX_BYTES:
        raise RefusedPlanError(f"longer than {MAX_BYTES} bytes")
    try:
        message = _decoder.decode(payload)
    except UNDECODABLE as error:
        raise RefusedPlanError(f"unreadable: {error}", number=_number(payload)) from error
    if encode_plan(message) != payload:
        raise RefusedPlanError("not written as it has to be", number=message.number)
    if any(len(line) > MAX_LINE for line in message.plan.split("\n")):
        reason = f"a line of the plan is longer than {MAX_LINE} characters"
        raise RefusedPlanError(reason, number=message.number)
    return message


def signed_bytes(message: SignedPlan) -> bytes:
    """What the signature is over."""
    unsigned = msgspec.structs.replace(message, signature=b"")
    return topics.plan(message.probe).encode() + b"\n" + encode_plan(unsigned)


def signed(message: SignedPlan, secret_key: str) -> SignedPlan:
    """The same with its signature; raises `wire.signature.UnusableKeyError`."""
    signature = sign(signed_bytes(message), secret_key)
    return msgspec.structs.replace(message, signature=signature)


def digest(payload: bytes) -> str:
    """Names a message by its bytes, so that an answer says which one it is about."""
    return hashlib.sha256(payload).hexdigest()[:16]


def _number(payload: bytes) -> int | None:
    try:
        return _numbered_decoder.decode(payload).number
    except UNDECODABLE:
        return None
