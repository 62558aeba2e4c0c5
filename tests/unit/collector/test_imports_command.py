"""`dosong-collector imports` as it is used, and the page that shows it."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from collector.cli import main
from tests.unit.collector.foreign_tables import SAMPLE_HEAD, SAMPLES, boundaries_file

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "how-to" / "bring-ispeed-data.md").read_text(encoding="utf-8")
GOOD = "2026-10-05T08:00:00,24611,,,Viettel,4g,38.69"
BAD = "2026-10-05T08:00:00,24611,,,=HYPERLINK(1),4g,38.69"


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """A configured collector with a file that somebody sent."""
    boundaries_file(tmp_path, "old 71", [("24611", "Phường Nghĩa Đức"), ("24612", "Xã Quảng Tân")])
    (tmp_path / "collector.toml").write_text(
        '[store]\nfolder = "data"\n[geo]\nboundaries = ["old-71.geojson"]\n'
    )
    (tmp_path / "map.toml").write_text(SAMPLES, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments):
    return main(["imports", *arguments, "--config", "collector.toml"])


def send(desk, *lines, name="samples.csv"):
    (desk / name).write_text("\n".join((SAMPLE_HEAD, *lines)) + "\n", encoding="utf-8")
    return name


def answer(capsysbinary):
    return json.loads(capsysbinary.readouterr().out)


def test_a_good_file_is_taken_and_shown(desk, capsysbinary):
    assert run("add", send(desk, GOOD), "--map", "map.toml", "--json") == 0
    assert answer(capsysbinary)["state"] == "taken"
    assert run("list", "--json") == 0
    (listed,) = answer(capsysbinary)
    assert (listed["id"], listed["file"], listed["rows"]) == (1, "samples.csv", 1)
    assert run("show", "1", "--json") == 0
    assert answer(capsysbinary)["mapping_text"] == SAMPLES
    assert run("counts", "--month", "2026-10", "--json") == 0
    assert answer(capsysbinary)[0]["samples"] == 1


def test_a_bad_line_ends_with_1_and_is_told_and_written_without_a_formula(desk, capsys):
    file = send(desk, GOOD, BAD)
    assert run("add", file, "--map", "map.toml", "--bad-lines", "bad.csv") == 1
    said = capsys.readouterr()
    assert "line 3: operator: '=HYPERLINK(1)' is none of" in said.err
    assert "1 of 2 lines cannot be used, nothing was taken" in said.out
    _, line = (desk / "bad.csv").read_text(encoding="utf-8").splitlines()
    assert line.startswith("3,")
    assert run("add", file, "--map", "map.toml", "--accept-partial") == 0
    assert "1 lines stored as import 2" in capsys.readouterr().out


def test_a_dry_run_makes_no_database(desk, capsys):
    assert run("add", send(desk, GOOD), "--map", "map.toml", "--dry-run") == 0
    assert "1 lines would be stored: 1 new" in capsys.readouterr().out
    assert not (desk / "data" / "imports.db").exists()


def test_foreign_text_does_not_steer_the_terminal(desk, capsys):
    name = send(desk, GOOD.replace("Viettel", "\x1b[2J"), name="a\x1b[31m.csv")
    assert run("add", name, "--map", "map.toml") == 1
    said = capsys.readouterr()
    assert "\x1b" not in said.out
    assert "\\x1b[2J" in said.err
    assert "\x1b[2J" not in said.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["add", "none.csv", "--map", "map.toml"], "none.csv: cannot be read"),
        (["add", "map.toml", "--map", "none.toml"], "none.toml: cannot be read"),
        (["show", "7"], "there is no import 7"),
        (["withdraw", "7", "--why", "x"], "there is no import 7"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(desk, capsys, arguments, says):
    run("add", send(desk, GOOD), "--map", "map.toml")
    capsys.readouterr()
    assert run(*arguments) == 1
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


@pytest.mark.parametrize("month", ["2026-Q4", "2026-13", "October"])
@pytest.mark.usefixtures("desk")
def test_a_month_is_a_month(month, capsys):
    with pytest.raises(SystemExit) as ended:
        run("counts", "--month", month)
    assert ended.value.code == 2
    assert "month" in capsys.readouterr().err


@pytest.mark.timeout(240)
def test_the_page_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "config" / "geo" / "demo-communes.geojson", tmp_path)
    (tmp_path / "collector.toml").write_text(
        '[store]\nfolder = "data"\n[geo]\nboundaries = ["demo-communes.geojson"]\n'
    )
    (table,) = re.findall(r"```text\n(.*?)```", PAGE, re.DOTALL)
    (mapping,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "samples.csv").write_text(table, encoding="utf-8")
    (tmp_path / "samples.toml").write_text(mapping, encoding="utf-8")
    (tmp_path / "data").mkdir()
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for step in block.split("$ dosong-collector ")[1:]:
            command, *expected = step.strip().splitlines()
            if command.startswith("verdicts"):
                continue
            assert main([*shlex.split(command), "--config", "collector.toml"]) == 0, command
            said = capsys.readouterr().out.splitlines()
            assert said[: len(expected)] == expected if expected else said
