"""What the shipped facts say, and how wrong files of facts are refused."""

import shutil
from collections import Counter
from datetime import date

import pytest

from collector.geo.boundaries import Area
from collector.spectrum import facts as facts_of
from collector.spectrum.dtt import Basis
from collector.spectrum.errors import AskedError, FileError
from collector.spectrum.provinces import fold
from collector.spectrum.span import Span
from collector.targets.shipped import shipped

DAY = date(2026, 11, 1)
BEFORE_THE_MERGER = date(2025, 6, 30)


@pytest.fixture(scope="module")
def facts():
    return facts_of.load()


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(shipped("spectrum"), tmp_path / "spectrum")


def numbers(found, basis):
    return [one.channel for one in found if one.basis is basis]


def test_dak_nong_has_national_and_regional_channels_and_old_licences(facts):
    found = facts.plan.in_force(DAY, ["Đắk Nông"])
    assert numbers(found, Basis.NATIONAL) == list(range(21, 33))
    assert numbers(found, Basis.REGIONAL) == [36, 37]
    assert numbers(found, Basis.LEGACY) == list(range(38, 49))


def test_the_neighbour_in_the_south_spills_over_the_border_of_dak_nong(facts):
    found = facts.plan.in_force(DAY, ["Đắk Nông"])
    assert numbers(found, Basis.SPILL_OVER) == [33, 34, 35]
    assert "Bình Phước" in found[12].note.vi
    assert not numbers(facts.plan.in_force(DAY, ["Đắk Lắk"]), Basis.SPILL_OVER)


@pytest.mark.parametrize(
    ("province", "regional"),
    [
        ("Sơn La", [33, 34]),
        ("Hà Nội", [35, 36, 37]),
        ("Nghệ An", [33, 34]),
        ("Lâm Đồng", [36, 37]),
        ("Bình Thuận", [33, 34, 35]),
        ("Bình Phước", [33, 34, 35]),
    ],
)
def test_regional_channels_go_by_the_old_province(facts, province, regional):
    assert numbers(facts.plan.in_force(DAY, [province]), Basis.REGIONAL) == regional


def test_old_licences_lapse_with_2028(facts):
    assert numbers(facts.plan.in_force(date(2028, 12, 31), ["Đắk Nông"]), Basis.LEGACY)
    left = facts.plan.in_force(date(2029, 1, 1), ["Đắk Nông"])
    assert not numbers(left, Basis.LEGACY)
    assert numbers(left, Basis.REGIONAL) == [36, 37]


def test_before_the_plan_nothing_is_said(facts):
    assert facts.plan.in_force(date(2020, 12, 31)) == ()
    with pytest.raises(AskedError, match="begins on 2021-01-01"):
        facts.standing(date(2020, 12, 31), None)


def test_the_63_provinces_lie_in_one_region_each(facts):
    sizes = {one.id: len(one.provinces) for one in facts.plan.region}
    assert sizes == {
        "tay_bac": 11,
        "bac_bo": 14,
        "bac_trung_bo": 6,
        "nam_trung_bo_tay_nguyen": 12,
        "nam_bo": 20,
    }
    assert set(Counter(facts.plan.provinces).values()) == {1}


def test_the_merger_made_34_provinces_of_63(facts):
    merged = facts.provinces.merger
    gone = sum(len(one.of) - 1 for one in merged)
    assert (len(facts.provinces.province), len(merged), gone) == (63, 23, 63 - 34)
    assert all(one.name in one.of for one in merged)


def test_blocks_have_the_holders_that_were_published(facts):
    blocks = {one.name: one for one in facts.blocks}
    assert {name: (one.downlink, one.uplink, one.holder) for name, one in blocks.items()} == {
        "B28/n28 B1-B1'": (Span(758, 768), Span(703, 713), "VNPT (VinaPhone)"),
        "B28/n28 B2-B2'": (Span(768, 778), Span(713, 723), "Viettel"),
        "B28/n28 B3-B3'": (Span(778, 788), Span(723, 733), None),
        "B8/n8": (Span(925, 960), Span(880, 915), None),
        "B3/n3": (Span(1805, 1880), Span(1710, 1785), None),
        "B1/n1": (Span(2110, 2170), Span(1920, 1980), None),
        "B41/n41": (Span(2500, 2600), Span(2500, 2600), "Viettel"),
        "n77/n78 C2": (Span(3700, 3800), Span(3700, 3800), "VNPT (VinaPhone)"),
        "n77 C3": (Span(3800, 3900), Span(3800, 3900), "MobiFone"),
    }
    assert blocks["n77 C3"].nr_bands == (77,)
    assert blocks["n77/n78 C2"].since == date(2024, 3, 19)


@pytest.mark.parametrize("asked", ["Đắk Nông", "dak nong", "Tỉnh Đắk Nông", "67", "660", "24611"])
def test_dak_nong_is_found_by_names_and_codes_of_both_nomenclatures(facts, asked):
    for day in (BEFORE_THE_MERGER, DAY):
        assert facts.place(asked, day).provinces == ("Đắk Nông",)


@pytest.mark.parametrize("asked", ["Lâm Đồng", "68"])
def test_a_merged_province_has_the_channels_of_each_of_its_parts(facts, asked):
    place = facts.place(asked, DAY)
    assert place.provinces == ("Lâm Đồng", "Đắk Nông", "Bình Thuận")
    there = {
        (one.channel, one.provinces)
        for one in facts.standing(DAY, place)
        if one.basis is Basis.REGIONAL
    }
    assert there == {
        *((number, ("Bình Thuận",)) for number in (33, 34, 35)),
        *((number, ("Lâm Đồng", "Đắk Nông")) for number in (36, 37)),
    }
    assert facts.place(asked, BEFORE_THE_MERGER).provinces == ("Lâm Đồng",)


