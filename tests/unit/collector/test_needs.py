"""Sample needs: what is missing, where to get it, and messages that never claim enough falsely."""

import csv
import io
from datetime import timedelta
from xml.etree import ElementTree as ET

import msgspec
import numpy as np
import pytest
import shapely

from agent.needs import Question, objection
from collector.geo.areas import AreaSet
from collector.geo.boundaries import Area as GeoArea
from collector.geo.roads import Roads
from collector.kpi import PopulationCell
from collector.kpi._attempts import Place
from collector.needs import drive_list
from collector.needs.errors import NeedsError
from collector.needs.lack import OPEN_ENDED, Lack, forecast, lacks
from collector.needs.messages import message
from collector.needs.outlines import METRES_PER_DEGREE, Outlines, circle, simple
from collector.needs.report import Report, Stop, survey
from collector.needs.spots import SPREAD_M, Land, next_spots
from collector.needs.stretches import Stretch, stretches
from collector.targets import Value, judge, periods
from collector.targets.judging import judge_target
from tests.unit.collector import centres
from tests.unit.collector.attempts import TARGETS, scan
from tests.unit.collector.campaigns import (
    NOW,
    OCTOBER,
    VIETTEL,
    VINAPHONE,
    Campaign,
    ground,
    spots,
)
from tests.unit.collector.geography import feature, line, write
from tests.unit.collector.provinces import configured
from wire.cells import RatClass
from wire.messages import Position, PositionSource
from wire.needs import MAX_BYTES, decode_needs

MONTH = periods.month(2026, 10)
MIDDLE = OCTOBER + timedelta(days=15, hours=12)
BOTH = (VIETTEL, VINAPHONE)
BOX = shapely.box(107.65, 11.9, 107.75, 12.1)


def lacking(campaign, folder, *, target="T1", now=MIDDLE, **where):
    place = ground(**where)
    judged = judge_target(campaign.store(folder), TARGETS[target], ground=place, period=MONTH)
    return lacks(TARGETS[target], judged.verdicts, judged.rows, ground=place, period=MONTH, now=now)


@pytest.fixture
def campaign():
    return Campaign()


# What is missing


def test_what_nobody_measured_lacks_all_of_the_minimum(campaign, tmp_path):
    [one] = lacking(campaign, tmp_path)
    assert (one.verdict, one.missing, one.open_ended) == (Value.NO_DATA, 30, False)
    assert (one.kind, one.rat_class, one.plmn, one.level) == (
        "throughput",
        "4g",
        "45204",
        "commune",
    )
    assert one.day_parts == ("06-10", "10-17", "17-22", "22-06")
    assert not one.only_day_parts
    assert one.forecast.enough is False


def test_what_is_decided_lacks_nothing(campaign, tmp_path):
    for index, (lat, lon, at) in enumerate(spots(48)):
        campaign.test(50 + index % 5, lat=lat, lon=lon, at=at)
        campaign.test(20 + index % 5, lat=lat, lon=lon, at=at, commune="24612")
    assert lacking(campaign, tmp_path, communes=("24611", "24612")) == []


