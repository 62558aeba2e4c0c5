"""D912: 5G sites over 4G sites, counted from the lists of operators."""

import msgspec

from collector.kpi import Site, kpis
from collector.targets import judge, load, periods
from tests.unit.collector.campaigns import VIETTEL, VINAPHONE, ground
from tests.unit.collector.foreign_tables import Squares

QUARTER = periods.quarter(2026, 4)
TARGET = next(target for target in load() if target.id == "D912-SITES")


def site(code, technology, operator="Viettel", lon=107.05):
    return Site(operator=operator, code=code, technology=technology, lat_deg=12.05, lon_deg=lon)


def where(*sites, layers=None):
    return msgspec.structs.replace(
        ground(operators=(VIETTEL, VINAPHONE)), sites=sites, layers=layers
    )


def measured(*sites, layers=None):
    found = kpis()["site_ratio"].measure(
        None,
        ground=where(*sites, layers=layers),
        levels=("province",),
        period=QUARTER,
        threshold=0.5,
        parameters=TARGET.parameters,
    )
    return {one.scope.operator: one for one in found.findings}, found


def verdicts(*sites):
    found = judge(None, [TARGET], ground=where(*sites), now=QUARTER.end_utc, period=QUARTER)
    return {one.operator: one for one in found if one.level == "province"}


def test_a_site_counts_once_for_each_technology_it_is_listed_with():
    sites = [site("A", "4g"), site("A", "4g"), site("A", "5g"), site("B", "4g"), site("C", "4g")]
    found = measured(*sites)[0]["Viettel"]
    assert found.estimate == 1 / 3
    assert (found.lower, found.upper) == (1 / 3, 1 / 3)
    assert (found.context["sites"], found.context["sites_compared"]) == (1, 3)


def test_half_passes_and_less_fails():
    sites = [site("A", "4g"), site("B", "4g"), site("A", "5g")]
    more = [site(str(n), "4g", "VinaPhone") for n in range(3)] + [site("0", "5g", "VinaPhone")]
    said = verdicts(*sites, *more)
    assert (said["Viettel"].verdict, said["VinaPhone"].verdict) == ("PASS", "FAIL")
    assert said["all"].estimate == 2 / 5


def test_no_5g_site_at_all_is_a_ratio_of_zero_and_no_4g_site_is_none():
    said = verdicts(site("A", "4g"), site("B", "5g", "VinaPhone"))
    assert (said["Viettel"].verdict, said["Viettel"].estimate) == ("FAIL", 0)
    assert (said["VinaPhone"].verdict, said["VinaPhone"].estimate) == ("NOT_PROVEN", None)
    assert said["VinaPhone"].reason.en == "no 4G site is in the imported lists of sites"


def test_no_list_is_no_data():
    assert {one.verdict for one in verdicts().values()} == {"NO_DATA"}


def test_what_does_not_count_carries_its_reason():
    sites = [
        site("A", "4g"),
        site("B", None),
        site("C", "2g"),
        site("D", "4g", "Gmobile"),
        site("E", "4g", lon=120.0),
    ]
    found, whole = measured(*sites, layers=Squares(["24611"]))
    assert whole.excluded == {
        "other_operator": 1,
        "other_technology": 1,
        "outside_areas": 1,
        "technology_unknown": 1,
    }
    assert found["Viettel"].context["sites_compared"] == 1
    assert whole.rows["reason"].null_count == whole.n == 1
