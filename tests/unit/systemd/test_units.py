"""The services' units, judged by systemd itself where it is installed."""

import argparse
import re
import shutil
import subprocess
from pathlib import Path

import pytest

import agent.cli
import sim.cli
from agent.commands import release
from agent.config import DEFAULT_FILE, Config
from agent.main import STOP_TIMEOUT_S
from agent.releases import FOLDER as FOLDER_OF_RELEASES
from agent.releases import PROGRAM
from agent.versions import CURRENT, PREVIOUS

UNIT = Path("systemd/dosong-agent.service")
FOLDER = UNIT.parent
UNITS = sorted(path.name for path in FOLDER.iterdir() if path.suffix in {".service", ".timer"})
MOST_EXPOSED = {"dosong-agent.service": 3.0}
USUALLY_EXPOSED = 2.4
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def settings():
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if re.match(r"[A-Z]\w+=", line))


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@needs_systemd
@pytest.mark.parametrize("name", UNITS)
def test_systemd_understands_the_unit(name, tmp_path):
    program = shutil.which("true")
    for unit in map(FOLDER.joinpath, UNITS):
        text = unit.read_text(encoding="utf-8")
        (tmp_path / unit.name).write_text(
            re.sub(r"/opt/dosong/(\w+/)?bin/dosong-\w+", program, text)
        )
    result = analyze("verify", "--man=no", str(tmp_path / name))
    assert (result.returncode, result.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("name", [path.name for path in FOLDER.glob("*.service")])
def test_the_sandbox_is_tight(name):
    result = analyze("security", "--offline=yes", str(FOLDER / name))
    exposure = re.search(r"Overall exposure level .*: (\d+\.\d)", result.stdout)
    assert exposure, result.stderr
    assert float(exposure[1]) <= MOST_EXPOSED.get(name, USUALLY_EXPOSED)


@pytest.mark.parametrize("name", ["dosong-server.service", "dosong-control.service"])
def test_a_unit_starts_a_command_that_exists_with_options_it_has(name, capsys):
    text = (FOLDER / name).read_text(encoding="utf-8")
    program, *words = re.search(r"^ExecStart=(.+)$", text, re.MULTILINE)[1].split()
    main = {"dosong-sim": sim.cli.main, "dosong-agent": agent.cli.main}[Path(program).name]
    with pytest.raises(SystemExit):
        main([words[0], "--help"])
    told = capsys.readouterr().out
    assert all(word in told for word in words if word.startswith("--"))


def test_the_timer_is_of_the_control_test():
    text = (FOLDER / "dosong-control.timer").read_text(encoding="utf-8")
    assert "\nOnCalendar=*:0/15\n" in text
    assert (FOLDER / "dosong-control.service").exists()


def test_the_watchdog_and_the_deadline_leave_room_for_the_agents_own():
    unit = settings()
    assert unit["Type"] == "notify"
    assert float(unit["TimeoutStopSec"]) > STOP_TIMEOUT_S
    assert float(unit["WatchdogSec"]) >= 30
    assert unit["Restart"] == "always"


def test_the_start_of_a_new_release_is_counted_by_root_and_by_the_release_before_it():
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    first = next(line for line in lines if line.startswith("Exec"))
    flags, program, *words = re.fullmatch(r"ExecStartPre=([-+]+)(\S+) (.+)", first).groups()
    assert set(flags) == {"-", "+"}
    assert Path(program) == FOLDER_OF_RELEASES / PREVIOUS / PROGRAM
    assert words == ["release started"]
    assert settings()["ExecStart"].startswith(f"{FOLDER_OF_RELEASES / CURRENT / PROGRAM} run")
    assert (FOLDER_OF_RELEASES, Config(probe="a").state_dir) == defaults_of_release()


def defaults_of_release():
    parser = argparse.ArgumentParser()
    release.COMMAND.add_arguments(parser)
    chosen = parser.parse_args(["started"])
    return chosen.folder, chosen.state_dir


def test_the_agent_may_ask_whether_the_clock_is_right():
    text = UNIT.read_text(encoding="utf-8")
    assert "SystemCallFilter=adjtimex clock_adjtime" in text
    assert "\nProtectClock=yes" not in text
    assert "\nProcSubset=pid" not in text


def test_the_folders_are_those_the_configuration_expects():
    unit = settings()
    config = Config(probe="a")
    assert config.state_dir == Path("/var/lib") / unit["StateDirectory"]
    assert config.run_dir == Path("/run") / unit["RuntimeDirectory"]
    made = Path("systemd/dosong.tmpfiles.conf").read_text(encoding="utf-8")
    assert re.search(rf"^d {DEFAULT_FILE.parent} +0750 root dosong", made, re.MULTILINE)
    assert str(DEFAULT_FILE) in unit["ExecStart"]


def test_the_group_reaches_the_socket_for_tests_on_demand():
    unit = settings()
    assert "AF_UNIX" in unit["RestrictAddressFamilies"].split()
    assert unit["Group"] == "dosong"
    assert int(unit["RuntimeDirectoryMode"], 8) & 0o010
    assert not int(unit["UMask"], 8) & 0o700
