"""Areas, roads, points and operators: what verdicts are about, as it was on a day."""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date, datetime

import msgspec
import numpy as np
import shapely

from collector.config import Config
from collector.geo import configured
from collector.geo import points as geo_points
from collector.geo.areas import AreaSet, AreaSets
from collector.geo.declared import Declared, Sites
from collector.geo.exceptions import Exceptions
from collector.geo.geojson import read
from collector.geo.kinds import SHAPES
from collector.geo.layer import Kind, Layer
from collector.geo.library import Library, LibraryError
from collector.geo.normal import normalised
from collector.geo.points import Points
from collector.geo.population import Population
from collector.geo.roads import Line, Roads
from collector.kpi import Area, Ground, Operator, Point, PopulationCell, Road, Site, Stretch
from collector.targets.layers import MapLayers
from collector.targets.operators import operators
from collector.targets.periods import VIET_NAM
from collector.targets.target import AREA_LEVELS, Target

_METRES_PER_DEGREE = 111_320.0


class Material(msgspec.Struct, frozen=True, kw_only=True):
    """All that a geography is made of, each layer by the hash of its content."""

    layers: tuple[Layer, ...]
    operators: tuple[Operator, ...]

    @property
    def digest(self) -> str:
        """Of the contents and of the days on which they count, wherever the files lie."""
        said = [
            (one.kind, one.title, one.sha256, one.valid_from, one.valid_to) for one in self.layers
        ]
        text = msgspec.json.encode((said, self.operators))
        return hashlib.sha256(text).hexdigest()


