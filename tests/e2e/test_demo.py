"""The demo as a person and as a program starts it."""

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from sim.network import NAMESPACES, PREFIX, remove_leftovers
from sim.parts import find_command, wait_until

START_TIMEOUT_S = 60
END_TIMEOUT_S = 60


def demo(*arguments: str, environment: dict[str, str], folder: Path) -> subprocess.Popen[str]:
    with (folder / "progress").open("w") as progress:
        return subprocess.Popen(
            [find_command("dosong-sim"), "demo", *arguments],
            env=os.environ | environment | {"TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=progress,
            text=True,
            start_new_session=True,
        )


def wait_until_driving(process: subprocess.Popen[str], folder: Path) -> None:
    def driving() -> bool:
        assert process.poll() is None, (folder / "progress").read_text()
        return "km 38.1" in (folder / "progress").read_text()

    wait_until(driving, "the drive begins", START_TIMEOUT_S)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_a_demo_keeps_what_it_promises(tmp_path, mark, survivors):
    with demo(
        *("--for", "115", "--json", "--seed-rows", "42000"), environment=mark, folder=tmp_path
    ) as process:
        printed, _ = process.communicate(timeout=400)
    progress = (tmp_path / "progress").read_text()
    assert process.returncode == 0, progress + printed[-3000:]
    summary = json.loads(printed)

    ledger = summary["ledger"]
    assert ledger["made"] == ledger["received"] == summary["rows"] > 30_000
    assert ledger["missing"] == ledger["duplicates_visible"] == 0
    assert {row["probe"] for row in ledger["per_probe"]} >= {"dn-live", "dn-01", "road-1"}
    assert summary["gap"]["error_m"] <= 50
    assert abs(summary["gap_m"] - 1400) <= 100
    for target in ("T1", "T3", "T5", "T8"):
        own = [one for one in summary["verdicts"] if one["target"] == target]
        decided = [one for one in own if one["n"] and one["lower"] is not None]
        assert decided, target
        assert all(one["reason"]["en"] and one["reason"]["vi"] for one in own)
    assert summary["faults"]["broker_kills"] == 1
    assert summary["problems"] == []
    assert "the uplink goes black" in progress
    assert "the broker is killed" in progress
    wait_until(lambda: not survivors(), "all parts end", END_TIMEOUT_S)
    assert [path.name for path in tmp_path.iterdir()] == ["progress"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGHUP], ids=["ctrl-c", "closed-terminal"])
def test_a_request_to_end_ends_everything(tmp_path, mark, survivors, how):
    with demo("--seed-rows", "0", environment=mark, folder=tmp_path) as process:
        wait_until_driving(process, tmp_path)
        assert len(survivors()) > 8
        process.send_signal(how)
        assert process.wait(END_TIMEOUT_S) == 130
    wait_until(lambda: not survivors(), "all parts end", END_TIMEOUT_S)
    assert [path.name for path in tmp_path.iterdir()] == ["progress"]


@pytest.mark.timeout(180)
def test_a_killed_demo_leaves_no_process_behind(tmp_path, mark, survivors):
    with demo("--seed-rows", "0", environment=mark, folder=tmp_path) as process:
        wait_until_driving(process, tmp_path)
        process.kill()
    wait_until(lambda: not survivors(), "all parts end", END_TIMEOUT_S)
    if os.geteuid() == 0:
        remove_leftovers()  # as the next demo does first
        assert not list(NAMESPACES.glob(f"{PREFIX}-{process.pid}-*"))


def test_too_short_a_drive_is_refused(tmp_path, mark):
    with demo("--for", "20", environment=mark, folder=tmp_path) as process:
        assert process.wait(END_TIMEOUT_S) == 2
    assert "at least 112 s" in (tmp_path / "progress").read_text()
