"""The library of layers: nothing is lost, nothing is overwritten, every content keeps its name."""

import subprocess
import sys
from datetime import UTC, date, datetime

import pytest

from collector.geo import geojson
from collector.geo.areas import AreaSets
from collector.geo.boundaries import GEOMETRIES, AreaProperties
from collector.geo.layer import Kind
from collector.geo.library import Entry, Library, LibraryError
from collector.geo.normal import normalised

from .geography import feature, square, write

NOW = datetime(2026, 11, 2, tzinfo=UTC)
REFORM = date(2025, 7, 1)


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "geo")


@pytest.fixture
def content(tmp_path):
    def content(name, west=107.0):
        file = write(tmp_path / "x.geojson", feature(square(west, 12.0), code="1", name=name))
        return normalised(geojson.read(file, AreaProperties, GEOMETRIES).features)

    return content


def add(library, content, *, name="communes", kind=Kind.BOUNDARIES, **days):
    def describe(version, sha256):
        return Entry(
            name=name, version=version, kind=kind, sha256=sha256, features=1, imported_utc=NOW,
            **days,
        )  # fmt: skip

    return library.add(content, describe)


def titles(library, day):
    return [one.title for one in AreaSets(library.layers(Kind.BOUNDARIES)).on(day)]


def test_an_empty_library_has_no_layer(library):
    assert library.entries() == ()
    assert library.layers(Kind.ROADS) == ()


def test_a_content_is_found_by_its_hash(library, content):
    entry = add(library, content("Một"))
    assert library.content(entry.sha256) == content("Một")


def test_a_new_version_takes_over_and_the_old_content_stays(library, content):
    first = add(library, content("Một"))
    second = add(library, content("Hai"))
    assert (first.version, second.version) == (1, 2)
    assert titles(library, REFORM) == ["communes 2"]
    assert library.content(first.sha256) == content("Một")


def test_the_same_again_is_no_new_version(library, content):
    assert add(library, content("Một")) == add(library, content("Một"))
    assert len(library.entries()) == 1


def test_the_same_content_for_other_days_is_a_new_version(library, content):
    add(library, content("Một"))
    add(library, content("Một"), valid_from=REFORM)
    assert len(library.entries()) == 2


def test_a_version_takes_over_only_on_its_own_days(library, content):
    add(library, content("Một"))
    add(library, content("Hai"), valid_from=REFORM, valid_to=date(2025, 12, 31))
    assert titles(library, date(2025, 6, 30)) == ["communes 1"]
    assert titles(library, REFORM) == ["communes 2"]
    assert titles(library, date(2025, 12, 31)) == ["communes 2"]
    assert titles(library, date(2026, 1, 1)) == ["communes 1"]


def test_layers_of_other_names_stay_beside_it(library, content):
    add(library, content("Một"), name="old")
    add(library, content("Hai"), name="new", valid_from=REFORM)
    assert titles(library, REFORM) == ["old 1", "new 1"]


def test_a_withdrawn_layer_counts_until_the_day_before(library, content):
    entry = add(library, content("Một"))
    library.withdraw("communes", REFORM)
    assert titles(library, date(2025, 6, 30)) == ["communes 1"]
    assert titles(library, REFORM) == []
    assert library.content(entry.sha256)


def test_withdrawing_later_brings_nothing_back(library, content):
    add(library, content("Một"))
    library.withdraw("communes", REFORM)
    [entry] = library.withdraw("communes", date(2026, 1, 1))
    assert entry.withdrawn_from == REFORM


def test_what_is_imported_after_a_withdrawal_counts_again(library, content):
    add(library, content("Một"))
    library.withdraw("communes", REFORM)
    add(library, content("Một"), valid_from=date(2026, 1, 1))
    assert titles(library, date(2025, 12, 31)) == []
    assert titles(library, date(2026, 1, 1)) == ["communes 2"]


def test_a_name_has_one_kind(library, content):
    add(library, content("Một"))
    with pytest.raises(LibraryError, match="'communes' is a layer of kind boundaries"):
        add(library, content("Hai"), kind=Kind.DECLARED)


def test_an_unknown_name_is_told_with_those_there_are(library, content):
    add(library, content("Một"))
    with pytest.raises(LibraryError, match="no layer is called 'comunes'; there are: communes"):
        library.withdraw("comunes", REFORM)


def test_evidence_is_kept_without_being_a_layer(library, content):
    sha256 = library.keep(content("Một"))
    assert library.entries() == ()
    assert library.content(sha256) == content("Một")


def test_a_damaged_content_is_not_taken_for_evidence(library, content):
    entry = add(library, content("Một"))
    library.file(entry.sha256).write_bytes(content("Hai"))
    with pytest.raises(LibraryError, match="is damaged"):
        library.content(entry.sha256)
    with pytest.raises(LibraryError, match="is damaged"):
        library.layers(Kind.BOUNDARIES)
    with pytest.raises(LibraryError, match="no content ff"):
        library.content("ff")


def test_a_damaged_index_is_named(library, content, tmp_path):
    add(library, content("Một"))
    (tmp_path / "geo" / "index.json").write_text('{"entries": [{}]}')
    with pytest.raises(LibraryError, match=r"index\.json: .*restore it from a backup"):
        library.entries()


def test_two_commands_at_once_lose_nothing(tmp_path):
    """Several processes add ten layers each, as fast as they can."""
    program = """
import sys
from datetime import UTC, datetime
from pathlib import Path
from collector.geo.layer import Kind
from collector.geo.library import Entry, Library

library = Library(Path(sys.argv[1]))
for number in range(10):
    name = f"{sys.argv[2]}-{number}"
    library.add(name.encode(), lambda version, sha256: Entry(
        name=name, version=version, kind=Kind.POINTS, sha256=sha256, features=1,
        imported_utc=datetime.now(UTC)))
"""
    command = [sys.executable, "-c", program, str(tmp_path / "geo")]
    processes = [subprocess.Popen([*command, str(number)]) for number in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    assert len({entry.name for entry in Library(tmp_path / "geo").entries()}) == 30
    left = [file.name for file in (tmp_path / "geo").rglob(".*") if file.name != ".lock"]
    assert left == []


def test_the_hash_does_not_depend_on_how_a_file_is_written(tmp_path):
    one = write(tmp_path / "one.geojson", feature(square(107.0, 12.0), code="1", name="Ba\u0302y"))
    other = write(
        tmp_path / "other.geojson",
        feature(square(107.0, 12.0), name=" B\u00e2y ", code="1", FID=7, valid_to=None),
        name="named",
    )
    read = [geojson.read(file, AreaProperties, GEOMETRIES).features for file in (one, other)]
    assert normalised(read[0]) == normalised(read[1])