class Geography:
    """Everything that the configuration and the library know, read once."""

    def __init__(self, material: Material) -> None:
        """Read the layers; raises `collector.geo.geojson.GeographyError`."""
        self.material = material
        by_kind: Mapping[Kind, list[Layer]] = {kind: [] for kind in Kind}
        for one in material.layers:
            by_kind[one.kind].append(one)
        self._sets = AreaSets(by_kind[Kind.BOUNDARIES])
        self._roads = Roads(by_kind[Kind.ROADS])
        self._exceptions = Exceptions(by_kind[Kind.EXCEPTIONS])
        self._points = Points(by_kind[Kind.POINTS])
        self._population = Population(by_kind[Kind.POPULATION])
        self._declared = Declared(by_kind[Kind.DECLARED])
        self._sites = Sites(by_kind[Kind.SITES])

    @classmethod
    def configured(cls, config: Config) -> "Geography":
        """What is in use; raises `ConfigError`, `LibraryError` or `TargetError`."""
        for check in (configured.area_sets, configured.roads, configured.points):
            check(config)  # names the key of the configuration that is wrong
        found = [one for kind in Kind for one in configured.layers(config, kind)]
        return cls(Material(layers=tuple(found), operators=operators(config.targets.operators)))

    def frozen_in(self, library: Library) -> Material:
        """The material with every content kept in the library."""
        return msgspec.structs.replace(
            self.material, layers=tuple(_kept(one, library) for one in self.material.layers)
        )

    def grounds(self, target: Target, at: datetime) -> tuple[Ground, ...]:
        """What a target is judged on: one ground for each boundary set of that day.

        A target of roads or points has one. Old areas and new ones that are valid together are
        judged beside each other.
        """
        day = at.astimezone(VIET_NAM).date()
        sets = self._sets.on(day)
        if not set(target.levels) & set(AREA_LEVELS):
            sets = sets[:1]
        return tuple(self.ground(day, one) for one in sets) or (self.ground(day, None),)

    def of_day(self, day: date) -> Ground:
        """The ground of a day by the boundary set listed first."""
        return self.ground(day, next(iter(self._sets.on(day)), None))

    def ground(self, day: date, areas: AreaSet | None) -> Ground:
        """One boundary set, and all that does not depend on it."""
        roads = self._roads.on(day)
        map_layers = MapLayers(areas, roads, self._declared, day, self.material.operators)
        return Ground(
            boundary_set=None if areas is None else areas.title,
            areas=() if areas is None else tuple(self._areas(areas, day)),
            roads=tuple(self._road(line, day) for line in roads.lines),
            operators=self.material.operators,
            points=self._points_on(day, map_layers),
            population=self._cells(day),
            sites=self._sites_on(day),
            layers=map_layers,
            digest=self.material.digest,
            demo=roads.demo or (areas is not None and areas.demo),
        )

    def _areas(self, areas: AreaSet, day: date) -> Iterable[Area]:
        people = self._population.of(areas, day)
        around: dict[tuple[str, str], Area] = {}
        own: list[Area] = []
        for area in areas.areas:
            province, district = area.province_code, area.district_code
            if province is not None:
                name = area.province or province
                around["province", province] = Area(level="province", code=province, name=name)
            if district is not None:
                around["district", district] = Area(
                    level="district",
                    code=district,
                    name=area.district or district,
                    within={"province": province} if province else {},
                )
            codes = {"district": district, "province": province}
            population = people.get(area.code)
            own.append(
                Area(
                    level=area.level,
                    code=area.code,
                    name=area.name,
                    within={level: code for level, code in codes.items() if code is not None},
                    population=None if population is None else round(population),
                )
            )
        return (*around.values(), *own)

    def _road(self, line: Line, day: date) -> Road:
        return Road(
            code=line.road,
            name=line.road,
            length_m=line.length_m,
            line_sha256=line.sha256,
            exceptions=tuple(
                Stretch(
                    from_m=one.from_m, to_m=one.to_m, kind=one.kind.value, operator=one.operator
                )
                for one in self._exceptions.stretches
                if one.road == line.road and one.valid(day)
            ),
        )

    def _points_on(self, day: date, layers: MapLayers) -> tuple[Point, ...]:
        return tuple(
            Point(
                kind=one.kind.value,
                code=one.code,
                name=one.name,
                lat_deg=one.lat_deg,
                lon_deg=one.lon_deg,
                within=_around(one, layers),
            )
            for one in self._points.on(day)
        )

    def _sites_on(self, day: date) -> tuple[Site, ...]:
        names = {plmn: one.name for one in self.material.operators for plmn in one.plmns}
        return tuple(
            Site(
                operator=names.get(one.properties.operator, one.properties.operator),
                code=one.properties.code,
                technology=None
                if one.properties.technology is None
                else one.properties.technology.value,
                lat_deg=one.lat_deg,
                lon_deg=one.lon_deg,
            )
            for one in self._sites.on(day)
        )

    def _cells(self, day: date) -> tuple[PopulationCell, ...]:
        cells = self._population.cells(day)
        scale = np.cos(np.radians(cells.lat_deg)) if len(cells.people) else np.empty(0)
        side_m = np.sqrt(shapely.area(cells.outlines) * scale) * _METRES_PER_DEGREE
        return tuple(
            PopulationCell(*map(float, row))
            for row in zip(cells.lat_deg, cells.lon_deg, cells.people, side_m, strict=True)
        )


def _around(one: geo_points.Point, layers: MapLayers) -> dict[str, str]:
    """The areas a point lies in: as its list says, else by the polygons."""
    said = {"commune": one.area_code, "district": one.district_code}
    return layers.around(one.lat_deg, one.lon_deg) | {
        level: code for level, code in said.items() if code is not None
    }


def _kept(one: Layer, library: Library) -> Layer:
    """The layer with its content in the library; raises `LibraryError` if it has just changed."""
    if not library.file(one.sha256).exists():
        shape = SHAPES[one.kind]
        content = normalised(read(one.file, shape.properties, shape.geometries).features)
        if library.keep(content) != one.sha256:
            raise LibraryError(f"{one.file}: was changed while it was judged by; judge again")
    return msgspec.structs.replace(one, file=library.file(one.sha256))
