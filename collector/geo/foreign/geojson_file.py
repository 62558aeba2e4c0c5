"""A GeoJSON FeatureCollection (RFC 7946)."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from collector.geo import geojson
from collector.geo.foreign.given import Given, Options
from collector.geo.foreign.text import decoded
from collector.geo.geojson import GeographyError


def read(file: Path, content: bytes, options: Options) -> list[Given]:
    """Its features; raises `GeographyError` for what is no such file or not in degrees."""
    text = decoded(file, content, options.encoding)
    try:
        raw = msgspec.json.decode(text, type=geojson.RawCollection)
    except (ValueError, RecursionError) as error:
        raise GeographyError(file, None, f"no GeoJSON FeatureCollection: {error}") from error
    geojson.check_system(file, raw)
    return list(_features(raw, options))


def _features(raw: geojson.RawCollection, options: Options) -> Iterator[Given]:
    for index, line in enumerate(raw.features):
        try:
            feature = msgspec.json.decode(line, type=geojson.RawFeature)
            properties = options.named(_properties(feature.properties))
            yield Given(index, properties, geojson.decoded(feature.geometry))
        except (ValueError, RecursionError) as error:
            yield Given(index, {}, None, str(error))


def _properties(raw: msgspec.Raw) -> dict[str, Any]:
    """The properties; a key that stands there twice may mean either and is refused."""
    found = json.loads(bytes(raw), object_pairs_hook=_once, parse_constant=_no_number)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError("properties are no object")  # noqa: TRY004  # of the file, not of a caller
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"property {twice!r} stands there twice")
    return found


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number")
