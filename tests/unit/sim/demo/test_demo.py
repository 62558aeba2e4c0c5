import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rich.console import Console

from sim.certificates import COLLECTOR, DASHBOARD
from sim.cli import main
from sim.demo.command import _fleet
from sim.demo.dashboard import Dashboard
from sim.demo.summary import account, find_gap, problems, shown
from sim.demo.tables import ledger_table, verdict_table
from sim.demo.timetable import OUTAGE_S, SHORTEST_S, TooShortError, fitted, timetable
from sim.demo.toml import toml
from sim.demo.view import LiveView, PlainView, Scene, Strip, picture
from sim.parts import wait_until
from sim.world import demo_world
from wire import topics
from wire.codec import encode_record
from wire.control import ModemState, Presence
from wire.kinds import throughput
from wire.messages import Measurement, Modem, Outcome

TIMEOUT_S = 10.0


@pytest.fixture(scope="module")
def world():
    return demo_world(1_795_000_000.0)


def test_a_drive_of_150_s_has_the_whole_outage_and_the_whole_gap(world):
    table = timetable(world, 150)
    gap = world.gaps[0]
    assert table.outage_s == OUTAGE_S
    assert not table.shortened
    assert 0 < table.outage_start_s < table.outage_end_s < table.broker_kill_s < table.drive_s < 150
    driven = fitted(world, table, 1000.0)
    assert driven.drive.start_m < gap.start_m < gap.end_m + 200 < driven.drive.end_m
    assert driven.position_at(1000.0 + table.drive_s).chainage_m == driven.drive.end_m


def test_a_short_drive_is_faster_and_has_a_shorter_outage(world):
    table = timetable(world, SHORTEST_S)
    assert table.shortened
    assert table.speed_m_s > world.drive.speed_m_s
    assert table.end_m > world.gaps[0].end_m


def test_a_drive_that_cannot_be_is_refused(world):
    with pytest.raises(TooShortError, match="at least"):
        timetable(world, SHORTEST_S - 1)


@pytest.mark.parametrize(
    ("rows", "probes", "passes"),
    [(146_000, 24, 3), (42_000, 5, 1), (5_000, 2, 0), (1, 1, 0)],
)
def test_a_fleet_is_as_large_as_its_rows(world, rows, probes, passes):
    fleet = _fleet(world, rows)
    assert (len(fleet.probes) - len(world.roads), len(fleet._pass_days)) == (probes, passes)
    assert _fleet(world, 0) is None


def test_configuration_is_toml():
    text = toml(
        {"probe": "dn-01", "state_dir": Path("/var/lib")},
        {"uplink": {"port": 8883, "host": 'đo sóng "x"', "cert": None}},
        {"modem": [{"name": "a"}, {"name": "b", "modems": ["x", "y"], "on": True}]},
    )
    assert tomllib.loads(text) == {
        "probe": "dn-01",
        "state_dir": "/var/lib",
        "uplink": {"port": 8883, "host": 'đo sóng "x"'},
        "modem": [{"name": "a"}, {"name": "b", "modems": ["x", "y"], "on": True}],
    }


def road_verdict(operator: str, gaps: list[tuple[float, float]], n: int = 100) -> dict[str, Any]:
    return {
        "target": "T3",
        "level": "road",
        "code": "QL14-demo",
        "name": "QL14-demo",
        "operator": operator,
        "verdict": "FAIL",
        "estimate": 1400.0,
        "lower": 1380.0,
        "upper": 1420.0,
        "threshold": 1000.0,
        "unit": "m",
        "n": n,
        "blocks": 3,
        "n_eff": None,
        "failures": 0,
        "excluded": {},
        "counts": {},
        "reason": {"vi": "dài", "en": "long"},
        "period": {"label": "90 d"},
        "evidence": {"query": "SELECT"},
        "context": {"gaps": [{"from_m": start, "to_m": end} for start, end in gaps]},
    }


def test_the_planted_gap_is_that_of_the_operator_farthest_off(world):
    start, end = world.gaps[0].start_m, world.gaps[0].end_m
    verdicts = [
        road_verdict("Viettel", [(500.0, 600.0), (start + 5, end - 10)]),
        road_verdict("MobiFone", [(start - 20, end + 30)]),
        road_verdict("Vietnamobile", [], n=0),
        road_verdict("any", [(0.0, 1.0)]),
    ]
    gap = find_gap(world.gaps[0], verdicts)
    assert (gap.operator, gap.error_m) == ("MobiFone", 30.0)


def test_a_gap_that_one_operator_has_not_is_not_found(world):
    start, end = world.gaps[0].start_m, world.gaps[0].end_m
    verdicts = [road_verdict("Viettel", [(start, end)]), road_verdict("MobiFone", [])]
    assert find_gap(world.gaps[0], verdicts) is None


def test_every_broken_promise_is_a_problem(world):
    start, end = world.gaps[0].start_m, world.gaps[0].end_m
    row = {"probe": "dn-01", "made": 10, "received": 9, "missing": 1, "duplicates_dropped": 4}
    verdicts = [road_verdict("Viettel", [(start + 80, end)])]
    found = [*problems(account([row], 2), find_gap(world.gaps[0], verdicts), verdicts, seeded=True)]
    assert found == [
        "1 rows are missing",
        "2 rows are there twice",
        "the planted gap was found 80 m off",
        "T1: no verdict with a reason",
        "T5: no verdict with a reason",
        "T8: no verdict with a reason",
    ]


