"""From a declared map to its verdict: drawn, driven, judged, and computed again by others."""

import csv
import json
import subprocess
import sys
from xml.etree import ElementTree as ET

import pytest

from collector.checker import Checker
from collector.cli import main
from collector.config import load
from collector.evidence.again import recompute
from collector.evidence.files import write
from collector.imports.bringing import bring
from collector.imports.mapping_file import read
from collector.imports.place import of as place_of
from collector.imports.store import ImportStore
from collector.targets import parse
from tests.unit.collector.campaigns import NOW, OCTOBER, Campaign
from tests.unit.collector.foreign_tables import (
    FIGURE_HEAD,
    FIGURES,
    SAMPLE_HEAD,
    SAMPLES,
    square,
)
from tests.unit.collector.provinces import collection, configured
from wire.cells import Cell, Rat, RatClass, TestRadio
from wire.kinds.latency import Payload as Latency
from wire.kinds.radio import Payload as Radio
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

QUARTER = parse("2026-Q4")
MORE = 'population = ["people.geojson"]\ndeclared = ["map.geojson"]\nsites = ["sites.geojson"]\n'


def feature(geometry, **properties):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


@pytest.fixture
def config(tmp_path, monkeypatch):
    """Ten squares of people in each of two communes; the west is declared to have 5G."""
    people = [
        feature(square(west + 0.01 * (n % 5), 11.95 + 0.01 * (n // 5), 0.01), population=n + 1)
        for west in (107.66, 107.86)
        for n in range(10)
    ]
    declared = feature(square(107.6, 11.9, 0.2), operator="Viettel", technology="5g")
    sites = [
        feature(
            {"type": "Point", "coordinates": [107.7, 12.0]},
            operator="Viettel",
            code=code,
            technology=technology,
        )
        for code, technology in (("A", "4g"), ("B", "4g"), ("A", "5g"))
    ]
    (tmp_path / "people.geojson").write_text(collection("people", people))
    (tmp_path / "map.geojson").write_text(collection("map", [declared]))
    (tmp_path / "sites.geojson").write_text(collection("sites", sites))
    monkeypatch.chdir(tmp_path)
    return configured(tmp_path, more=MORE)


def audit(*arguments):
    return main(["audit", *arguments, "--config", "collector.toml"])


def drawn(*, out="go.csv", seed="7", cells="59"):
    arguments = ["--operator", "Viettel", "--period", "2026-Q4", "--seed", seed, "--cells", cells]
    assert audit("draw", *arguments, "--out", out) == 0


def drive(campaign, lat, lon):
    """Ten seconds of 5G in the middle of a square, and data."""
    there = {"at": OCTOBER, "lat": lat, "lon": lon, "asked": RatMode.G5}
    serving = Cell(rat=Rat.NR, mcc="452", mnc="04", rsrp_dbm=-90.0)
    for _ in range(10):
        radio = Radio(registration=RegistrationState.HOME, plmn="45204", serving=serving)
        campaign.add("radio", radio, **there)
    served = TestRadio(rat_class=RatClass.G5, plmn="45204")
    check = Latency(method="http", sent=5, received=5, data_ok=True, radio=served)
    campaign.add("latency", check, **there)


def verdict(config, target, level, operator):
    with Checker.opened(config) as checker:
        found = checker.check(now=NOW, period=QUARTER, target=target, keep_running=True)
    return next(one for one in found if (one.level, one.operator) == (level, operator))


def computed_by_others(config, verdict_, folder):
    """The evidence as files, and what its own script makes of it."""
    again = recompute(config, verdict_.id)
    assert again.differences == {}
    write(again, folder)
    ran = subprocess.run(
        [sys.executable, "recompute.py"], check=False, cwd=folder, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.usefixtures("config")
def test_a_draw_says_where_to_go_and_stays_on_record(capsysbinary):
    drawn()
    with open("go.csv", encoding="utf-8") as stream:  # noqa: PTH123  # as its reader opens it
        rows = list(csv.DictReader(stream))
    assert sum(int(row["hits"]) for row in rows) == 59
    assert all(107.6 <= float(row["lon_deg"]) <= 107.8 for row in rows)
    capsysbinary.readouterr()
    assert audit("show", "1", "--out", "go.gpx", "--json") == 0
    shown = json.loads(capsysbinary.readouterr().out)
    assert (shown["draw"]["seed"], len(shown["cells"])) == (7, len(rows))
    points = ET.parse("go.gpx").getroot()  # noqa: S314  # our own file
    assert len(points) == len(rows)
    assert points[0].get("lat")[:6] == rows[0]["lat_deg"][:6]
    assert audit("list", "--json") == 0
    assert [one["period"] for one in json.loads(capsysbinary.readouterr().out)] == ["2026-Q4"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--operator", "Nobody"], "'Nobody' is none of"),
        (["--operator", "VinaPhone"], "no 5g coverage of VinaPhone is declared"),
        (["--operator", "Viettel", "--cells", "0"], "--cells must be between 1 and"),
        (["--operator", "Viettel", "--seed", "-1"], "--seed must be between 0 and"),
        (["--operator", "Viettel", "--out", "go.kml"], "name a .csv or .gpx file"),
        (["--operator", "Viettel", "--period", "soon"], "period 'soon'"),
    ],
)
def test_what_cannot_be_drawn_is_said(config, capsys, arguments, says):
    assert audit("draw", "--out", "go.csv", *arguments) == 1
    assert says in capsys.readouterr().err
    assert not config.store.imports.exists()


@pytest.mark.timeout(240)
def test_a_map_is_proven_by_driving_where_the_draw_says(config, tmp_path):
    drawn()
    with ImportStore(config.store.imports, read_only=True) as store:
        cells = store.drawn(1)
    campaign = Campaign()
    for cell in cells:
        drive(campaign, cell.lat_deg, cell.lon_deg)
    campaign.store(config.store.lake).close()
    proven = verdict(config, "T7B", "province", "Viettel")
    assert (proven.verdict, proven.estimate) == ("PASS", pytest.approx(0.5))
    assert proven.context["draws_confirmed"] == 59
    assert "same  lower: 0.5" in computed_by_others(config, proven, tmp_path / "proven")
    sites = verdict(config, "D912-SITES", "province", "Viettel")
    assert (sites.verdict, sites.estimate) == ("PASS", 0.5)
    assert "same  estimate: 0.5" in computed_by_others(config, sites, tmp_path / "sites")


@pytest.mark.timeout(240)
def test_imported_samples_and_figures_are_judged_and_computed_again(config, tmp_path):
    Campaign().store(config.store.lake).close()
    lines = [
        f"2026-{month}-{1 + n // 24:02}T{n % 24:02}:00,24611,,,Viettel,4g,{45 + n % 7}"
        for month in ("10", "11", "12")
        for n in range(310)
    ]
    figures = [f"2026-{month},24612,,4g,400,43.5,41" for month in ("10", "11", "12")]
    with ImportStore(config.store.imports) as store:
        for mapping, head, rows in ((SAMPLES, SAMPLE_HEAD, lines), (FIGURES, FIGURE_HEAD, figures)):
            (tmp_path / "map.toml").write_text(mapping.replace("old 71", "test-2024"))
            (tmp_path / "file.csv").write_text("\n".join((head, *rows)))
            brought = bring(
                tmp_path / "file.csv",
                read(tmp_path / "map.toml"),
                place=place_of(load(tmp_path / "collector.toml")),
                store=store,
                now=QUARTER.end_utc,
            )
            assert brought.state == "taken", brought.bad_lines
    for target in ("A5", "T1-ISPEED"):
        with Checker.opened(config) as checker:
            found = checker.check(
                now=QUARTER.end_utc, period=QUARTER, target=target, keep_running=True
            )
        said = {(one.code, one.operator): one for one in found if one.level != "headline"}
        values = [said[code, "all"].verdict for code in ("24611", "24612")]
        assert values == {"A5": ["PASS", "PASS"], "T1-ISPEED": ["PASS", "NOT_PROVEN"]}[target]
        for number, one in enumerate(said.values()):
            computed_by_others(config, one, tmp_path / f"{target}-{number}")
