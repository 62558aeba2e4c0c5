"""What docs/how-to/try-your-own-scenario.md shows is saved and run as it stands there."""

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from sim.parts import find_command

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "try-your-own-scenario.md"
FILE = re.compile(r"^`([\w.]+)`[^\n]*:\n\n```\w+\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """What each command of the page said, by the word after the program."""
    folder = tmp_path_factory.mktemp("scenario")
    page = PAGE.read_text(encoding="utf-8")
    for name, text in FILE.findall(page):
        (folder / name).write_text(text, encoding="utf-8")
    answers = {}
    for command in re.findall(r"^\$ (.+)$", page, re.MULTILINE):
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [find_command(program), *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, command + done.stderr
        answers[arguments[0]] = done.stdout
    return answers


def verdict(said, target, level, operator="Viettel"):
    (one,) = (
        one
        for one in json.loads(said["verdicts"])
        if (one["target"], one["level"], one["operator"]) == (target, level, operator)
    )
    return one


@pytest.mark.timeout(240)
def test_every_line_of_the_page_is_stored(said):
    taken = json.loads(said["import"])
    assert (taken["read"], taken["new"], taken["rejected"]) == (8, 8, 0)
    assert taken["problems"] == []


def test_a_test_that_finished_and_one_that_failed_count(said):
    one = verdict(said, "T1", "commune")
    assert (one["verdict"], one["n"], one["failures"]) == ("NOT_PROVEN", 1, 1)
    assert one["estimate"] == 52.0
    assert one["code"] == "C1"


def test_a_session_counts(said):
    one = verdict(said, "T5", "commune")
    assert (one["verdict"], one["n"], one["estimate"]) == ("NOT_PROVEN", 1, 1.0)


def test_the_row_without_a_time_is_dated_by_its_anchor(said):
    one = verdict(said, "T3", "road")
    assert one["n"] == 2
    assert "time_unknown" not in one["excluded"]
