import statistics
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import uuid4

import msgspec
import numpy as np
import pytest

from sim.cli import main
from sim.fleet.command import Fleet
from sim.fleet.month import LOCAL, Month, previous_month
from sim.fleet.passes import pass_records, pass_rows
from sim.fleet.stop import day_records
from sim.fleet.vehicle import Vehicle
from sim.world import World, demo_world
from sim.world.radio import RadioMap
from sim.world.route import distance_m
from wire.cells import RatClass
from wire.codec import decode_record, encode_record
from wire.messages import AnyMeasurement, Outcome

NOW = datetime(2026, 11, 23, 5, tzinfo=UTC)
DAY_PARTS = ((6, 10), (10, 17), (17, 22))


@pytest.fixture(scope="module")
def world() -> World:
    return demo_world(NOW.timestamp())


@pytest.fixture(scope="module")
def radio(world) -> RadioMap:
    return RadioMap(world)


@pytest.fixture(scope="module")
def month(world, radio) -> Month:
    return Month(
        world,
        radio,
        first_day=previous_month(NOW),
        probes=[f"dn-{number:02}" for number in range(1, 25)],
        seed=14,
    )


@pytest.fixture(scope="module")
def records(month, world) -> Sequence[AnyMeasurement]:
    """All that a third of the fleet makes at its stops."""
    made = []
    for number in range(1, 25, 3):
        vehicle = Vehicle(f"dn-{number:02}", uuid4(), world, 14)
        for day in month.days:
            made += vehicle.numbered(day_records(month, vehicle, day))
    return made


@pytest.mark.parametrize(
    ("now", "first"),
    [
        (datetime(2026, 10, 31, 16, 59, tzinfo=UTC), date(2026, 9, 1)),
        (datetime(2026, 10, 31, 17, 0, tzinfo=UTC), date(2026, 10, 1)),
        (datetime(2027, 1, 5, tzinfo=UTC), date(2026, 12, 1)),
    ],
)
def test_the_month_is_the_last_whole_one_in_viet_nam(now, first):
    assert previous_month(now) == first


def test_the_same_seed_plans_the_same_month(month, world, radio):
    again = Month(
        world, radio, first_day=month.days[0], probes=[f"dn-{n:02}" for n in range(1, 25)], seed=14
    )
    assert again.truth() == month.truth()
    other = Month(
        world, radio, first_day=month.days[0], probes=[f"dn-{n:02}" for n in range(1, 25)], seed=15
    )
    assert other.truth() != month.truth()


def test_each_record_survives_the_wire(records):
    for record in records[:2000]:
        assert decode_record(encode_record(record)) == record


def test_numbers_have_no_gap_and_follow_the_time(records):
    by_probe = defaultdict(list)
    for record in records:
        by_probe[record.probe].append(record)
    for made in by_probe.values():
        assert [record.seq for record in made] == list(range(1, len(made) + 1))
        times = [record.utc for record in made]
        assert times == sorted(times)


def test_there_is_evidence_enough_in_most_communes(month):
    stops = defaultdict(list)
    for number in range(1, 25):
        for day in month.days:
            for stop in month.stops(f"dn-{number:02}", day):
                stops[stop.commune].append(stop)
    assert len(stops) == 71 - 3
    enough = 0
    for visited in stops.values():
        blocks = {(stop.place[:2], stop.start.replace(minute=0)) for stop in visited}
        hours = {stop.start.astimezone(LOCAL).hour for stop in visited}
        places = {stop.place[:2] for stop in visited}
        parts = sum(any(first <= hour < end for hour in hours) for first, end in DAY_PARTS)
        assert all(distance_m(a, b) >= 500 for a in places for b in places if a != b)
        enough += len(blocks) >= 36 and len(places) >= 3 and parts == 3
    assert enough >= 60


def test_tests_carry_what_a_verdict_filters_by(records):
    for record in records:
        if record.kind in {"throughput", "video"} and record.outcome is Outcome.OK:
            radio = record.payload.radio
            assert radio.plmn == record.sim.home_plmn
            assert radio.cell_id
            assert radio.rat_class
            assert record.position.horizontal_error_m
            assert record.payload.bits_per_second
            assert record.profile
    locked = Counter(
        (record.rat_lock.asked, record.payload.radio.rat_class)
        for record in records
        if record.kind == "throughput" and record.payload is not None
    )
    assert {asked for asked, _ in locked} == {"4g", "5g-nsa", "5g-sa"}
    assert all(class_ is RatClass.G4 for asked, class_ in locked if asked == "4g")
    assert locked["5g-sa", RatClass.G5] > 10 * locked["5g-sa", RatClass.MIXED] > 0