def test_the_old_province_can_be_asked_for_by_name(facts):
    assert facts.place("Lâm Đồng cũ", DAY).provinces == ("Lâm Đồng",)
    assert facts.place("Thừa Thiên Huế", DAY).provinces == facts.place("Huế", DAY).provinces


def area(**more):
    return Area(**({"code": "22915", "name": "Mũi Né", "boundary_set": "new"} | more))


def test_an_area_of_a_boundary_set_goes_by_the_province_around_it(facts):
    old = area(province="Bình Thuận", valid_to=date(2025, 6, 30))
    assert facts.place("22915", BEFORE_THE_MERGER, [old]).provinces == ("Bình Thuận",)
    new = area(province_code="68", valid_from=date(2025, 7, 1))
    place = facts.place("22915", DAY, [new])
    assert (place.name, place.whole) == ("Mũi Né", False)
    assert set(place.provinces) == {"Lâm Đồng", "Đắk Nông", "Bình Thuận"}


@pytest.mark.parametrize("asked", ["99999", "Atlantis", "", "9", "٦٧"])
def test_an_unknown_place_says_what_to_ask_instead(facts, asked):
    with pytest.raises(AskedError, match="province"):
        facts.place(asked, DAY)


def test_names_are_compared_without_accents_and_case():
    assert fold("Thành phố  Hồ Chí Minh") == fold("tp. HO CHI MINH")
    assert fold("Bà Rịa-Vũng Tàu") == fold("Bà Rịa - Vũng Tàu")


@pytest.mark.parametrize(
    ("file", "old", "new", "says"),
    [
        ("dtt.toml", "channels = [36, 37]", "channels = [36, 49]", r"allotment\[4\]\.channels"),
        ("dtt.toml", "channels = [36, 37]", "channels = [36, 36]", r"allotment\[4\]\.channels: 36"),
        ("dtt.toml", 'region = "nam_bo"', 'region = "nam"', r"allotment\[5\]\.region: 'nam'"),
        ("dtt.toml", 'region = "nam_bo"', "", r"allotment\[5\]\.region: belongs"),
        ("dtt.toml", "valid_to = 2028-12-31", "valid_to = 2020-12-31", r"\[6\]\.valid_to: is bef"),
        ("dtt.toml", '"Hà Giang", "Lào Cai"', '"Hà Giang", "Hà Giang"', r"provinces: Hà Giang st"),
        ("dtt.toml", 'from_province = "Bình Phước"', 'from_province = "X"', r"spill_over\[0\]"),
        ("dtt.toml", '"Hà Giang", ', "", "Hà Giang stands only"),
        ("dtt.toml", "[elsewhere]", '[elsewhere]\ncolour = "red"', r"elsewhere\.colour: unknown"),
        ("mobile.toml", "tdd_mhz = [2500, 2600]", "tdd_mhz = [2600, 2500]", r"block\[6\]: .*first"),
        ("mobile.toml", "tdd_mhz = [2500, 2600]", "uplink_mhz = [1, 2]", r"block\[6\]: needs"),
        ("mobile.toml", "tdd_mhz = [2500, 2600]", "tdd_mhz = [2500, nan]", r"block\[6\]: edges"),
        ("rules.toml", "adjacent_below_mhz = 16.0", "adjacent_below_mhz = nan", r"relation\[0\]"),
        ("rules.toml", "that_relate = [2, 3]", "that_relate = [2, 7]", "must be among"),
        ("rules.toml", "listed = [2,", "listed = [1, 2,", "begin with the second"),
        ("rules.toml", "low_load_to_hour = 5", "low_load_to_hour = 2", r"symptom\[0\]"),
        ("rules.toml", "min_hours = 3", "min_hours = 0", "at least 1"),
        ("rules.toml", "min_rsrp_dbm = -95.0", "min_rsrp_dbm = inf", "must be numbers"),
        ("provinces.toml", 'code = "67"', 'code = "66"', r"province\.code: stands"),
        ("provinces.toml", 'of = ["Cà Mau", ', 'of = ["Ca Mau", ', r"merger\[22\]\.of"),
        ("provinces.toml", "[[province]]", "[[province", "not TOML"),
    ],
)
def test_a_wrong_fact_is_named_with_its_file_and_key(folder, file, old, new, says):
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FileError, match=says) as refused:
        facts_of.load(folder)
    assert refused.value.file.name in {file, "dtt.toml"}


def test_a_missing_file_is_named(folder):
    (folder / "mobile.toml").unlink()
    with pytest.raises(FileError, match=r"^mobile\.toml: cannot be read"):
        facts_of.load(folder)


def test_the_rule_in_force_is_the_latest_that_has_begun(folder):
    path = folder / "rules.toml"
    text = path.read_text(encoding="utf-8")
    later = text.partition("[[symptom]]")[0].replace("2021-01-01", "2027-01-01")
    path.write_text(text + later.replace("16.0", "8.0"), encoding="utf-8")
    rules = facts_of.load(folder).rules
    assert rules.relation_on(date(2026, 12, 31)).adjacent_below_mhz == 16
    assert rules.relation_on(date(2027, 1, 1)).adjacent_below_mhz == 8
    with pytest.raises(AskedError, match=r"rules\.toml"):
        rules.relation_on(date(2020, 12, 31))
