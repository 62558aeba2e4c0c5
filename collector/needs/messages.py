"""What probes are told: needs as `wire.needs` has them, within its limits.

Every probe is told of all areas. What is in no need has enough, so an area that was left out would
be skipped by whoever drives there. Where all of it does not fit, needs are made wider, never fewer:
coarser outlines, targets of one kind together, operators together, circles.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec

from collector.needs.errors import NeedsError
from collector.needs.lack import Lack
from collector.needs.outlines import Corners, Outlines, circle, simple
from wire.cells import RatClass
from wire.needs import (
    MAX_BYTES,
    Circle,
    SampleNeed,
    SampleNeeds,
    UnreadableNeedsError,
    decode_needs,
)

_NAME = 200
_CODE = 64


class _Grain(NamedTuple):
    """How coarsely needs are told."""

    corners: int
    """Of an outline; none is a circle."""
    targets_together: bool = False
    operators_together: bool = False


_GRAINS = (
    _Grain(24),
    _Grain(12),
    _Grain(12, targets_together=True),
    _Grain(6, targets_together=True),
    _Grain(6, targets_together=True, operators_together=True),
    _Grain(0, targets_together=True, operators_together=True),
)


def message(
    lacks: Sequence[Lack],
    outlines: Outlines,
    *,
    probe: str,
    made_utc: datetime,
    valid_until_utc: datetime,
) -> bytes:
    """The message to one probe, as it was read back; raises `NeedsError` where it cannot fit."""
    for grain in _GRAINS:
        needs = SampleNeeds(
            probe=probe,
            made_utc=made_utc,
            valid_until_utc=valid_until_utc,
            needs=tuple(_needs(lacks, outlines, grain)),
        )
        payload = msgspec.json.encode(needs)
        if len(payload) > MAX_BYTES:
            continue
        try:
            decode_needs(payload)  # a probe would not read what we cannot
        except UnreadableNeedsError:
            continue
        return payload
    raise NeedsError(
        f"{len(lacks)} needs do not fit into {MAX_BYTES} bytes: name fewer targets (--target)"
    )


def _needs(lacks: Iterable[Lack], outlines: Outlines, grain: _Grain) -> Iterable[SampleNeed]:
    shapes: dict[object, Circle | Corners] = {}
    for one in _together(lacks, grain):
        key = (one.boundary_set, one.level, one.code, one.around)
        if key not in shapes:
            shape = _shape(one, outlines, grain)
            if shape is None:
                continue
            shapes[key] = shape
        shape = shapes[key]
        yield SampleNeed(
            area=one.code[:_CODE],
            name=one.name[:_NAME],
            target=one.target[:_CODE].lower(),
            missing=one.missing,
            circle=shape if isinstance(shape, Circle) else None,
            polygon=() if isinstance(shape, Circle) else shape,
            kind=None if one.kind == "radio" else one.kind,
            plmn=one.plmn,
            rat_class=None if one.rat_class is None else RatClass(one.rat_class),
            day_parts=one.day_parts if one.only_day_parts else (),
        )


def _together(lacks: Iterable[Lack], grain: _Grain) -> Iterable[Lack]:
    """Needs that a probe would serve alike as one, wide enough for each of them."""
    found: dict[tuple[object, ...], Lack] = {}
    for one in lacks:
        plmn = None if grain.operators_together else one.plmn
        target = None if grain.targets_together else one.target
        place = (one.boundary_set, one.level, one.code, one.around)
        key = (*place, one.kind, one.rat_class, plmn, target)
        same = msgspec.structs.replace(one, plmn=plmn)
        found[key] = _wider(found[key], same) if key in found else same
    return found.values()


def _wider(one: Lack, other: Lack) -> Lack:
    only = one.only_day_parts and other.only_day_parts
    parts = {*one.day_parts, *other.day_parts}
    return msgspec.structs.replace(
        one,
        missing=max(one.missing, other.missing),
        only_day_parts=only,
        day_parts=tuple(sorted(parts)) if only else (),
    )


def _shape(one: Lack, outlines: Outlines, grain: _Grain) -> Circle | Corners | None:
    if one.around is not None:
        near = one.around
        return Circle(lat_deg=near.lat_deg, lon_deg=near.lon_deg, radius_m=near.radius_m)
    outline = outlines.of(one.boundary_set, one.level, one.code)
    if outline is None:
        return None
    if grain.corners:
        return simple(outline, corners=grain.corners)
    lat_deg, lon_deg, radius_m = circle(outline)
    return Circle(lat_deg=lat_deg, lon_deg=lon_deg, radius_m=radius_m)
