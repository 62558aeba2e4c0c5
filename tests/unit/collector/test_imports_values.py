"""Texts as numbers, times and communes: strictly, and never by a guess."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from collector.imports.communes import Communes
from collector.imports.mapping import ByCommune
from collector.imports.text import folded, harmless
from collector.imports.values import (
    Numbers,
    Times,
    Unusable,
    day_of,
    instant_of,
    month_of,
    number_of,
    zone_of,
)
from tests.unit.collector.foreign_tables import NEW, OLD, place

VIETNAMESE = Numbers(decimal=",", thousands=".")


@pytest.mark.parametrize(
    ("text", "numbers", "value"),
    [
        ("38.69", Numbers(), "38.69"),
        ("-12", Numbers(), "-12"),
        ("1.234,5", VIETNAMESE, "1234.5"),
        ("1234,5", VIETNAMESE, "1234.5"),
        ("12.345.678", VIETNAMESE, "12345678"),
        ("12 345", Numbers(thousands=" "), "12345"),
    ],
)
def test_a_number_is_read_as_the_mapping_writes_it(text, numbers, value):
    assert number_of("down", text, numbers) == Decimal(value)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("38,69", Numbers()),
        ("1.23", VIETNAMESE),
        ("1.23.456", VIETNAMESE),
        ("1,2,3", VIETNAMESE),
        ("nan", Numbers()),
        ("inf", Numbers()),
        ("1e5", Numbers()),
        ("0x10", Numbers()),
        ("1_000", Numbers()),
        ("٣٨", Numbers()),
        ("=1+1", Numbers()),
        ("9" * 40, Numbers()),
        ("1#000", Numbers(thousands=" ")),
    ],
)
def test_what_is_no_such_number_is_refused_with_its_field(text, numbers):
    with pytest.raises(Unusable, match=r"^down: ") as refused:
        number_of("down", text, numbers)
    assert refused.value.field == "down"


def test_a_time_without_a_zone_is_in_that_of_the_mapping():
    times = Times(format="%d/%m/%Y %H:%M")
    assert instant_of("time", "05/10/2026 06:30", times) == datetime(
        2026, 10, 4, 23, 30, tzinfo=UTC
    )
    named = Times(zone="Asia/Ho_Chi_Minh")
    assert instant_of("time", "2026-10-05T06:30", named) == datetime(
        2026, 10, 4, 23, 30, tzinfo=UTC
    )
    assert instant_of("time", "2026-10-05T06:30Z", named).hour == 6


def test_seconds_since_1970_are_times_too():
    assert instant_of("time", "1759622400", Times(format="unix")).year == 2025
    assert instant_of("time", "1759622400500", Times(format="unix_ms")).microsecond == 500_000


@pytest.mark.parametrize("text", ["", "2026-13-01", "yesterday", "-5", "9" * 18])
def test_what_is_no_time_is_refused(text):
    for times in (Times(), Times(format="unix"), Times(format="%d/%m/%Y")):
        with pytest.raises(Unusable):
            instant_of("time", text, times)


def test_months_and_days_are_read_as_the_mapping_writes_them():
    times = Times(month="%m/%Y", day="%d/%m/%Y")
    assert month_of("month", "10/2026", times) == date(2026, 10, 1)
    assert day_of("received", "05/11/2026", times) == date(2026, 11, 5)
    with pytest.raises(Unusable, match="month: '2026-10' is no month written as %m/%Y"):
        month_of("month", "2026-10", times)


@pytest.mark.parametrize("text", ["Mars", "+25:00", "../../etc/passwd", "/etc/localtime", ""])
def test_only_time_zones_are_time_zones(text):
    with pytest.raises(ValueError, match="no time zone"):
        zone_of(text)


@pytest.fixture(scope="module")
def communes(tmp_path_factory):
    return Communes(place(tmp_path_factory.mktemp("geo")).boundaries.areas)


def found(communes, text, *, by="name", boundary_set=OLD, on=date(2026, 10, 1), district=None):
    rule = ByCommune(by=by, boundary_set=boundary_set)
    return communes.find(text, on=on, by=rule, district=district).code


@pytest.mark.parametrize(
    "text", ["Phường Nghĩa Đức", "nghĩa đức", "P. NGHĨA  ĐỨC", "Nghĩa Dức", "nghia duc"]
)
def test_a_commune_is_found_by_its_name_however_it_is_written(communes, text):
    assert found(communes, text) == "24611"


def test_a_code_means_another_commune_in_another_set(communes):
    assert communes.find("24611", on=date(2026, 10, 1), by=ByCommune(boundary_set=NEW)) == (
        "24611",
        NEW,
    )
    with pytest.raises(Unusable, match="'24612' is no commune of new 28 on 2026-10-01"):
        found(communes, "24612", by="code", boundary_set=NEW)


def test_a_set_has_no_commune_before_it_is_valid(communes):
    with pytest.raises(Unusable, match="no boundary set 'new 28' has areas on 2025-06-30"):
        found(communes, "24611", by="code", boundary_set=NEW, on=date(2025, 6, 30))


def test_the_district_must_be_the_communes_own(communes):
    for district in ("660", "Gia Nghĩa", "thành phố gia nghĩa", "TP. Gia Nghĩa"):
        assert found(communes, "Quảng Tân", district=district) == "24612"
    with pytest.raises(Unusable, match="in Tuy Đức is no commune"):
        found(communes, "Quảng Tân", district="Tuy Đức")


def test_names_that_several_communes_have_need_the_district():
    class Area:
        def __init__(self, code, district_code):
            self.code, self.district_code = code, district_code
            self.name, self.district, self.boundary_set = "Xã Đắk R'Moan", None, "s"
            self.valid_from = self.valid_to = None

    twins = Communes([Area("1", "660"), Area("2", "661")])
    with pytest.raises(Unusable, match="may be any of 1, 2: map the district too"):
        found(twins, "Đắk R'Moan", boundary_set=None)
    assert found(twins, "Đắk R'Moan", boundary_set=None, district="661") == "2"


def test_text_is_compared_without_case_and_composition():
    assert folded("Đắk  NÔNG ") == folded("đắk nông")
    assert folded("Đắk R\u2019Moan") == folded("ĐẮK R'MOAN")


@pytest.mark.parametrize("text", ["=1+1", "+84", "-1", "@x", "\t=1", " =1"])
def test_no_text_is_run_as_a_formula(text):
    assert harmless(text) == f"'{text}"
    assert harmless(-1.5) == -1.5
    assert harmless("Viettel") == "Viettel"
