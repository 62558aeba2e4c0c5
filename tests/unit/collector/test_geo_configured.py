"""What is used: the files of the configuration and the library, together."""

import json
import unicodedata
from datetime import UTC, date, datetime

import pytest
import shapely

from collector.config import ConfigError, Geo, load
from collector.geo import configured, geojson
from collector.geo.boundaries import GEOMETRIES, AreaProperties
from collector.geo.kinds import SHAPES
from collector.geo.layer import Kind
from collector.geo.library import Entry
from collector.geo.normal import normalised

from .geography import feature, line, point, square, write

DAY = date(2026, 11, 2)


@pytest.fixture
def config(tmp_path):
    def config(text):
        (tmp_path / "collector.toml").write_text(f'[store]\nfolder = "var"\n[geo]\n{text}')
        return load(tmp_path / "collector.toml")

    return config


def test_files_come_before_the_library(config, tmp_path):
    file = write(tmp_path / "a.geojson", feature(square(107.0, 12.0), code="1", name="file"))
    used = config('boundaries = ["a.geojson"]')
    content = normalised(geojson.read(file, AreaProperties, GEOMETRIES).features)
    configured.library(used).add(
        content.replace(b'"file"', b'"library"'),
        lambda version, sha256: Entry(
            name="b", version=version, kind=Kind.BOUNDARIES, sha256=sha256, features=1,
            imported_utc=datetime.now(UTC),
        ),
    )  # fmt: skip
    assert [one.title for one in configured.area_sets(used).on(DAY)] == ["a", "b 1"]
    assert [one.name for one in configured.boundaries(used).areas] == ["file", "library"]


def test_a_file_in_place_has_the_hash_it_would_have_in_the_library(config, tmp_path):
    file = write(tmp_path / "a.geojson", feature(square(107.0, 12.0), code="1", name="x"))
    [layer] = configured.layers(config('boundaries = ["a.geojson"]'), Kind.BOUNDARIES)
    content = normalised(geojson.read(file, AreaProperties, GEOMETRIES).features)
    assert configured.library(config("")).keep(content) == layer.sha256
    [area_set] = configured.area_sets(config('boundaries = ["a.geojson"]')).sets
    assert area_set.sha256 == layer.sha256


def test_every_kind_of_layer_may_be_a_file(config, tmp_path):
    assert set(Geo.__struct_fields__) == set(Kind)
    files = {
        "boundaries": feature(square(107.0, 12.0), code="1", name="x"),
        "roads": feature(line([107.0, 12.0], [107.1, 12.0]), road="QL14"),
        "exceptions": feature(None, road="QL14", from_m=0, to_m=10, kind="tunnel"),
        "points": feature(point(107.0, 12.0), kind="key_place", code="1", name="x"),
        "population": feature(None, code="1", population=1),
        "declared": feature(square(107.0, 12.0), operator="VNPT", technology="5g"),
        "sites": feature(point(107.0, 12.0), operator="VNPT", code="1"),
    }
    for kind, one in files.items():
        write(tmp_path / f"{kind}.geojson", one)
    used = config("".join(f'{kind} = ["{kind}.geojson"]\n' for kind in files))
    assert len(configured.area_sets(used).sets) == 1
    assert list(configured.roads(used).lengths_m) == ["QL14"]
    assert len(configured.exceptions(used).stretches) == 1
    assert len(configured.points(used).points) == 1
    [area_set] = configured.area_sets(used).sets
    assert configured.population(used).of(area_set, DAY) == {"1": 1}
    assert len(configured.declared(used).coverage) == 1
    assert len(configured.sites(used).sites) == 1


