import json
import pkgutil
import threading

import pytest

import benchmarks
from benchmarks.__main__ import main
from benchmarks.area_assignment import measured
from benchmarks.at_round_trip import REPLIES
from benchmarks.links import Crossing, far_end, wait_until_quiet, way_out
from benchmarks.radio_under_load import TESTS
from benchmarks.video_stalls import Answer, rate_mbit, reckon
from drivers.traffic import VideoProfile, load_profiles, run_video
from sim.network import OperatorLink, OperatorNetworks
from tests.unit.drivers.traffic.ends import PROFILES, session
from wire.kinds.throughput import Direction
from wire.messages import Outcome

NO_RUN = {"__main__", "links"}


def test_round_trip_is_measured_beside_pyserial_and_a_look_by_its_share_of_a_core(capsys):
    assert main(["at_round_trip", "--rounds", "25", "--seconds", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)["at_round_trip"]
    rows = found["round_trips"]
    assert {row["command"] for row in rows} == set(REPLIES)
    assert all(row["median_us"] > 0 for row in rows)
    assert [row["ratio"] for row in rows if row["asked_by"] == "pyserial, what is there"] == [1, 1]
    assert found["sampling"]["looks"] == 1
    assert 0 < found["sampling"]["core_percent"] < 100


@pytest.mark.parametrize(
    "name",
    [info.name for info in pkgutil.iter_modules(benchmarks.__path__) if info.name not in NO_RUN],
)
def test_every_benchmark_can_be_quick_and_speak_json(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert "--quick" in said
    assert "--json" in said


def test_every_way_of_finding_an_area_finds_the_same_one(tmp_path):
    squares = [
        {
            "type": "Feature",
            "properties": {"code": str(west), "name": "x"},
            "geometry": {
                "type": "Polygon",
                "coordinates": [
                    [[west, 12], [west + 0.1, 12], [west + 0.1, 12.1], [west, 12.1], [west, 12]]
                ],
            },
        }
        for west in (107.0, 107.1, 107.15)
    ]
    file = tmp_path / "squares.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": squares}))
    rows = measured(file, 5000, 1)
    assert len(rows) == 5
    assert all(row.same for row in rows)


def test_the_radio_is_looked_at_beside_profiles_that_there_are():
    wanted = {profile for tests in TESTS.values() for _, profile in tests}
    assert wanted <= set(load_profiles(PROFILES))


def test_a_link_that_is_fast_enough_stalls_nobody():
    seen = reckon(((0, 10),), media_mbit=5, segments=6)
    assert seen.access_s == pytest.approx(1.0, abs=0.01)  # two segments of 1 s at twice the rate
    assert seen[1:] == (0, 0, 0)


def test_an_outage_stalls_from_the_dry_buffer_to_the_full_threshold():
    # Access at 1 s; the 8th segment comes at 4 s, so the buffer is dry at 9 s. After the outage
    # two segments take 1 s: 12 s to 13 s, less what is dry.
    seen = reckon(((0, 10), (4, 0), (12, 10)), media_mbit=5, segments=16)
    assert seen.stalls == 1
    assert seen.stalled_s == pytest.approx(13 - 9, abs=0.02)
    assert seen.longest_s == seen.stalled_s


def test_a_schedule_holds_from_its_instants_on():
    schedule = ((0, 6), (4, 0), (7, 8))
    assert [rate_mbit(schedule, at_s) for at_s in (0, 3.9, 4, 6.9, 7, 100)] == [6, 6, 0, 0, 8, 8]


@pytest.mark.parametrize(
    ("link_mbit", "mbit", "kept"),
    [
        (4.9, 4.95, True),
        (4.9, 5.01, False),
        (5.1, 5.0, True),
        (5.1, None, False),
        (5.01, 4.9, True),
    ],
)
def test_an_answer_is_right_or_too_near_to_tell(link_mbit, mbit, kept):
    assert Answer("video", link_mbit, mbit, "ok").kept is kept


@pytest.mark.root
def test_the_receiving_interface_counts_payload_and_rate_of_a_link(tmp_path):
    test: VideoProfile = session(
        media_bits_per_second=20_000_000, target_bits_per_second=20_000_000
    )
    with OperatorNetworks([OperatorLink("viettel", 40, 40)]) as nets:
        net = nets["viettel"]
        net.serve(log=tmp_path / "server.log")
        wait_until_quiet(net.interface)
        with Crossing(net.interface, Direction.DOWN) as crossing:
            result = run_video(test, far_end(net), way_out(net), threading.Event())
    assert result.outcome is Outcome.OK
    assert crossing.payload_bytes == pytest.approx(result.payload.payload_bytes, rel=0.002)
    assert crossing.mbit() == pytest.approx(40, rel=0.02)
