"""Video sessions: what is asked of one, and what its record says."""

import math
from typing import NamedTuple

import msgspec

from sim.province.counts import Test
from sim.province.spoilt import Shown
from wire.kinds import video
from wire.messages import Outcome

_MEDIA_S = 20.0
_BITS_A_BYTE = 8


class Session(NamedTuple):
    """What is asked of a video session, and of its target."""

    test: Test
    height: int
    profile: str
    other_profile: str
    needed_mbit_s: float


SESSIONS = (
    Session(Test.VIDEO_1080, 1080, "video-1080p", "video-1080p-short", 5.0),
    Session(Test.VIDEO_2160, 2160, "video-2160p", "video-2160p-dash", 25.0),
)


def poorness(factor: float) -> float:
    """How much likelier a poor session is where rates are this high compared with the mean.

    Linear, so that its mean over places and hours is 1 as theirs is.
    """
    return max(0.0, 2.0 - factor)


def payload(asked: Session, shown: Shown, rate_mbit_s: float) -> video.Payload:
    """What a session at this download rate says of itself; one that failed has no figures."""
    started = video.Payload(height=asked.height, server="main", media_s=_MEDIA_S, radio=shown.radio)
    if shown.outcome is Outcome.FAILED:
        return started
    media_bytes = round(_MEDIA_S * asked.needed_mbit_s * 1e6 / _BITS_A_BYTE)
    stall_s = round(max(0.0, (asked.needed_mbit_s / rate_mbit_s - 1) * _MEDIA_S), 2)
    return msgspec.structs.replace(
        started,
        payload_bytes=media_bytes,
        outstanding_s=round(media_bytes * _BITS_A_BYTE / (rate_mbit_s * 1e6), 3),
        bits_per_second=rate_mbit_s * 1e6,
        ip_access_s=0.15,
        access_s=round(0.15 + 2 * asked.needed_mbit_s / rate_mbit_s, 3),
        stalls=min(6, math.ceil(stall_s / 4)),
        stall_total_s=stall_s,
        stall_longest_s=min(stall_s, 4.0),
        played_s=_MEDIA_S,
        share_1080=1.0,
        share_2160=float(asked.height == 2160),  # noqa: PLR2004  # lines
    )
