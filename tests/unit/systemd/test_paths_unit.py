"""The unit that keeps the modems' routing tables: one capability and little else."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

UNIT = Path("systemd/dosong-paths.service")
MOST_EXPOSED = 2.5
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


def analyze(*arguments):
    return subprocess.run(
        ["systemd-analyze", *arguments], capture_output=True, text=True, timeout=30, check=False
    )


@needs_systemd
def test_systemd_understands_the_unit(tmp_path):
    unit = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8")
    unit.write_text(re.sub(r"/opt/dosong/(\w+/)?bin/dosong-agent", shutil.which("true"), text))
    result = analyze("verify", "--man=no", str(unit))
    assert (result.returncode, result.stderr) == (0, "")


@needs_systemd
def test_the_sandbox_is_tight():
    result = analyze("security", "--offline=yes", str(UNIT))
    exposure = re.search(r"Overall exposure level .*: (\d+\.\d)", result.stdout)
    assert exposure, result.stderr
    assert float(exposure[1]) < MOST_EXPOSED


def test_it_has_the_one_capability_and_the_agent_has_none():
    ours = UNIT.read_text(encoding="utf-8")
    assert set(re.findall(r"CAP_\w+", ours)) == {"CAP_NET_ADMIN"}
    agent = UNIT.with_name("dosong-agent.service").read_text(encoding="utf-8")
    assert "CapabilityBoundingSet=\n" in agent
