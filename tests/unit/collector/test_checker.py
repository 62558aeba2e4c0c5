"""What is judged anew: whatever a verdict depends on, and nothing else."""

from datetime import timedelta

from collector.checker import Checker
from collector.targets import parse
from tests.unit.collector.campaigns import NOW, OCTOBER, Campaign, spots
from tests.unit.collector.provinces import collection, commune, configured, road

MONTH = parse("2026-10")


def checked(config, *, target, now=NOW, period=MONTH, rebuild=False):
    with Checker.opened(config) as checker:
        if rebuild:
            checker.rebuild()
        return checker.check(now=now, period=period, target=target, keep_running=True)


def communes(verdicts):
    return {one.code for one in verdicts if one.level == "commune"}


def test_an_area_that_begins_within_the_month_is_judged_though_no_row_is_new(tmp_path):
    config = configured(tmp_path)
    areas = [commune("24611", "Nghĩa Đức", 107.7), commune("24612", "Nghĩa Trung", 107.9)]
    areas[1]["properties"]["valid_from"] = "2026-10-20"
    (tmp_path / "areas.geojson").write_text(collection("test-2024", areas), encoding="utf-8")
    campaign = Campaign()
    campaign.test(50, at=OCTOBER + timedelta(days=1))
    campaign.store(config.store.lake).close()
    running = checked(config, target="T1", now=OCTOBER + timedelta(days=10))
    assert communes(running) == {"24611"}
    assert communes(checked(config, target="T1")) == {"24611", "24612"}


def test_a_road_that_has_another_line_since_is_projected_anew(tmp_path):
    config = configured(tmp_path)
    before, since = road("QL14", 0.054), road("QL14", 0.054)
    before["properties"]["valid_to"] = "2026-09-30"
    since["properties"]["valid_from"] = "2026-10-01"
    since["geometry"]["coordinates"].insert(0, [107.7, 11.98])
    (tmp_path / "roads.geojson").write_text(collection("roads", [before, since]))
    campaign = Campaign()
    for day in (4, 3, 2):
        start = OCTOBER - timedelta(days=day)
        campaign.drive(start=start, length_m=5970.0, gaps=[(1000.0, 2400.0)])
    campaign.store(config.store.lake).close()
    checked(config, target="T3", now=OCTOBER, period=parse("2026-09"))
    then = OCTOBER + timedelta(days=20)
    found = checked(config, target="T3", now=then)
    [viettel] = [one for one in found if (one.level, one.operator) == ("road", "Viettel")]
    assert 3100 < viettel.context["gap_from_m"] < 3300
    assert checked(config, target="T3", now=then, rebuild=True) == found


def test_another_list_of_points_does_not_have_the_roads_read_again(tmp_path):
    (tmp_path / "points.geojson").write_text(collection("points", [_point("p1")]))
    config = configured(tmp_path, more='points = ["points.geojson"]\n')
    campaign = Campaign()
    campaign.drive(start=OCTOBER + timedelta(days=20), length_m=5970.0)
    campaign.store(config.store.lake).close()
    checked(config, target="T3")
    (tmp_path / "points.geojson").write_text(collection("points", [_point("p2")]))
    read = []
    with Checker.opened(config, on_progress=lambda name, *_: read.append(name)) as checker:
        checker.check(now=NOW, period=MONTH, target="T3")
    assert read == []


def _point(code):
    return {
        "type": "Feature",
        "properties": {"kind": "signal_gap", "code": code, "name": code},
        "geometry": {"type": "Point", "coordinates": [107.72, 12.03]},
    }


def test_an_anchor_has_targets_without_extracts_of_their_own_judged_anew(tmp_path):
    config = configured(tmp_path)
    Campaign().store(config.store.lake).close()
    before = _inputs_of_t7b(config)
    anchor = Campaign()
    anchor.anchor(at=OCTOBER)
    anchor.store(config.store.lake).close()
    assert _inputs_of_t7b(config) != before


def _inputs_of_t7b(config):
    with Checker.opened(config) as checker:
        checker.check(now=NOW, period=MONTH, target="T7B")
        return checker.book._db.execute("SELECT inputs FROM answer").fetchall()


def test_a_set_of_districts_alone_has_every_row_in_its_district(tmp_path):
    config = configured(tmp_path)
    district = commune("660", "Gia Nghĩa", 107.7)
    district["properties"] = {"code": "660", "name": "Gia Nghĩa", "level": "district"}
    (tmp_path / "areas.geojson").write_text(collection("districts", [district]))
    campaign = Campaign()
    for index, (lat, lon, at) in enumerate(spots(60)):
        campaign.test(52 + index % 9, lat=lat, lon=lon, at=at)
    campaign.store(config.store.lake).close()
    [found] = [
        one
        for one in checked(config, target="T1")
        if (one.level, one.operator) == ("district", "Viettel")
    ]
    assert (found.n, found.excluded, found.verdict.value) == (60, {}, "PASS")