def test_a_kept_promise_is_no_problem(world):
    verdicts = [
        road_verdict("Viettel", [(world.gaps[0].start_m, world.gaps[0].end_m)]) | {"target": target}
        for target in ("T1", "T3", "T5", "T8")
    ]
    ledger = account([], 0)
    assert not [*problems(ledger, find_gap(world.gaps[0], verdicts), verdicts, seeded=True)]


def test_a_shown_verdict_leaves_the_evidence_with_the_collector():
    assert "evidence" not in shown(road_verdict("Viettel", []))
    assert shown(road_verdict("Viettel", []))["period"] == "90 d"


def modem_state(state: str) -> ModemState:
    served = state == "ok"
    return ModemState(
        name="viettel",
        state=state,
        mode="lte" if served else None,
        rsrp_dbm=-90.0 if served else None,
    )


def scene(chainage_m: float, state: str = "ok", news: tuple[str, ...] = ()) -> Scene:
    return Scene(
        presence=Presence(
            probe="dn-live", online=True, made=30, outbox_rows=10, modems=(modem_state(state),)
        ),
        chainage_m=chainage_m,
        since_start_s=4.0,
        uplink_black=False,
        broker_up=True,
        latest={("throughput", "viettel"): result(42e6)},
        news=news,
    )


def result(bits_per_second: float = 1.0) -> Measurement[throughput.Payload]:
    return Measurement(
        probe="dn-live",
        epoch=uuid4(),
        seq=1,
        kind="throughput",
        schema=throughput.SCHEMA,
        boot_id=uuid4(),
        mono_ns=1,
        utc=datetime(2026, 11, 23, tzinfo=UTC),
        modem=Modem(usb_path="1-1.1", name="viettel"),
        outcome=Outcome.OK,
        software="test",
        payload=throughput.Payload(
            direction="down", streams=6, warmup_s=2, window_s=10, bits_per_second=bits_per_second
        ),
    )


def test_the_strip_shows_what_is_covered_and_what_is_not(world):
    strip = Strip(world)
    start_m = world.drive.start_m
    strip.mark(modem_state("ok"), start_m)
    strip.mark(modem_state("no_service"), start_m + 60)
    strip.mark(modem_state("skipped"), start_m + 120)
    strip.mark(modem_state("ok"), start_m - 1000)
    assert strip.text("viettel").plain[:4] == "█░··"


def test_the_picture_tells_the_last_test_and_what_is_acknowledged(world, capsys):
    Console(width=160).print(picture(scene(38_500.0), Strip(world)))
    printed = capsys.readouterr().out
    for words in ("throughput: 42.0 Mbit/s", "-90 dBm", "acknowledged 20", "km 38.50"):
        assert words in printed


def test_a_log_gets_news_at_once_and_a_line_now_and_then(capsys):
    with PlainView(Console()) as view:
        view.show(scene(38_000.0))
        view.show(scene(38_010.0, news=("the uplink goes black",)))
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert "viettel lte -90 dBm" in printed[0]
    assert printed[1] == "the uplink goes black"


def test_a_terminal_gets_its_picture_back_out_of_the_way(world, capsys):
    with LiveView(Console(force_terminal=True), world) as view:
        view.show(scene(38_000.0, "no_service"))
    assert "viettel" in capsys.readouterr().out


def test_the_tables_show_totals_and_headlines(capsys):
    row = {"probe": "dn-01", "made": 10, "received": 10, "missing": 0, "duplicates_dropped": 4}
    console = Console(width=200)
    console.print(ledger_table(account([row, row], 0)))
    console.print(verdict_table([shown(road_verdict("Viettel", []))]))
    printed = capsys.readouterr().out
    assert "all" in printed
    assert "20" in printed
    assert "1380 .. 1420" in printed


def test_a_dashboard_sees_what_the_collector_shows(authority, broker, client):
    authority.client(DASHBOARD)
    collector = client(COLLECTOR)
    first, second = result(10e6), result(20e6)
    with Dashboard(broker.port, authority.certificate.parent, "dn-live") as dashboard:
        collector.publish(topics.live("dn-live", "throughput"), encode_record(first), retain=True)
        wait_until(lambda: bool(dashboard.latest()), "a record", TIMEOUT_S)
        collector.publish(topics.live("dn-live", "throughput"), b"no record", retain=True)
        collector.publish(topics.live("dn-live", "throughput"), encode_record(second), retain=True)
        wait_until(
            lambda: dashboard.rates_mbit_s("viettel") == (10.0, 20.0), "both results", TIMEOUT_S
        )
        assert dashboard.latest()["throughput", "viettel"] == second


def test_help_tells_every_option(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["demo", "--help"])
    printed = capsys.readouterr().out
    for option in ("--for", "--json", "--seed-rows", "--keep", "--no-web", "--speed"):
        assert option in printed
