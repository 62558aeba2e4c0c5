"""The service's unit, judged by systemd itself where it is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from agent.config import DEFAULT_FILE, Config
from agent.main import STOP_TIMEOUT_S

UNIT = Path("systemd/dosong-agent.service")
MOST_EXPOSED = 3.0
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
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / UNIT.name
    program = shutil.which("true")
    unit.write_text(
        re.sub(r"/opt/dosong/bin/dosong-agent", program, UNIT.read_text(encoding="utf-8"))
    )
    result = analyze("verify", "--man=no", str(unit))
    assert (result.returncode, result.stderr) == (0, "")


@needs_systemd
def test_the_sandbox_is_tight():
    result = analyze("security", "--offline=yes", str(UNIT))
    exposure = re.search(r"Overall exposure level .*: (\d+\.\d)", result.stdout)
    assert exposure, result.stderr
    assert float(exposure[1]) <= MOST_EXPOSED


def test_the_watchdog_and_the_deadline_leave_room_for_the_agents_own():
    unit = settings()
    assert unit["Type"] == "notify"
    assert float(unit["TimeoutStopSec"]) > STOP_TIMEOUT_S
    assert float(unit["WatchdogSec"]) >= 30
    assert unit["Restart"] == "always"


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
