"""Features as the one text that their hash is taken of."""

import hashlib
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import shapely

from collector.geo.as_stored import nfc, rounded
from collector.geo.geojson import Feature


def normalised(features: Iterable[Feature[Any]]) -> bytes:
    """GeoJSON with the known properties only, sorted; one feature a line, in their order.

    Texts are NFC, so that a name typed on another system is the same name. The order is kept: it
    says which area has a point that two claim, and how the pieces of a road follow each other.
    """
    listed = list(features)
    geometries = rounded(np.array([one.geometry for one in listed], dtype=object))
    texts = shapely.to_geojson(geometries)
    lines = (_line(one.properties, text) for one, text in zip(listed, texts, strict=True))
    return b'{"type":"FeatureCollection","features":[\n' + b",\n".join(lines) + b"\n]}\n"


def sha256_of(content: bytes) -> str:
    """What a content is called."""
    return hashlib.sha256(content).hexdigest()


def _line(properties: Any, geometry: str | None) -> bytes:
    known = {
        key: nfc(value) if isinstance(value, str) else value
        for key, value in msgspec.to_builtins(properties).items()
    }
    raw = msgspec.Raw((geometry or "null").encode())
    return msgspec.json.encode(
        {"type": "Feature", "properties": known, "geometry": raw}, order="sorted"
    )
