"""Where the collector still lacks samples: the retained message on `.../down/needs`."""

from datetime import datetime
from typing import Annotated

import msgspec

from wire.cells import Plmn, RatClass
from wire.codec import UNDECODABLE

MAX_BYTES = 1 << 18
MAX_NEEDS = 2_000
MAX_POINTS = 20_000
"""Of all polygons together."""

Latitude = Annotated[float, msgspec.Meta(ge=-90, le=90)]
Longitude = Annotated[float, msgspec.Meta(ge=-180, le=180)]


class UnreadableNeedsError(ValueError):
    """The bytes are no `SampleNeeds` that could be used; the text says why."""


class Circle(msgspec.Struct, frozen=True, kw_only=True):
    """All within a distance of a point."""

    lat_deg: Latitude
    lon_deg: Longitude
    radius_m: Annotated[float, msgspec.Meta(gt=0, le=500_000)]


class SampleNeed(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Samples that one target lacks in one area. What is absent holds for any."""

    area: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """Its code."""
    name: Annotated[str, msgspec.Meta(max_length=200)]
    target: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    """Id of the target, e.g. `t1`."""
    missing: Annotated[int, msgspec.Meta(ge=0)]
    """Samples; 0 says that there are enough."""
    circle: Circle | None = None
    polygon: Annotated[tuple[tuple[Latitude, Longitude], ...], msgspec.Meta(max_length=5_000)] = ()
    """Its corners, latitude first; the last joins the first. Either this or `circle`."""
    kind: Annotated[str, msgspec.Meta(max_length=32)] | None = None
    """Of the records: `throughput`, `video`, `latency`."""
    plmn: Plmn | None = None
    """Of the operator."""
    rat_class: RatClass | None = None
    day_parts: Annotated[
        tuple[
            Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3])-([01][0-9]|2[0-3])$")], ...
        ],
        msgspec.Meta(max_length=24),
    ] = ()
    """Local hours from-to, e.g. `22-06`: from 22:00 up to 06:00."""


class SampleNeeds(msgspec.Struct, frozen=True, kw_only=True):
    """All that one probe's areas lack. What is in no need has enough."""

    probe: str
    made_utc: datetime
    valid_until_utc: datetime
    """From then on nothing is known: everything runs as planned."""
    needs: Annotated[tuple[SampleNeed, ...], msgspec.Meta(max_length=MAX_NEEDS)]


_decoder = msgspec.json.Decoder(SampleNeeds)


def decode_needs(payload: bytes) -> SampleNeeds:
    """The message in these bytes; raises `UnreadableNeedsError` naming what is wrong."""
    if len(payload) > MAX_BYTES:
        raise UnreadableNeedsError(f"{len(payload)} bytes; the limit is {MAX_BYTES}")
    try:
        message = _decoder.decode(payload)
    except UNDECODABLE as error:
        raise UnreadableNeedsError(str(error)) from error
    for key in ("made_utc", "valid_until_utc"):
        if getattr(message, key).utcoffset() is None:
            raise UnreadableNeedsError(f"time without an offset - at `$.{key}`")
    for index, need in enumerate(message.needs):
        if (need.circle is None) == (not need.polygon):
            raise UnreadableNeedsError(f"either circle or polygon - at `$.needs[{index}]`")
        if need.polygon and len(need.polygon) < 3:  # noqa: PLR2004  # a triangle
            raise UnreadableNeedsError(f"fewer than three corners - at `$.needs[{index}].polygon`")
    if sum(len(need.polygon) for need in message.needs) > MAX_POINTS:
        raise UnreadableNeedsError(f"more than {MAX_POINTS} corners together")
    return message
