"""The pages about the measurement server name what it has, and show what it says."""

import argparse
import json
import re
import shlex
from pathlib import Path

import pytest

from sim import content
from sim.server import COMMAND
from sim.server.command import HTTP_SLOTS
from sim.server.ladders import LADDERS

ROOT = Path(__file__).parents[3]
REFERENCE = (ROOT / "docs/reference/simulator.md").read_text(encoding="utf-8")
HOW_TO = (ROOT / "docs/how-to/run-a-measurement-server.md").read_text(encoding="utf-8")
UNIT = (ROOT / "systemd/dosong-server.service").read_text(encoding="utf-8")


def parser(command):
    made = argparse.ArgumentParser()
    command.add_arguments(made)
    return made


@pytest.mark.parametrize(
    "option",
    [option for action in parser(COMMAND)._actions[1:] for option in action.option_strings],
)
def test_every_option_is_described(option):
    assert f"`{option}" in REFERENCE


@pytest.mark.parametrize("ladder", list(LADDERS))
def test_every_ladder_is_described(ladder):
    assert f"`{ladder}`" in REFERENCE


def test_the_status_that_is_shown_is_that_of_the_unit():
    shown = json.loads(re.search(r'^\{"slots".*\}$', HOW_TO, re.MULTILINE)[0])
    words = shlex.split(re.search(r"^ExecStart=\S+ server (.*)", UNIT, re.MULTILINE)[1])
    options = parser(COMMAND).parse_args([word for word in words if not word.startswith("$")])
    assert shown["slots"] == len(options.iperf) + HTTP_SLOTS
    assert f"| {options.http}/tcp |" in HOW_TO
    assert f"| {options.iperf[0]} to {options.iperf[-1]}, tcp **and** udp |" in HOW_TO


def test_the_commands_that_are_shown_can_be_parsed():
    (words,) = re.findall(r"\$ dosong-sim content (.*)", HOW_TO)
    assert parser(content.COMMAND).parse_args(shlex.split(words)).ladder == "1080p"
    (line,) = re.findall(r"^DOSONG_SERVER_OPTIONS=(.*)", HOW_TO, re.MULTILINE)
    assert parser(COMMAND).parse_args(shlex.split(line)).content == Path("/srv/dosong")