@pytest.mark.parametrize(
    ("kind", "geometry", "properties"),
    [
        ("boundaries", square(107.0, 12.0), {"code": "1", "name": "x"}),
        ("roads", line([107.0, 12.0], [107.1, 12.0]), {"road": "x"}),
        ("points", point(107.0, 12.0), {"kind": "key_place", "code": "1", "name": "x"}),
        ("population", square(107.0, 12.0), {"population": 1}),
        ("declared", square(107.0, 12.0), {"operator": "VNPT", "technology": "5g"}),
        ("sites", point(107.0, 12.0), {"operator": "VNPT", "code": "1"}),
    ],
)
def test_a_file_in_place_is_read_as_it_would_be_stored(
    config, tmp_path, kind, geometry, properties
):
    rough = shapely.from_geojson(json.dumps(geometry))
    fine = shapely.transform(rough, lambda degrees: degrees + 0.123456789012345 * 1e-6)
    said = json.loads(shapely.to_geojson(fine))
    write(tmp_path / "a.geojson", feature(said, **properties))
    used = config(f'{kind} = ["a.geojson"]')
    [layer] = configured.layers(used, Kind(kind))
    shape = SHAPES[Kind(kind)]
    found = geojson.read(layer.file, shape.properties, shape.geometries)
    library = configured.library(used)
    stored = geojson.read(
        library.file(library.keep(normalised(found.features))), shape.properties, shape.geometries
    )
    assert layer.sha256 == library.keep(normalised(stored.features))
    degrees = shapely.get_coordinates(found.features[0].geometry)
    assert (degrees != shapely.get_coordinates(fine)).any()
    assert (degrees == shapely.get_coordinates(stored.features[0].geometry)).all()
    assert found.features[0].properties == stored.features[0].properties


def test_a_name_of_a_file_in_place_is_the_one_that_would_be_stored(config, tmp_path):
    name = unicodedata.normalize("NFD", " Xã  Nghĩa Đức")
    write(tmp_path / "a.geojson", feature(square(107.0, 12.0), code="1", name=name))
    [area] = configured.boundaries(config('boundaries = ["a.geojson"]')).areas
    assert area.name == unicodedata.normalize("NFC", "Xã Nghĩa Đức")


def test_an_outline_that_rounding_breaks_is_refused(config, tmp_path):
    thin = {
        "type": "Polygon",
        "coordinates": [[[107, 12], [107.1, 12.00000001], [107.2, 12], [107, 12]]],
    }
    write(tmp_path / "a.geojson", feature(thin, code="1", name="x"))
    with pytest.raises(ConfigError, match=r"geo\.boundaries\[0\]: a\..* 0: .*not valid"):
        configured.boundaries(config('boundaries = ["a.geojson"]'))


@pytest.mark.parametrize("kind", list(Kind))
def test_a_broken_file_is_named_with_its_key(config, tmp_path, kind):
    write(tmp_path / "x.geojson", feature(None))
    used = config(f'{kind} = ["x.geojson"]')
    with pytest.raises(ConfigError, match=rf"geo\.{kind}\[0\]: x\.geojson: feature 0: "):
        configured.layers(used, kind)


def test_two_files_that_do_not_go_together_are_named(config, tmp_path):
    write(tmp_path / "a.geojson", feature(line([107.0, 12.0], [107.1, 12.0]), road="QL14"))
    write(
        tmp_path / "b.geojson",
        feature(line([107.0, 12.0], [107.1, 12.1]), road="QL14", valid_from="2025-07-01"),
    )
    with pytest.raises(ConfigError, match=r"geo\.roads\[1\]: b\.geojson: feature 0: 'QL14' has"):
        configured.roads(config('roads = ["a.geojson", "b.geojson"]'))


@pytest.mark.parametrize(
    ("system", "fine"),
    [("urn:ogc:def:crs:EPSG::4756", False), ("urn:ogc:def:crs:OGC:1.3:CRS84", True)],
)
def test_a_file_in_place_is_in_degrees_as_an_imported_one(config, tmp_path, system, fine):
    road = feature(line([107.0, 12.0], [107.1, 12.0]), road="QL14")
    crs = {"type": "name", "properties": {"name": system}}
    write(tmp_path / "a.geojson", road, crs=crs)
    used = config('roads = ["a.geojson"]')
    if fine:
        assert list(configured.roads(used).lengths_m) == ["QL14"]
    else:
        with pytest.raises(
            ConfigError, match=r"geo\.roads\[0\]: a\.geojson: coordinates are in urn"
        ):
            configured.roads(used)


def test_a_code_twice_on_the_same_days_is_named_also_in_place(config, tmp_path):
    write(
        tmp_path / "a.geojson",
        feature(square(107.0, 12.0), code="1", name="x", valid_to="2025-06-30"),
        feature(square(107.1, 12.0), code="1", name="y", valid_from="2025-07-01"),
        feature(square(107.2, 12.0), code="1", name="z", valid_from="2025-07-01"),
    )
    used = config('boundaries = ["a.geojson"]')
    with pytest.raises(ConfigError, match=r"a\.geojson: feature 2: has the code '1' of another"):
        configured.area_sets(used)
