"""The customer's list of television sites: read whole or not at all, and how far they are."""

from datetime import date

import pytest

from collector.spectrum.errors import FileError
from collector.spectrum.tv_sites import MAX_BYTES, Point, distance_km, nearest, read

HEADER = "name,lat_deg,lon_deg,channel,erp_kw,valid_from,valid_to\n"
GOOD = HEADER + (
    "Núi Bà Rá,11.8294,106.9989,33,10,2021-01-01,\n"
    '"Gia Nghĩa, đồi",12.0045,107.6907,37,1.5,,2026-10-31\n'
    "Gia Nghĩa,12.0045,107.6907,36,,,\n"
)
GIA_NGHIA = Point(lat_deg=12.0045, lon_deg=107.6907)


@pytest.fixture
def file(tmp_path):
    def write(content):
        path = tmp_path / "tv.csv"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def test_sites_have_what_the_file_says_and_none_where_it_is_silent(file):
    first, second, third = read(file(GOOD))
    assert (first.name, first.channel, first.erp_kw) == ("Núi Bà Rá", 33, 10)
    assert (first.valid_from, first.valid_to) == (date(2021, 1, 1), None)
    assert second.name == "Gia Nghĩa, đồi"
    assert third.erp_kw is None


@pytest.mark.parametrize(
    "change", [lambda b: b"\xef\xbb\xbf" + b, lambda b: b.replace(b"\n", b"\r\n")]
)
def test_a_file_as_a_spreadsheet_saves_it_is_read_too(file, change):
    assert read(file(change(GOOD.encode()))) == read(file(GOOD))


def test_only_sites_on_air_are_measured_the_nearest_first(file):
    sites = read(file(GOOD))
    found = nearest(sites, GIA_NGHIA, date(2026, 10, 31))
    assert [one.channel for one in found] == [36, 37, 33]
    assert found[0].distance_km == 0
    assert found[2].distance_km == pytest.approx(77.75, abs=0.1)
    assert [one.channel for one in nearest(sites, GIA_NGHIA, date(2026, 11, 1))] == [36, 33]
    assert [one.channel for one in nearest(sites, GIA_NGHIA, date(2020, 12, 31))] == [36, 37]


def test_without_a_place_there_is_no_distance(file):
    assert nearest(read(file(GOOD)), None, date(2026, 11, 1)) == ()


def test_a_quarter_of_the_earth_is_ten_thousand_kilometres():
    pole, equator = Point(lat_deg=90.0, lon_deg=0.0), Point(lat_deg=0.0, lon_deg=50.0)
    assert distance_km(pole, equator) == pytest.approx(10_007.5, abs=1)
    assert distance_km(equator, equator) == 0


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("a,91,107,37,,,", "line 2: lat_deg"),
        ('a,"12,5",107,37,,,', "line 2: lat_deg"),
        ("a,nan,107,37,,,", "line 2: lat_deg"),
        ("a,12,inf,37,,,", "line 2: lon_deg"),
        ("a,12,181,37,,,", "line 2: lon_deg"),
        ("a,1_2,107,37,,,", "line 2: lat_deg"),
        ("a,12,107,20,,,", "line 2: channel"),
        ("a,12,107,37.0,,,", "line 2: channel"),
        ("a,12,107,,,,", "line 2: channel"),
        ("a,12,107," + "9" * 5000 + ",,,", "line 2: channel"),
        ("a,12,107,37,-1,,", "line 2: erp_kw"),
        ("a,12,107,37,1e9,,", "line 2: erp_kw"),
        ("a,12,107,37,nan,,", "line 2: erp_kw"),
        ("a,12,107,37,,31/10/2026,", "line 2: valid_from"),
        ("a,12,107,37,,2026-10-31,2026-10-30", "line 2: valid_to: is before"),
        ("=HYPERLINK(1),12,107,37,,,", "line 2: name"),
        ("@x,12,107,37,,,", "line 2: name"),
        (",12,107,37,,,", "line 2: name"),
        ("a\x1b[2J,12,107,37,,,", "line 2: name"),
        ("a" * 201 + ",12,107,37,,,", "line 2: name"),
        ("a,12,107,37", "line 2: 4 columns instead of 7"),
        ("a,12,107,37,,,\na,12,107,37,,,", "line 3: a, channel 37: stands there twice"),
        ('"a,12,107,37,,,', "line 2: not CSV"),
    ],
)
def test_a_wrong_line_is_named_and_nothing_is_taken(file, line, says):
    with pytest.raises(FileError, match=f"^tv.csv: {says}"):
        read(file(HEADER + line + "\n"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "line 1: must be the columns name,lat_deg"),
        (b"name;lat_deg\n", "line 1: must be the columns"),
        (HEADER.encode() + "Đắk,12,107,37,,,\n".encode("utf-16"), "line 2: not UTF-8"),
        (b"\0" * (MAX_BYTES + 1), "larger than 4 MiB"),
    ],
)
def test_what_is_no_list_is_refused_whole(file, content, says):
    with pytest.raises(FileError, match=f"^tv.csv: {says}"):
        read(file(content))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileError, match=r"^none\.csv: cannot be read"):
        read(tmp_path / "none.csv")
