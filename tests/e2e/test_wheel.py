"""What is shipped is the wheel: it must bring every program and the files they look for."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the wheel's content, as an installation has it below its prefix."""
    wheels, target = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    build = [*PIP, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", wheels, ROOT]
    subprocess.run(build, check=True, timeout=60)
    (wheel,) = wheels.glob("dosong-*.whl")
    install = [*PIP, "install", "--no-deps", "--target", target, wheel]
    subprocess.run(install, check=True, timeout=60)
    return target


@pytest.mark.parametrize("program", ["agent", "collector", "sim"])
def test_each_program_runs_from_the_wheel_alone(installed, program, tmp_path):
    script = (
        f"import sys; sys.path.insert(0, {str(installed)!r});"
        f"import {program}.cli as cli; assert cli.__file__.startswith({str(installed)!r}), cli;"
        "sys.exit(cli.main(['--help']))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert shown.returncode == 0, shown.stderr
    assert "commands:" in shown.stdout


def test_configuration_and_units_are_in_it_and_tests_are_not(installed):
    shared = installed / "share" / "dosong"
    for wanted in ("config/probe.example.toml", "config/targets/t1.toml", "config/geo"):
        assert (shared / wanted).exists()
    for unit in ("dosong-agent.service", "dosong-server.service", "dosong-control.timer"):
        assert (shared / "systemd" / unit).exists()
    assert list((installed / "collector" / "web" / "templates").glob("*.html"))
    assert list((installed / "sim" / "transcripts").glob("*.txt"))
    assert not (installed / "tests").exists()
