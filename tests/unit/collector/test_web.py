"""The page as a browser gets it: verdicts, road strip, ledger and probes, escaped and guarded."""

import asyncio
import json
import re
import shutil
import threading
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from collector.checker import Checker
from collector.config import load
from collector.store.ledger import Ledger, Received
from collector.targets import parse
from collector.targets.shipped import shipped
from collector.web import board
from collector.web.app import create
from collector.web.view import View, chapters
from tests.unit.collector.campaigns import NOW, OCTOBER, Campaign, spots
from tests.unit.collector.provinces import configured
from wire.control import ModemState, Presence
from wire.messages import Outcome

VERDICTS_PAGE = Path(__file__).parents[3] / "docs" / "explanation" / "verdicts.md"
EVIL = '<script>alert("x")</script>'


pytestmark = pytest.mark.timeout(300)
"""All targets are judged for the first time, while other tests run."""


@pytest.fixture(scope="module", autouse=True)
def patient():
    """The first request waits for verdicts, however busy the machine is."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(board, "FIRST_WAIT_S", 240.0)
        yield


@pytest.fixture(scope="module")
def config(tmp_path_factory):
    """A collector that has received a month, a drive with a gap and a bad message."""
    folder = tmp_path_factory.mktemp("collector")
    config = configured(folder, second=EVIL)
    campaign = Campaign()
    for index, (lat, lon, at) in enumerate(spots(60)):
        campaign.test(52 + index % 9, lat=lat, lon=lon, at=at)
        campaign.test(20 + index % 9, lat=lat, lon=lon + 0.2, at=at, commune="24612")
        campaign.session(9.0, lat=lat, lon=lon, at=at)
    campaign.test(1, outcome=Outcome.INVALID)
    for day in range(3):
        campaign.drive(
            start=OCTOBER + timedelta(days=20 + day), length_m=5970.0, gaps=[(1000.0, 2400.0)]
        )
    campaign.store(config.store.lake).close()
    epoch = uuid4()
    with Ledger(config.store.ledger) as ledger:
        ledger.commit(
            [Received(probe="dn-01", epoch=epoch, brought={UUID(int=1): [1, 2, 4, 4, 4]})], [], NOW
        )
        modem = ModemState(name=EVIL, state="sampling", mode="lte", rsrp_dbm=-91.0)
        here = Presence(
            probe="dn-01", online=True, epoch=epoch, made=5, outbox_rows=7, modems=(modem,)
        )
        ledger.greet([here], NOW)
    return config


def ask(app, *paths):
    """What the application answers, in one run of its life."""

    async def run():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return [await client.get(path) for path in paths]

    return asyncio.run(run())


@pytest.fixture(scope="module")
def answers(config):
    paths = (
        "/",
        "/?lang=en",
        "/api/verdicts",
        "/verdict?target=T3&level=road&code=QL14&operator=Viettel",
        "/api/verdicts?target=T1&level=commune",
        "/api/ledger",
        "/ledger",
        "/ledger?lang=en",
        "/api/probes",
        "/verdict?target=T1&level=commune&code=24611&operator=Viettel&lang=en",
        "/verdict?target=T3&level=road&code=QL14&operator=Viettel&lang=en",
        "/verdict?target=T9&level=road&code=QL14&operator=Viettel",
        "/static/page.css",
        "/?lang=%3Cscript%3E",
    )
    return dict(zip(paths, ask(create(config, now=lambda: NOW), *paths), strict=True))


def test_real_geography_is_shown_without_a_word_and_drawn_geography_with_one(
    answers, config, tmp_path
):
    assert "Demo geography" not in answers["/?lang=en"].text
    drawn = json.loads(config.geo.roads[0].read_text())
    drawn["features"][0]["properties"]["demo"] = True
    (tmp_path / "roads.geojson").write_text(json.dumps(drawn))
    demo = msgspec.structs.replace(
        config, geo=msgspec.structs.replace(config.geo, roads=(tmp_path / "roads.geojson",))
    )
    app = create(demo, now=lambda: NOW)
    page, verdicts = ask(app, "/?lang=en", "/api/verdicts?target=T3&lang=en")
    assert "Demo geography" in page.text
    assert all(one["evidence"]["demo_geography"] for one in verdicts.json()["verdicts"])


def test_vietnamese_is_the_default_and_english_one_click_away(answers):
    assert '<html lang="vi">' in answers["/"].text
    assert "KHÔNG ĐẠT" in answers["/"].text
    assert 'href="/?lang=en"' in answers["/"].text
    assert '<html lang="en">' in answers["/?lang=en"].text
    assert "NOT PROVEN" in answers["/?lang=en"].text
    assert '<html lang="vi">' in answers["/?lang=%3Cscript%3E"].text


def test_each_verdict_is_a_sign_a_word_and_a_colour(answers):
    page = answers["/?lang=en"].text
    assert re.search(r'class="badge FAIL"><span aria-hidden="true">✗</span> FAIL<', page)
    cell = re.search(r'<a class="cell PASS" href="([^"]*)"[^>]*>.*?</a>', page).group(0)
    assert "✓" in cell
    assert "PASS</span>" in cell
    assert "Mbit/s" in cell


def test_the_road_strip_shows_the_gap_in_place(answers):
    page = answers["/?lang=en"].text
    drawn = re.findall(r'<rect class="(\w+)" x="([\d.]+)" y="\d+" width="([\d.]+)"', page)
    gap = next((float(x), float(width)) for state, x, width in drawn if state == "uncovered")
    road_m = 5972
    assert gap[0] == pytest.approx(1000 / road_m * 1000, abs=10)
    assert gap[1] == pytest.approx(1400 / road_m * 1000, abs=10)
    assert "km 1.00-1.05: covered" not in page


def test_names_from_outside_are_text_and_never_markup(answers):
    for answer in answers.values():
        assert EVIL not in answer.text or answer.headers["content-type"] == "application/json"
    assert "&lt;script&gt;" in answers["/"].text


def test_nothing_is_fetched_from_elsewhere_and_no_script_runs(answers):
    for answer in answers.values():
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'")
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
    for path in ("/", "/?lang=en"):
        page = answers[path].text
        assert "<script" not in page
        assert " style=" not in page
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page)


def test_ledger_and_quarantine_are_on_the_page_and_in_json(answers):
    said = answers["/api/ledger"].json()
    row = said["ledger"][0]
    assert (row["made"], row["received"], row["missing"], row["duplicates_dropped"]) == (5, 3, 2, 2)
    assert said["quarantined"] == 0
    assert '<td class="number bad">2</td>' in answers["/"].text
    assert "0 unreadable messages are kept" in answers["/?lang=en"].text


def test_the_ledger_names_each_hole_and_its_age(config, answers):
    holes = answers["/api/ledger"].json()["ledger"][0]["holes"]
    assert [(hole["first_seq"], hole["last_seq"]) for hole in holes] == [(3, 3), (5, 5)]
    assert datetime.fromisoformat(holes[0]["since_utc"]) == NOW
    later = NOW + timedelta(minutes=5)
    vi, en = ask(create(config, now=lambda: later), "/ledger", "/ledger?lang=en")
    assert ">5 phút</span>" in vi.text
    assert ">5 min</span>" in en.text
    assert "Chờ gửi" in vi.text
    assert "the column Waiting" in en.text
    assert "Thiếu" in answers["/ledger"].text
    assert "Numbered anew" in answers["/ledger?lang=en"].text
    assert "/ledger?lang=en" in answers["/?lang=en"].text


def test_a_thousand_holes_are_counted_and_the_first_of_them_shown(tmp_path):
    (tmp_path / "collector.toml").write_text('[store]\nfolder = "data"\n')
    config = load(tmp_path / "collector.toml")
    every_second = {UUID(int=1): range(2, 2001, 2)}
    with Ledger(config.store.ledger) as ledger:
        ledger.commit([Received(probe="dn-01", epoch=uuid4(), brought=every_second)], [], NOW)
    later = NOW + timedelta(days=3)
    [page] = ask(create(config, now=lambda: later), "/ledger")
    assert page.text.count(">3 ngày</span>") == 100
    assert "và 900 khoảng nữa" in page.text


def test_probes_say_whether_they_are_there(answers):
    assert answers["/api/probes"].json()["probes"][0]["message"]["outbox_rows"] == 7
    assert "● online" in answers["/?lang=en"].text
    assert "-91 dBm" in answers["/"].text


def test_verdicts_as_json_can_be_narrowed(answers):
    everything = answers["/api/verdicts"].json()
    assert {one["target"] for one in everything["verdicts"]} >= {"T1", "T3", "T5", "T8"}
    assert datetime.fromisoformat(everything["computed_utc"]) == NOW
    some = answers["/api/verdicts?target=T1&level=commune"].json()["verdicts"]
    assert {(one["target"], one["level"]) for one in some} == {
        ("T1", "headline"),
        ("T1", "commune"),
    }


def test_a_verdict_is_told_in_full_with_its_query(answers):
    page = answers["/verdict?target=T1&level=commune&code=24611&operator=Viettel&lang=en"].text
    assert "the lower limit" in page
    assert '<span title="invalid">invalid</span> 1' in page
    assert "direction" in page
    assert "test-2024" in page
    gap = answers["/verdict?target=T3&level=road&code=QL14&operator=Viettel&lang=en"].text
    assert "gap_from_m" in gap
    missing = answers["/verdict?target=T9&level=road&code=QL14&operator=Viettel"]
    assert missing.status_code == 404


def test_every_figure_and_reason_has_a_vietnamese_name(answers):
    view = View("vi")
    verdicts = answers["/api/verdicts"].json()["verdicts"]
    figures = {name for verdict in verdicts for name in verdict["context"]} - {"strip", "gaps"}
    assert {"median", "wilson_lower", "gap_from_m", "share_at_least_5_mbit_s"} <= figures
    assert [name for name in figures if view.figure_name(name) == name] == []
    table = VERDICTS_PAGE.read_text(encoding="utf-8").split("## What counts")[1].split("| `no_res")
    reasons = re.findall(r"`(\w+)`", " ".join(re.findall(r"(?m)^\| (`.*?) \|", table[0])))
    assert {"invalid", "lock_lost", "other_height"} <= set(reasons)
    assert [one for one in reasons if view.left_out(one) == one.replace("_", " ")] == []


def test_figures_are_said_with_their_unit_and_a_comma():
    view = View("vi")
    assert view.figure("failure_ratio", 0.0625) == "6,2 %"
    assert view.figure("median", 41.37) == "41,4 Mbit/s"
    assert view.figure("road_m", 113473.2) == "113.473 m"
    assert view.figure("passes_up", 3) == "3"
    assert view.km(38704.4, 40102.9) == "km 38,70-40,10"


def test_the_bounds_of_a_road_are_not_called_statistical(answers):
    page = answers["/verdict?target=T3&level=road&code=QL14&operator=Viettel"].text
    assert "Cận dưới và cận trên" in page
    assert "95 % một phía" not in page


def test_a_collector_that_has_nothing_yet_says_so(tmp_path):
    (tmp_path / "collector.toml").write_text('[store]\nfolder = "data"\n')
    config = load(tmp_path / "collector.toml")
    page, ledger, verdicts = ask(
        create(config, now=lambda: NOW), "/?lang=en", "/api/ledger", "/api/verdicts"
    )
    assert page.status_code == 200
    assert "No record has been received yet." in page.text
    assert "Something is wrong" not in page.text
    assert ledger.json()["ledger"] == []
    said = {one["verdict"] for one in verdicts.json()["verdicts"]}
    assert said == {"NOT_APPLICABLE"}


def test_judging_does_not_hold_up_other_requests(config, monkeypatch):
    go_on = threading.Event()
    calls = []

    def slow(*_arguments, **_options):
        calls.append(1)
        assert go_on.wait(timeout=20)
        return []

    monkeypatch.setattr(board, "stand_all", slow)
    app = create(config, now=lambda: NOW)

    async def run():
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            waiting = [asyncio.create_task(client.get("/")) for _ in range(3)]
            quick = await asyncio.wait_for(client.get("/api/ledger"), timeout=15)
            busy = not any(task.done() for task in waiting)
            go_on.set()
            pages = await asyncio.wait_for(asyncio.gather(*waiting), timeout=15)
            return quick, busy, pages

    quick, busy, pages = asyncio.run(run())
    assert quick.status_code == 200
    assert busy
    assert [page.status_code for page in pages] == [200, 200, 200]
    assert len(calls) == 1


def test_a_fault_of_ours_is_shown_and_not_kept_silent(config, monkeypatch, caplog):
    def broken(_config, **_asked):
        raise ZeroDivisionError

    monkeypatch.setattr(board, "stand_all", broken)
    [page] = ask(create(config), "/?lang=en")
    assert "internal error, see the log" in page.text
    assert "ZeroDivisionError" in caplog.text


def test_another_period_is_judged_when_it_is_asked_for(config, monkeypatch):
    asked = []
    monkeypatch.setattr(
        board, "stand_all", lambda _config, **named: asked.append(named["period"]) or []
    )
    app = create(config, now=lambda: NOW)
    running, last, bad = ask(app, "/?period=2026-11&lang=en", "/?lang=en", "/?period=soon&lang=en")
    assert [None if period is None else period.label for period in asked] == ["2026-11", None]
    assert (running.status_code, last.status_code, bad.status_code) == (200, 200, 404)
    assert 'href="/?period=2026-11&amp;lang=vi"' in running.text
    assert 'href="/?period=2026-10&amp;lang=en"' in last.text


def test_old_verdicts_are_shown_with_their_age_while_new_ones_are_worked_out(config, monkeypatch):
    moments = [NOW]
    calls = []
    monkeypatch.setattr(
        board, "stand_all", lambda _config, **asked: calls.append(asked["now"]) or []
    )

    async def run():
        kept = board.Board(config, lambda: moments[0])
        first = await kept.judged()
        moments[0] = NOW + timedelta(seconds=30)
        await kept.judged()
        moments[0] = NOW + timedelta(seconds=90)
        stale = await kept.judged()
        await kept.close()
        return first, stale, await kept.judged()

    first, stale, fresh = asyncio.run(run())
    assert first.at == stale.at == NOW
    assert fresh.at == NOW + timedelta(seconds=90)
    assert calls == [NOW, NOW + timedelta(seconds=90)]


def test_a_signed_month_is_shown_as_it_was_signed_and_by_whom(tmp_path):
    config = configured(tmp_path)
    campaign = Campaign()
    campaign.test(50, at=OCTOBER)
    campaign.store(config.store.lake).close()
    with Checker.opened(config) as checker:
        ids = [one.id for one in checker.check(now=NOW, period=parse("2026-10"))]
        checker.book.sign("2026-10", by=EVIL, ids=ids, reason=None, now=NOW)
    late = Campaign(first_seq=100)
    late.test(60, at=OCTOBER)
    late.store(config.store.lake).close()
    page, api = ask(
        create(config, now=lambda: NOW),
        "/?period=2026-10&lang=en",
        "/api/verdicts?period=2026-10&target=T1",
    )
    assert "Signed: &lt;script&gt;" in page.text
    assert "would be others by data that came after" in page.text
    [t1] = [
        one
        for one in api.json()["verdicts"]
        if (one["code"], one["operator"]) == ("24611", "Viettel")
    ]
    assert (t1["n"], t1["signed_by"]) == (1, EVIL)
    assert t1["late_data_verdict"] not in {None, t1["id"]}


def test_a_target_that_is_added_while_the_page_runs_appears(tmp_path):
    folder = tmp_path / "targets"
    folder.mkdir()
    shutil.copy(shipped("targets") / "t1.toml", folder)
    config = configured(tmp_path, more='[targets]\nfolder = "targets"\n')
    Campaign().store(config.store.lake).close()
    moments = [NOW]

    async def run():
        kept = board.Board(config, lambda: moments[0])
        await kept.judged()
        shutil.copy(shipped("targets") / "t5.toml", folder)
        moments[0] += timedelta(seconds=90)
        await kept.judged()
        await kept.close()
        return await kept.judged()

    judged = asyncio.run(run())
    assert judged.problem is None
    assert [one.target.id for one in chapters(judged.verdicts, judged.targets)] == ["T1", "T5"]
