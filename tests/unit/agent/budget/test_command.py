import json

import pytest

from agent.budget import file
from agent.cli import main
from tests.unit.agent.budget.conftest import NOON, A


@pytest.fixture
def config(tmp_path):
    made = tmp_path / "probe.toml"
    made.write_text('probe = "dn-01"\nstate_dir = "state"\n[budget]\nmonthly_gb = 2.0\n')
    return str(made)


def ask(config, capsys, *more):
    code = main(["budget", "--config", config, *more])
    return code, capsys.readouterr()


def test_each_sim_is_shown_with_its_days(probe, config, capsys, monkeypatch):
    monkeypatch.setattr("agent.clock.KernelTime.wall", lambda _: probe.utc)
    probe.start(monthly_gb=2.0)
    probe.test(500_000_000)
    probe.wait(days=1)
    probe.test(250_000_000)
    code, said = ask(config, capsys, "--json")
    (sim,) = json.loads(said.out)["sims"]
    assert code == 0
    assert sim["modems"] == ["a"]
    assert sim["days"] == {"2026-11-10": 500_000_000, "2026-11-11": 250_000_000}
    outlook = sim["outlook"]
    assert (outlook["account"], outlook["used_bytes"], outlook["limit_bytes"]) == (
        *(A, 750_000_000, 2_000_000_000),
    )
    assert outlook["forecast_bytes"] > 2_000_000_000
    code, said = ask(config, capsys)
    assert code == 0
    assert f"...{A[-4:]}" in said.out
    assert A not in said.out
    assert "0.75" in said.out
    assert "2026-11-11" in said.out
    assert probe.utc > NOON


def test_without_a_ledger_there_is_nothing_to_show(config, capsys):
    code, said = ask(config, capsys)
    assert code == 1
    assert "has not counted anything yet" in said.err


def test_a_damaged_ledger_is_named(probe, config, capsys):
    (probe.state / file.NAME).write_bytes(b"0\n{}")
    code, said = ask(config, capsys)
    assert code == 1
    assert "budget.json: its digest does not fit" in said.err
