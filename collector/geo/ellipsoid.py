"""Metres and square kilometres on the WGS 84 ellipsoid (EPSG:4326), for arrays."""

from typing import Any, NamedTuple

import numpy as np
import shapely

EQUATOR_M = 6_378_137.0
ECCENTRICITY_2 = 0.00669437999014
_ECCENTRICITY = ECCENTRICITY_2**0.5


def metres(start: Any, end: Any) -> tuple[Any, Any]:
    """East and north from `start` to `end`, longitude first, for points not far apart."""
    per_lon, per_lat = _per_radian(np.radians((start[..., 1] + end[..., 1]) / 2))
    moved = np.radians(end - start)
    return moved[..., 0] * per_lon, moved[..., 1] * per_lat


def metres_per_degree(lat_deg: Any) -> tuple[Any, Any]:
    """Metres of a degree of longitude and of one of latitude, at these latitudes."""
    per_lon, per_lat = _per_radian(np.radians(lat_deg))
    return np.radians(per_lon), np.radians(per_lat)


def distance_m(start: Any, end: Any) -> Any:
    """Metres between points not far apart, longitude first."""
    return np.hypot(*metres(np.asarray(start), np.asarray(end)))


def area_km2(geometry: Any) -> Any:
    """Area of polygons in degrees: they are laid out as a cylinder of equal areas."""
    return shapely.area(shapely.transform(geometry, _equal_area)) / 1e6


def _equal_area(degrees: Any) -> Any:
    sine = np.sin(np.radians(degrees[:, 1]))
    bent = _ECCENTRICITY * sine
    north = (1 - ECCENTRICITY_2) * (
        sine / (1 - bent**2) - np.log((1 - bent) / (1 + bent)) / (2 * _ECCENTRICITY)
    )
    return np.column_stack([np.radians(degrees[:, 0]), north / 2]) * EQUATOR_M


def _per_radian(latitude: Any) -> tuple[Any, Any]:
    flattened = 1 - ECCENTRICITY_2 * np.sin(latitude) ** 2
    normal_m = EQUATOR_M / np.sqrt(flattened)
    return normal_m * np.cos(latitude), normal_m * (1 - ECCENTRICITY_2) / flattened


class Foot(NamedTuple):
    """Where on its segment each point is nearest: arrays, one entry a point."""

    share: Any
    """Of the segment, from its start: 0 to 1."""
    length_m: Any
    """Of the whole segment."""
    offset_m: Any
    """From there to the point."""


def foot(points: Any, start: Any, end: Any) -> Foot:
    """The place nearest to each point on its own segment, all longitude first."""
    along = np.stack(metres(start, end), axis=-1)
    beside = np.stack(metres(start, points), axis=-1)
    squared = (along * along).sum(axis=-1)
    share = np.clip((along * beside).sum(axis=-1) / np.where(squared > 0, squared, 1), 0, 1)
    offset = beside - along * share[..., None]
    return Foot(share, np.sqrt(squared), np.hypot(offset[..., 0], offset[..., 1]))
