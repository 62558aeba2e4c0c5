"""GPX 1.0 and 1.1: waypoints as points, tracks and routes as lines."""

from pathlib import Path
from typing import Any
from xml.parsers import expat

import numpy as np
import shapely

from collector.geo.foreign.given import Given, Options
from collector.geo.geojson import GeographyError
from collector.geo.layer import Kind

_POINTS = frozenset({Kind.POINTS, Kind.SITES})
_ITEMS = {"wpt": "waypoint", "rte": "route", "trk": "track"}
_VERTICES = frozenset({"wpt", "rtept", "trkpt"})
_TEXTS = frozenset({"name", "desc", "cmt", "type", "sym"})


def read(file: Path, content: bytes, options: Options) -> list[Given]:
    """Its waypoints for points and sites, its tracks and routes for roads.

    Raises `GeographyError`.
    """
    if options.kind not in {*_POINTS, Kind.ROADS}:
        raise GeographyError(file, None, f"GPX holds points and lines, no {options.kind}")
    parser = expat.ParserCreate(namespace_separator=" ")
    reader = _Reader(options)
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = reader.refuse  # entities could make a small file endless
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError) as error:
        line = getattr(error, "lineno", parser.CurrentLineNumber)
        raise GeographyError(file, f"line {line}", f"no GPX: {error}") from error
    return reader.found


class _Reader:
    """What the parser has met so far."""

    def __init__(self, options: Options) -> None:
        self.found: list[Given] = []
        self._options = options
        self._wanted = {"wpt"} if options.kind in _POINTS else {"rte", "trk"}
        self._path: list[str] = []
        self._counts = dict.fromkeys(_ITEMS, 0)
        self._texts: dict[str, str] = {}
        self._lines: list[list[tuple[float, float]]] = [[]]

    def start(self, name: str, attributes: dict[str, str]) -> None:
        tag = name.rpartition(" ")[2]
        self._path.append(tag)
        if len(self._path) == 1 and tag != "gpx":
            raise ValueError(f"begins with <{tag}>, not with <gpx>")
        if tag in _ITEMS:
            self._texts, self._lines = {}, [[]]
            self._counts[tag] += 1
        elif tag == "trkseg":
            self._lines.append([])
        if tag in _VERTICES:
            try:
                vertex = (float(attributes["lon"]), float(attributes["lat"]))
            except KeyError as error:
                raise ValueError(f"<{tag}> without {error}") from error
            self._lines[-1].append(vertex)

    def end(self, name: str) -> None:
        tag = name.rpartition(" ")[2]
        self._path.pop()
        if tag in self._wanted:
            self.found.append(self._item(tag))

    def text(self, text: str) -> None:
        if len(self._path) > 1 and self._path[-2] in _ITEMS and self._path[-1] in _TEXTS:
            key = self._path[-1]
            self._texts[key] = self._texts.get(key, "") + text

    def refuse(self, *_: Any) -> None:
        raise ValueError("holds a document type declaration, which GPX has no use for")

    def _item(self, tag: str) -> Given:
        place = f"{_ITEMS[tag]} {self._counts[tag]}"
        texts = {key: text.strip() for key, text in self._texts.items()}
        if "name" in texts and tag != "wpt":
            texts["road"] = texts["name"]
        try:
            return Given(place, self._options.named(texts), self._geometry(tag))
        except ValueError as error:
            return Given(place, {}, None, str(error))

    def _geometry(self, tag: str) -> Any:
        if tag == "wpt":
            return shapely.Point(self._lines[-1][0])
        lines = [np.array(line) for line in self._lines if len(line) > 1]
        if not lines:
            raise ValueError("has less than two points")
        return shapely.LineString(lines[0]) if len(lines) == 1 else shapely.MultiLineString(lines)
