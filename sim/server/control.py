"""The newest control test: what a wired host reached against this server. No I/O but the token's.

A probe's low rate counts against an operator only while the server itself is known to be fast.
"""

import hmac
import re
from pathlib import Path
from typing import Annotated

import msgspec

MIN_TOKEN_CHARS, MAX_TOKEN_BYTES = 16, 1024
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""RFC 6750, 2.1."""

BitsPerSecond = Annotated[float, msgspec.Meta(ge=0, le=1e12)]


class TokenError(ValueError):
    """The file holds no token that could protect anything."""


class ControlRates(msgspec.Struct, frozen=True, kw_only=True):
    """What the control test measured."""

    down_bits_per_second: BitsPerSecond
    up_bits_per_second: BitsPerSecond


class ControlState(msgspec.Struct, frozen=True, kw_only=True):
    """What `GET /status` tells of it."""

    down_bits_per_second: float
    up_bits_per_second: float
    age_s: float


class Control:
    """Takes control tests from who knows the token."""

    def __init__(self, token: str) -> None:
        self._expected = f"Bearer {token}".encode()
        self._newest: tuple[ControlRates, float] | None = None

    def trusts(self, authorization: str | None) -> bool:
        """Whether an `Authorization` header carries the token; takes the same time for all."""
        return hmac.compare_digest(self._expected, (authorization or "").encode(errors="replace"))

    def store(self, rates: ControlRates, now_s: float) -> None:
        """Keep the newest; `now_s` on a monotonic clock."""
        self._newest = rates, now_s

    def state(self, now_s: float) -> ControlState | None:
        """The newest with its age; None before the first."""
        if self._newest is None:
            return None
        rates, at_s = self._newest
        return ControlState(
            down_bits_per_second=rates.down_bits_per_second,
            up_bits_per_second=rates.up_bits_per_second,
            age_s=round(now_s - at_s, 3),
        )


def read_token(file: Path) -> str:
    """The token in a file; raises OSError and `TokenError`, which never quotes it."""
    with file.open("rb") as stream:
        token = stream.read(MAX_TOKEN_BYTES).decode("ascii", errors="replace").strip()
    if TOKEN.fullmatch(token) is None or len(token) < MIN_TOKEN_CHARS:
        raise TokenError(f"{file}: not a token of at least {MIN_TOKEN_CHARS} letters and digits")
    return token
