import io
import json

import pytest
from rich.console import Console

from agent.cli import main
from agent.commands import plan as command

HEAD = """\
probe = "dn-01"
state_dir = "state"
run_dir = "run"
[[server]]
name = "main"
iperf_host = "test.example"
http_url = "http://test.example:8080"
"""
MODEMS = """\
[[modem]]
name = "viettel"
usb_path = "1-1.1"
shared_path = "usb2"
[[modem]]
name = "vinaphone"
usb_path = "1-1.2"
shared_path = "usb2"
"""
PLANS = """\
[[area]]
name = "market"
lat_deg = 12.0
lon_deg = 107.7
radius_m = 300.0
[[plan]]
name = "capacity"
activity = "throughput"
every_s = 600
[[plan]]
name = "rush-hour-in-the-morning"
activity = "video"
cron = "*/15 6-8,16-18 * * 1-5"
jitter_s = 60
quiet_hours = ["18:00-06:00"]
[[plan]]
name = "each-kilometre"
activity = "latency"
every_m = 1000
[[plan]]
name = "at-the-market"
activity = "throughput"
area = "market"
dwell_s = 60
[[plan]]
name = "schools"
activity = "video"
places = "schools.csv"
[[plan]]
name = "proof"
activity = "scan"
on_demand = true
"""


@pytest.fixture
def config(tmp_path):
    file = tmp_path / "probe.toml"
    file.write_text(HEAD + MODEMS + PLANS)
    (tmp_path / "schools.csv").write_text(
        "name,lat,lon,radius_m\na,12.1,107.7,80\nb,12.2,107.7,80\n"
    )
    return file


def test_a_plan_is_shown_within_100_columns(config, monkeypatch):
    shown = io.StringIO()
    console = Console(file=shown, soft_wrap=True, highlight=False, width=100)
    monkeypatch.setattr(command, "stdout", lambda: console)
    arguments = ["plan", "--next", "24h", "--from", "2026-12-01T00:00", "--rows", "0"]
    assert main([*arguments, "--config", str(config)]) == 0
    text = shown.getvalue()
    assert max(map(len, text.splitlines())) <= 100
    assert "…" not in text
    assert "2026-12-01 00:00:00 to 2026-12-02 00:00:00, local time (UTC+7 h)" in text
    assert "waits 14 s" in text
    assert "skipped: quiet hours" in text
    assert "100 per 100 km" in text
    assert "2 places" in text
    assert "12-01 08:00:" in text


def test_a_short_list_says_what_it_leaves_out(config, capsys):
    arguments = ["plan", "--next", "1d", "--from", "2026-12-01T00:00", "--rows", "3"]
    assert main([*arguments, "--config", str(config)]) == 0
    assert "more: --rows 0 shows all" in capsys.readouterr().out


def test_a_plan_that_wants_more_than_the_budget_says_so(config, capsys):
    arguments = ["plan", "--next", "1h", "--from", "2026-12-01T00:00", "--config", str(config)]
    assert main(arguments) == 0
    assert "monthly_gb" not in capsys.readouterr().out
    budgeted = "[budget]\nmonthly_gb = 30.0\n[[server]]"
    config.write_text(config.read_text().replace("[[server]]", budgeted, 1))
    assert main(arguments) == 0
    said = capsys.readouterr().out
    assert "but [budget] monthly_gb is 30: tests will be skipped." in said
    assert said.count("monthly_gb") == 2  # of either modem


def test_a_program_gets_every_slot_and_the_bytes(config, capsys):
    arguments = ["plan", "--next", "24h", "--from", "2026-12-01T00:00", "--json"]
    assert main([*arguments, "--config", str(config)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["from"], said["until"]) == ("2026-12-01T00:00:00", "2026-12-02T00:00:00")
    capacity = [each for each in said["slots"] if each["plan"] == "capacity"]
    assert len(capacity) == 2 * 145
    assert capacity[0] == {
        "due": "2026-12-01T00:00:00",
        "starts": "2026-12-01T00:00:00",
        "plan": "capacity",
        "modem": "viettel",
        "state": "runs",
        "reason": None,
    }
    plans = {each["plan"]: each for each in said["plans"]}
    assert plans["capacity"]["down_bytes"] == 75_000_000
    assert plans["schools"]["expected"] == "2 places, 1 per visit"
    modem = said["modems"][0]
    ran = [each for each in said["slots"] if each["modem"] == "viettel" and each["starts"]]
    assert modem["runs"] == len(ran)
    videos = sum(each["plan"].startswith("rush") for each in ran)
    assert modem["down_bytes"] == 145 * 75_000_000 + videos * 12_500_000
    assert modem["month_down_bytes"] > 29 * modem["down_bytes"] * 0.9


def test_a_time_with_its_zone_is_understood(config, capsys):
    arguments = ["plan", "--next", "90m", "--from", "2026-12-01T00:00+00:00", "--json"]
    assert main([*arguments, "--config", str(config)]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["from"], said["until"]) == ("2026-12-01T07:00:00", "2026-12-01T08:30:00")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--next", "9x"], "no span such as 90m, 24h or 7d"),
        (["--next", "0h"], "needs 1m to 366d"),
        (["--next", "999d"], "needs 1m to 366d"),
        (["--from", "tomorrow"], "Invalid isoformat string"),
        (["--rows", "-1"], "'-1' is no number of rows"),
    ],
)
def test_a_wrong_question_is_told(config, arguments, complaint, capsys):
    with pytest.raises(SystemExit) as caught:
        main(["plan", *arguments, "--config", str(config)])
    assert caught.value.code == 2
    assert complaint in capsys.readouterr().err