def test_some_tests_fail_and_some_are_spoilt(records):
    outcomes = Counter(record.outcome for record in records if record.kind == "throughput")
    total = sum(outcomes.values())
    assert 0.003 < outcomes[Outcome.FAILED] / total < 0.06
    for spoilt in (Outcome.INVALID, Outcome.SKIPPED, Outcome.MODEM_GONE):
        assert 0 < outcomes[spoilt] / total < 0.03
    assert any((record.position.horizontal_error_m or 0) > 50 for record in records)


def test_what_is_measured_is_what_is_true(records, month):
    probes = {record.probe for record in records}
    truth = {(one.commune, one.plmn): one for one in month.truth()}
    commune_at = {
        (probe, stop.start.astimezone(LOCAL).date()): stop.commune
        for probe in probes
        for day in month.days
        for stop in month.stops(probe, day)
    }
    rates = defaultdict(list)
    for record in records:
        if (
            record.kind == "throughput"
            and record.outcome is Outcome.OK
            and record.rat_lock.asked == "4g"
        ):
            commune = commune_at[record.probe, record.utc.astimezone(LOCAL).date()]
            rates[commune, record.sim.home_plmn].append(record.payload.bits_per_second / 1e6)
    ratios = [statistics.fmean(found) / truth[key].mean_4g_mbit_s for key, found in rates.items()]
    assert len(ratios) > 50
    assert abs(statistics.fmean(ratios) - 1) < 0.02
    assert max(abs(ratio - 1) for ratio in ratios) < 0.4


def test_true_means_lie_on_both_sides_of_the_target(month):
    means = np.array([one.mean_4g_mbit_s for one in month.truth()])
    assert 0.1 < (means < 36).mean() < 0.4
    assert 0.4 < (means > 44).mean() < 0.8
    shares = [one.video_share for one in month.truth()]
    assert min(shares) < 0.95 < max(shares)


@pytest.mark.parametrize("upwards", [True, False])
def test_a_pass_finds_the_planted_gap(world, radio, upwards):
    gap = world.gaps[0]
    road = world.road(gap.road)
    vehicle = Vehicle("road-1", uuid4(), world, 14)
    day = NOW.astimezone(LOCAL).date() - timedelta(days=1)
    made = vehicle.numbered(pass_records(world, radio, vehicle, road, day, upwards=upwards))
    looks = [record for record in made if record.kind == "radio"]
    assert len(looks) == pass_rows(world, road)
    silent = [record for record in looks if record.outcome is Outcome.NO_SERVICE]
    lat = np.array([record.position.lat_deg for record in silent])
    lon = np.array([record.position.lon_deg for record in silent])
    chainage, _ = road.route.project(lat, lon)
    inside = (chainage > gap.start_m - 100) & (chainage < gap.end_m + 100)
    assert abs(chainage[inside].min() - gap.start_m) < 25
    assert abs(chainage[inside].max() - gap.end_m) < 25
    assert {record.sim.home_plmn for record in silent} == {"45201", "45202", "45204"}


def test_a_fleet_is_published_day_by_day_and_completely(world, authority, broker, collector):
    fleet = Fleet(world, now=NOW, probes=2, passes=0)
    for name in fleet.probes:
        authority.client(name)
    progress = []
    seeded = fleet.publish(
        port=broker.port,
        keys=authority.certificate.parent,
        on_progress=lambda made, stored: progress.append((made, stored)),
    )
    assert len(collector.rows) == seeded.rows
    assert abs(fleet.about_rows() / seeded.rows - 1) < 0.05
    assert progress[-1] == (seeded.rows, seeded.rows)
    assert seeded.rejected_rows == 0
    for probe in fleet.probes:
        made = sum(name == probe for name, _, _ in collector.rows)
        assert collector.presence[probe].made == made
        assert collector.presence[probe].online is False
    # Between two connections the broker keeps no order; each probe's days come one after another.
    newest = {}
    for record in collector.records:
        day = record.utc.astimezone(LOCAL).date()
        assert day >= newest.get(record.probe, day), "an old partition is opened again"
        newest[record.probe] = day


def test_the_command_tells_the_names_that_need_certificates(capsys):
    assert main(["fleet", "--port", "1", "--keys", ".", "--probes", "2", "--names"]) == 0
    assert capsys.readouterr().out.split() == ["dn-01", "dn-02", "road-1", "road-2"]


def test_the_truth_is_plain_json(world):
    truth = Fleet(world, now=NOW, probes=2).truth()
    plain = msgspec.json.decode(msgspec.json.encode(truth))
    assert plain["month"] == "2026-10"
    assert plain["gaps"][0][0] == world.gaps[0].road
    assert len(plain["silent_communes"]) == 3
