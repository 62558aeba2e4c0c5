import json
import sys
from pathlib import Path

import pytest

from agent.cli import main
from agent.releases import (
    GAP_S,
    PROGRAM,
    PROVEN_AFTER_S,
    STARTS,
    Proof,
    Releases,
    confirm_running,
    running,
)


@pytest.fixture
def opt(tmp_path, monkeypatch):
    """Two versions of which one ends as told; in English."""
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for name in ("26.1", "26.2"):
        release(tmp_path / "opt", name)
    (tmp_path / "state").mkdir()
    (tmp_path / "opt" / "lost+found").mkdir()
    return tmp_path / "opt"


def release(folder, name, *, code=0):
    program = folder / name / PROGRAM
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text(f"#!/bin/sh\necho {name} $@\nexit {code}\n")
    program.chmod(0o755)


def command(opt, *arguments):
    return main(
        ["release", *arguments, "--folder", str(opt), "--state-dir", str(opt.parent / "state")]
    )


def listed(opt, capsys):
    capsys.readouterr()
    assert command(opt, "list", "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_version_is_taken_proves_itself_and_stays(opt, capsys):
    assert command(opt, "use", "26.1") == 0
    assert "26.1 is the first one" in capsys.readouterr().out
    assert command(opt, "use", "26.2") == 0
    assert "restart dosong-agent" in capsys.readouterr().out
    assert (opt / "current").readlink().name == "26.2"
    on_trial = {"current": "26.2", "previous": "26.1", "on_trial": True, "tries": 0}
    assert listed(opt, capsys) == {"versions": ["26.1", "26.2"], **on_trial}
    assert command(opt) == 0
    assert "on trial: 0 of 3 starts" in capsys.readouterr().out
    assert command(opt, "confirm") == 0
    for _ in range(STARTS + 1):
        assert command(opt, "started") == 0
    assert not listed(opt, capsys)["on_trial"]
    assert (opt / "current").readlink().name == "26.2"
    assert command(opt, "back") == 0
    assert (opt / "current").readlink().name == "26.1"


def test_a_version_that_is_not_there_is_named_with_those_that_are(opt, capsys):
    assert command(opt, "use", "26.3") == 1
    assert "no version 26.3; there are: 26.1, 26.2" in capsys.readouterr().err
    assert not (opt / "current").exists()


def test_one_that_never_proves_itself_is_given_up_before_the_next_start(opt, capsys):
    command(opt, "use", "26.1")
    command(opt, "use", "26.2")
    for _ in range(STARTS):
        assert command(opt, "started") == 0
        assert (opt / "current").readlink().name == "26.2"
    capsys.readouterr()
    assert command(opt, "started") == 0
    assert "back to version 26.1" in capsys.readouterr().out
    assert (opt / "current").readlink().name == "26.1"
    assert not listed(opt, capsys)["on_trial"]


def test_one_that_does_not_understand_the_configuration_is_not_taken(opt, capsys):
    command(opt, "use", "26.1")
    release(opt, "26.2", code=1)
    assert command(opt, "use", "26.2", "--config", "probe.toml") == 1
    said = capsys.readouterr().err
    assert "26.2 check-config probe.toml" in said
    assert "nothing is changed" in said
    assert (opt / "current").readlink().name == "26.1"
    assert command(opt, "use", "27.1") == 1
    assert command(opt, "back") == 1
    assert "nothing to go back to" in capsys.readouterr().err


def test_a_process_knows_the_release_it_is_of(opt, tmp_path, monkeypatch):
    assert running(opt / "26.1") is None
    command(opt, "use", "26.1")
    assert running(opt / "26.1") == (opt, "26.1")
    command(opt, "use", "26.2")
    monkeypatch.setattr("agent.releases.running", lambda: running(opt / "26.2"))
    confirm_running(tmp_path / "state")
    assert not Releases(opt, state_dir=tmp_path / "state").standing().on_trial
    assert running(Path(sys.prefix)) is None
    monkeypatch.setattr("agent.releases.running", lambda: None)
    confirm_running(tmp_path / "elsewhere")


class Systemd:
    """Hears, and counts."""

    def __init__(self):
        self.words = []

    def __getattr__(self, word):
        return lambda *more: self.words.append((word, *more))


class Service:
    """A release that runs: seconds pass, records are made."""

    def __init__(self):
        self.now_s, self.made, self.proven = 1000.0, 0, 0
        self.systemd = Systemd()
        self.proof = Proof(
            self.systemd, made=lambda: self.made, proven=self._prove, now_s=lambda: self.now_s
        )

    def _prove(self):
        self.proven += 1

    def run(self, seconds, *, rows=4):
        for _ in range(int(seconds)):
            self.now_s += 1
            self.made += rows
            self.proof.alive()


@pytest.fixture
def service():
    return Service()


def test_a_release_proves_itself_once_by_five_minutes_of_measuring(service):
    service.run(PROVEN_AFTER_S)
    assert service.proven == 0
    service.run(2)
    assert service.proven == 1
    service.run(2 * PROVEN_AFTER_S)
    assert service.proven == 1


def test_a_hungry_watchdog_is_no_proof(service):
    service.run(PROVEN_AFTER_S - 10)
    service.now_s += GAP_S
    service.run(PROVEN_AFTER_S)
    assert service.proven == 0
    service.run(1)
    assert service.proven == 1


def test_a_release_that_measures_nothing_proves_nothing(service):
    service.run(2 * PROVEN_AFTER_S, rows=0)
    assert service.proven == 0
    service.run(1)
    assert service.proven == 1


def test_systemd_hears_all_the_same_also_when_nothing_can_be_confirmed(service, caplog):
    service.proof._proven = lambda: (_ for _ in ()).throw(OSError("read-only"))
    service.proof.ready()
    service.run(PROVEN_AFTER_S + 1)
    service.proof.status("fine")
    service.proof.stopping()
    words = service.systemd.words
    assert (words[0], words[-2:]) == (("ready",), [("status", "fine"), ("stopping",)])
    assert words.count(("alive",)) == PROVEN_AFTER_S + 1
    assert "cannot be confirmed: read-only" in caplog.text
