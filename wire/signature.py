"""Ed25519 (RFC 8032): the only import of PyNaCl.

PyNaCl because it costs a probe 0.9 MB of memory; `cryptography`, which brings OpenSSL, 7.5 MB.
"""

import base64
import binascii
from collections.abc import Iterable
from typing import Annotated

from msgspec import Meta
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

KEY_BYTES = 32
PublicKey = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/]{43}=$")]
"""The 32 bytes in base64, as `dosong-collector plan keygen` prints it."""


class UnusableKeyError(ValueError):
    """The text is no secret key."""


def new_secret_key() -> str:
    """A secret key as text, from the system's random numbers."""
    return _text(bytes(SigningKey.generate()))


def public_key_of(secret_key: str) -> str:
    """What a probe has to know to believe this key; raises `UnusableKeyError`."""
    return _text(bytes(_signing_key(secret_key).verify_key))


def sign(content: bytes, secret_key: str) -> bytes:
    """The 64 bytes that only the holder of the key can make; raises `UnusableKeyError`."""
    return _signing_key(secret_key).sign(content).signature


def is_signed(content: bytes, signature: bytes, public_keys: Iterable[PublicKey]) -> bool:
    """Whether the holder of one of these keys signed exactly this."""
    return any(_verifies(content, signature, base64.b64decode(key)) for key in public_keys)


def _verifies(content: bytes, signature: bytes, public_key: bytes) -> bool:
    try:
        VerifyKey(public_key).verify(content, signature)
    except (BadSignatureError, ValueError):  # the latter: not 64 bytes
        return False
    return True


def _signing_key(text: str) -> SigningKey:
    try:
        seed = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise UnusableKeyError("no secret key: not base64") from error
    if len(seed) != KEY_BYTES:
        raise UnusableKeyError(f"no secret key: {len(seed)} bytes, not {KEY_BYTES}")
    return SigningKey(seed)


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode("ascii")