def test_hours_that_are_missing_alone_are_named(campaign, tmp_path):
    for index in range(60):
        campaign.test(
            50 + index % 5,
            lat=12.0 + 0.01 * (index % 10),
            at=OCTOBER + timedelta(days=index // 4, hours=(7, 12)[index % 2]),
        )
    [one] = lacking(campaign, tmp_path)
    assert one.only_day_parts
    assert one.day_parts == ("17-22", "22-06")
    assert one.missing == 1
    assert one.least_measured in one.day_parts


def test_an_estimate_on_the_threshold_asks_for_more_without_end(campaign, tmp_path):
    for index in range(120):
        campaign.test(
            39.5 + index % 2,
            lat=12.0 + 0.01 * (index % 20),
            at=OCTOBER + timedelta(days=index // 8, hours=(7, 12, 18, 23)[index // 2 % 4]),
        )
    [one] = lacking(campaign, tmp_path)
    assert one.open_ended
    assert one.missing >= OPEN_ENDED
    assert one.forecast.enough is None


def test_a_ranking_that_could_be_made_lacks_nothing(campaign, tmp_path):
    for index in range(60):
        for plmn, rate in (("45204", 60), ("45202", 40)):
            campaign.test(
                rate + index % 7,
                plmn=plmn,
                home_plmn=plmn,
                lat=12.0 + 0.0135 * (index % 10),
                at=OCTOBER + timedelta(hours=index // 10),
            )
    assert lacking(campaign, tmp_path, target="A6", operators=BOTH) == []


def test_days_without_a_scan_are_missing(campaign, tmp_path):
    scan(campaign, at=OCTOBER)
    gsm = msgspec.structs.replace(VIETTEL, technologies=("gsm",))
    [one] = lacking(campaign, tmp_path, target="T4", operators=(gsm,))
    assert (one.kind, one.missing, one.level) == ("scan", 30, "province")


@pytest.mark.parametrize(
    ("so_far", "missing", "days", "enough"),
    [(15, 15, 15.5, True), (15, 16, 15.5, False), (1, 1, 0.9, None), (0, 5, 20, False)],
)
def test_the_present_rate_tells_whether_the_month_suffices(so_far, missing, days, enough):
    now = OCTOBER + timedelta(days=days)
    assert forecast(so_far, missing, period=MONTH, now=now).enough is enough


def test_after_the_month_nothing_more_will_come():
    found = forecast(29, 1, period=MONTH, now=NOW + timedelta(days=5))
    assert (found.by_end, found.enough) == (29, False)


# Where to go next


def test_next_places_lie_apart_and_far_from_what_is_known():
    known = [
        Place(
            int(lat * METRES_PER_DEGREE / 100),
            int(107.66 * np.cos(np.radians(lat)) * METRES_PER_DEGREE / 100),
        )
        for lat in (12.08, 12.085)
    ]
    found = next_spots(BOX, known, land=Land(), count=3)
    assert len(found) == 3
    assert all(one.blocks == 0 for one in found)
    assert found[0].lat_deg < 11.95  # the other end of the area
    for index, one in enumerate(found):
        assert shapely.intersects_xy(BOX, one.lon_deg, one.lat_deg)
        for other in found[:index]:
            north = (one.lat_deg - other.lat_deg) * METRES_PER_DEGREE
            east = (one.lon_deg - other.lon_deg) * METRES_PER_DEGREE * np.cos(np.radians(12))
            assert np.hypot(north, east) >= SPREAD_M


def test_where_people_live_comes_before_the_forest():
    town = PopulationCell(lat_deg=12.05, lon_deg=107.7, population=900.0, side_m=1000.0)
    [first] = next_spots(BOX, [], land=Land(population=(town,)), count=1)
    assert first.lat_deg == pytest.approx(12.05, abs=0.01)


def test_a_road_comes_before_what_no_road_leads_to(tmp_path):
    road = write(tmp_path / "r.geojson", feature(line((107.66, 11.9), (107.66, 12.1)), road="QL14"))
    [first] = next_spots(BOX, [], land=Land(roads=Roads([road]).lines), count=1)
    assert first.lon_deg == pytest.approx(107.66, abs=0.006)


def test_an_area_smaller_than_a_cell_has_a_place_as_well():
    tiny = shapely.box(107.7, 12.0, 107.7005, 12.0005)
    [only] = next_spots(tiny, [], land=Land(), count=3)
    assert shapely.intersects_xy(tiny, only.lon_deg, only.lat_deg)


def test_unknown_stretches_and_close_gaps_are_to_be_driven(campaign, tmp_path):
    for day in range(3):
        campaign.drive(
            start=OCTOBER + timedelta(days=20 + day),
            length_m=5970.0,
            gaps=[(1000.0, 2000.0)],
            silent=[(4000.0, 4600.0)],
        )
    verdicts = judge(
        campaign.store(tmp_path),
        [TARGETS["T3"]],
        ground=ground(roads=[("QL14", 6000.0)]),
        now=NOW,
        period=MONTH,
    )
    road = write(tmp_path / "r.geojson", feature(line((107.7, 12.0), (107.7, 12.054)), road="QL14"))
    found = {one.why: one for one in stretches(verdicts, Roads([road]).lines)}
    assert {"unknown", "redrive"} <= set(found)
    unknown = found["unknown"]
    assert unknown.from_m == pytest.approx(4000, abs=60)
    assert unknown.to_m == pytest.approx(4600, abs=60)
    lat, lon = unknown.line[0]
    assert lon == pytest.approx(107.7)
    assert (lat - 12.0) * 110_600 == pytest.approx(unknown.from_m, rel=0.01)
    assert "Viettel" in found["redrive"].operators


@pytest.mark.parametrize(
    ("road_m", "known_m", "wanted"), [(8000.004, 8000, 0), (8040, 8000, 1), (20, 0, 1)]
)
def test_a_sliver_at_the_end_of_a_road_is_nothing_to_drive(
    campaign, tmp_path, road_m, known_m, wanted
):
    campaign.drive(start=OCTOBER + timedelta(days=20), length_m=5970.0)
    [verdict] = [
        one
        for one in judge(
            campaign.store(tmp_path),
            [TARGETS["T3"]],
            ground=ground(roads=[("QL14", 6000.0)]),
            now=NOW,
            period=MONTH,
        )
        if (one.level, one.operator) == ("road", "Viettel")
    ]
    strip = [(0.0, known_m, "covered"), (known_m, road_m, "unknown")]
    strip = [one for one in strip if one[1] > one[0]]
    context = dict(verdict.context) | {"strip": strip, "road_m": road_m, "redrive": []}
    verdict = msgspec.structs.replace(verdict, context=context, need=())
    assert len(stretches([verdict], [])) == wanted


# What probes are told


def outlines(count=1, corners=40):
    """Areas side by side, each a ring with many corners, in one set."""
    angles = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    wobble = 0.04 + 0.008 * np.sin(7 * angles)
    shapes, areas = [], []
    for index in range(count):
        centre = np.array([107.2 + 0.1 * (index % 10), 11.8 + 0.1 * (index // 10)])
        shapes.append(
            shapely.Polygon(
                centre + np.column_stack([np.cos(angles), np.sin(angles)]) * wobble[:, None]
            )
        )
        areas.append(
            GeoArea(
                boundary_set="s",
                code=str(index),
                name=f"Xã {index}",
                district_code="660",
                province_code="67",
            )
        )
    return Outlines([AreaSet("s", None, None, areas, shapes)]), shapes


def lack(code="0", **changes):
    fields = {
        "target": "T1",
        "kind": "throughput",
        "boundary_set": "s",
        "level": "commune",
        "code": code,
        "name": f"Xã {code}",
        "operator": "Viettel",
        "plmn": "45204",
        "rat_class": "4g",
        "verdict": Value.NOT_PROVEN,
        "missing": 12,
        "open_ended": False,
        "need": (),
        "day_parts": (),
        "only_day_parts": False,
        "least_measured": "22-06",
        "forecast": forecast(0, 12, period=MONTH, now=MIDDLE),
    }
    return Lack(**(fields | changes))


def told(wanted, shapes, **more):
    payload = message(
        wanted,
        shapes,
        probe="dn-01",
        made_utc=MIDDLE,
        valid_until_utc=MIDDLE + timedelta(hours=24),
        **more,
    )
    return decode_needs(payload)


def question(lat, lon, *, kind="throughput", hours=0, plmn="45204", rat_class=RatClass.G4):
    return Question(
        kind=kind,
        position=Position(source=PositionSource.GNSS, lat_deg=lat, lon_deg=lon),
        utc=MIDDLE + timedelta(hours=hours),
        plmn=plmn,
        rat_class=rat_class,
    )


def test_a_probe_measures_where_samples_are_missing_and_spares_where_not():
    shapes, (here, there) = outlines(2)
    needs = told([lack("0")], shapes)
    assert objection(needs, question(here.centroid.y, here.centroid.x)) is None
    assert "enough" in objection(needs, question(there.centroid.y, there.centroid.x))
    assert "enough" in objection(needs, question(here.centroid.y, here.centroid.x, plmn="45202"))
    late = question(there.centroid.y, there.centroid.x, hours=24)
    assert objection(needs, late) is None  # nothing is known any more


def test_only_missing_hours_restrict_the_hour():
    shapes, (here,) = outlines(1)
    where = (here.centroid.y, here.centroid.x)
    night = lack(day_parts=("22-06",), only_day_parts=True, missing=1)
    needs = told([night], shapes)
    # MIDDLE is noon in Viet Nam
    assert "at this hour" in objection(needs, question(*where))
    assert objection(needs, question(*where, hours=11)) is None
    blocks_too = told([lack(day_parts=("22-06",))], shapes)
    assert objection(blocks_too, question(*where)) is None


@pytest.mark.parametrize("count", [1, 71, 150])
def test_every_point_of_an_area_that_lacks_is_in_its_need_however_coarse(count):
    shapes, polygons = outlines(count)
    wanted = [
        lack(str(index), target=target, kind=kind, operator=plmn, plmn=plmn, rat_class=rat_class)
        for index in range(count)
        for target, kind, rat_class in (
            ("T1", "throughput", "4g"),
            ("T5", "video", None),
            ("T6", "video", None),
        )
        for plmn in ("45201", "45202", "45204", "45205")
    ]
    needs = told(wanted, shapes)
    assert len(msgspec.json.encode(needs)) <= MAX_BYTES
    chance = np.random.default_rng(3)
    for polygon in polygons[:: max(count // 10, 1)]:
        west, south, east, north = polygon.bounds
        for lat, lon in zip(
            chance.uniform(south, north, 40), chance.uniform(west, east, 40), strict=True
        ):
            if shapely.intersects_xy(polygon, lon, lat):
                assert objection(needs, question(lat, lon)) is None
                asked = question(lat, lon, kind="video", rat_class=None, plmn="45205")
                assert objection(needs, asked) is None


def test_simple_outlines_are_wider_and_never_narrower():
    _, (shape,) = outlines(1, corners=400)
    for corners in (24, 12, 6, 4):
        ring = simple(shape, corners=corners)
        assert len(ring) <= corners
        assert shapely.Polygon([(lon, lat) for lat, lon in ring]).buffer(1e-5).covers(shape)
    lat, lon, radius_m = circle(shape)
    around = shapely.Point(0, 0).buffer(radius_m, quad_segs=64)
    xy = shapely.get_coordinates(shape)
    east = (xy[:, 0] - lon) * METRES_PER_DEGREE * np.cos(np.radians(xy[:, 1]))
    north = (xy[:, 1] - lat) * METRES_PER_DEGREE
    assert shapely.intersects_xy(around, east, north).all()


def test_an_area_of_several_pieces_is_covered_whole():
    shape = shapely.MultiPolygon([shapely.box(0, 0, 0.1, 0.1), shapely.box(0.5, 0.5, 0.6, 0.6)])
    ring = simple(shape, corners=24)
    assert shapely.Polygon([(lon, lat) for lat, lon in ring]).covers(shape)


def test_more_than_a_message_holds_is_an_error_that_says_what_to_do():
    shapes, _ = outlines(1)
    many = [lack(target=f"T{index}", kind=f"kind{index}") for index in range(2_500)]
    with pytest.raises(NeedsError, match="name fewer targets"):
        told(many, shapes)


def test_what_is_missing_at_a_centre_helps_nowhere_else(campaign, tmp_path):
    judged = judge_target(
        campaign.store(tmp_path), TARGETS["T7A"], ground=centres.ground(), period=MONTH
    )
    [one] = lacks(
        TARGETS["T7A"],
        judged.verdicts,
        judged.rows,
        ground=centres.ground(),
        period=MONTH,
        now=MIDDLE,
    )
    shapes, _ = outlines(1)
    needs = told([one], shapes)
    near, far = (
        question(centres.LAT + north, centres.LON, kind="latency", rat_class=RatClass.G5)
        for north in (0.01, 0.02)
    )
    assert objection(needs, near) is None
    assert "enough" in objection(needs, far)


# The list to drive by


def stop(name, lat, lon, **changes):
    fields = {
        "boundary_set": "s",
        "level": "commune",
        "code": name,
        "name": name,
        "lat_deg": lat,
        "lon_deg": lon,
        "blocks": 0,
        "targets": ("T1",),
        "operators": ("Viettel",),
        "missing": 3,
        "day_parts": ("22-06",),
    }
    return Stop(**(fields | changes))


def report(stops=(), roads=()):
    return Report(
        period=MONTH, made_utc=MIDDLE, lacks=(), stops=tuple(stops), stretches=tuple(roads)
    )


def test_the_order_goes_round_without_crossing_itself():
    names = "abcdefgh"
    angles = np.linspace(np.pi / 2, np.pi / 2 + 2 * np.pi, 8, endpoint=False)
    ring = [
        stop(name, 12 + 0.1 * np.sin(angle), 107.7 + 0.1 * np.cos(angle))
        for name, angle in zip(names, angles, strict=True)
    ]
    order = "".join(
        one.name for one in drive_list.in_order([ring[i] for i in (3, 0, 6, 1, 7, 4, 2, 5)])
    )
    assert order in (names, names[0] + names[:0:-1])
    assert drive_list.in_order([]) == []


def test_no_cell_of_the_csv_is_a_formula():
    evil = stop('=HYPERLINK("http://x")', 12, 107.7, operators=("@SUM(1)",), code="+1")
    text = drive_list.as_csv(report([evil]))
    header, row = list(csv.reader(io.StringIO(text)))
    cells = dict(zip(header, row, strict=True))
    assert cells["name"] == '\'=HYPERLINK("http://x")'
    assert (cells["operators"], cells["area"], cells["day_parts"]) == ("'@SUM(1)", "'+1", "22-06")


def test_the_gpx_has_places_a_route_and_the_course_of_stretches():
    road = Stretch(
        target="T3",
        road="QL14 <b>&",
        from_m=4000.0,
        to_m=4600.0,
        why="unknown",
        operators=("Viettel",),
        line=((12.0, 107.7), (12.01, 107.7)),
    )
    found = ET.fromstring(  # noqa: S314  # our own
        drive_list.as_gpx(
            report([stop("Nghĩa Đức", 12, 107.7), stop("x\x00y", 12.1, 107.7)], [road])
        )
    )
    names = {"g": "http://www.topografix.com/GPX/1/1"}
    assert [one.text for one in found.findall("g:wpt/g:name", names)] == ["1 xy", "2 Nghĩa Đức"]
    assert len(found.findall("g:rte/g:rtept", names)) == 2
    assert len(found.findall("g:trk/g:trkseg/g:trkpt", names)) == 2
    assert found.find("g:trk/g:name", names).text == "QL14 <b>& km 4.00-4.60 (unknown)"


# All of it


def test_a_survey_of_an_empty_month_names_places_in_every_area(tmp_path):
    config = configured(tmp_path)
    Campaign().store(config.store.lake)
    found = survey(config, period=MONTH, now=MIDDLE, targets=["T1"])
    assert {one.code for one in found.report.stops} == {"24611", "24612"}
    assert all(one.missing == 30 for one in found.report.stops)
    assert {one.operator for one in found.report.lacks} >= {"Viettel", "MobiFone"}
    with pytest.raises(NeedsError, match="no target is called 'T99'"):
        survey(config, period=MONTH, now=MIDDLE, targets=["T99"])


def test_without_any_area_nothing_is_said(tmp_path):
    config = configured(tmp_path)
    bare = msgspec.structs.replace(config, geo=msgspec.structs.replace(config.geo, boundaries=()))
    with pytest.raises(NeedsError, match="no area is known"):
        survey(bare, period=MONTH, now=MIDDLE)
