"""The areas and place lists a plan names, read from their files."""

from collections.abc import Iterator
from pathlib import Path

from agent.misfits import Misfit
from agent.plan.entry import Area, Entry
from agent.plan.geo_files import MAX_BYTES, GeoError, parse_area, parse_places
from agent.plan.shapes import Circle, Point, Shape
from agent.plan.triggers import Where, where_of


class PlanFiles:
    """What the entries of one plan are about, each file read once."""

    def __init__(self, areas: tuple[Area, ...], entries: tuple[Entry, ...]) -> None:
        """Never raises: what could not be used is in `misfits`."""
        self.misfits: list[Misfit] = []
        self._areas: dict[str, Shape] = {}
        self._places: dict[Path, Where] = {}
        for index, area in enumerate(areas):
            try:
                self._areas[area.name] = _shape(area)
            except GeoError as error:
                self.misfits.append(Misfit(f"area[{index}].file", str(error)))
        for place, file in _lists(entries):
            try:
                self._places[file] = where_of(parse_places(_read(file)))
            except GeoError as error:
                self.misfits.append(Misfit(place, f"{file.name}: {error}"))

    def where(self, entry: Entry) -> Where:
        """The entry's area or places; empty without any that can be used."""
        if entry.area in self._areas:
            return (self._areas[entry.area],)
        return () if entry.places is None else self._places.get(entry.places, ())


def _lists(entries: tuple[Entry, ...]) -> Iterator[tuple[str, Path]]:
    """Each list once, with the first place that names it."""
    seen: set[Path] = set()
    for index, entry in enumerate(entries):
        if entry.places is not None and entry.places not in seen:
            seen.add(entry.places)
            yield f"plan[{index}].places", entry.places


def _shape(area: Area) -> Shape:
    if area.file is not None:
        try:
            return parse_area(_read(area.file), where=area.where)
        except GeoError as error:
            raise GeoError(f"{area.file.name}: {error}") from error
    return Circle(Point(area.lat_deg or 0.0, area.lon_deg or 0.0), area.radius_m or 0.0)


def _read(file: Path) -> bytes:
    """All of a file, or one byte more than is allowed."""
    if file.exists() and not file.is_file():
        raise GeoError("is no file")  # a pipe would be waited for
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise GeoError(f"cannot be read: {error.strerror}") from error
