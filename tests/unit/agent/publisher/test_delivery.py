import json

import pytest

from agent.cli import main
from agent.outbox.file import OutboxFile

PROBE = "dn-01"
CAP_BYTES = 1 << 30


@pytest.fixture
def config(tmp_path, broker, authority):
    """A probe of the broker's, without receiver and modems."""
    keys = authority.certificate.parent
    file = tmp_path / "probe.toml"
    file.write_text(
        f"""
        probe = "{PROBE}"
        state_dir = "{tmp_path / "state"}"
        run_dir = "{tmp_path / "run"}"
        [uplink]
        host = "localhost"
        port = {broker.port}
        ca = "{authority.certificate}"
        cert = "{keys / PROBE}.crt"
        key = "{keys / PROBE}.key"
        """
    )
    (tmp_path / "state").mkdir(exist_ok=True)
    return file


@pytest.fixture
def left_behind(tmp_path, make):
    """What an agent that was stopped has left: its epoch and how many records."""
    (tmp_path / "state").mkdir(exist_ok=True)
    file = OutboxFile(tmp_path / "state" / "outbox.db")
    file.write([make("radio", number) for number in range(300)], cap_bytes=CAP_BYTES, on_drop=None)
    epoch, rows = file.epoch, file.rows
    file.close()
    return epoch, rows


def test_what_a_stopped_agent_left_is_delivered_without_measuring(
    *, config, left_behind, broker, start_collector, capsys
):
    epoch, rows = left_behind
    collector = start_collector(broker.port)
    assert main(["deliver", "--config", str(config), "--within", "30", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    made = rows + 1  # it learned the time, and says so
    assert answer == {"delivered": True, "epoch": str(epoch), "made": made, "left": 0}
    assert sorted(collector.rows[epoch]) == list(range(1, made + 1))


def test_without_a_collector_nothing_is_lost(config, left_behind, capsys):
    assert main(["deliver", "--config", str(config), "--within", "1", "--json"]) == 1
    answer = json.loads(capsys.readouterr().out)
    assert answer["delivered"] is False
    assert answer["left"] >= left_behind[1]


def test_a_running_agent_is_left_alone(config, tmp_path, capsys):
    held = OutboxFile(tmp_path / "state" / "outbox.db")
    try:
        assert main(["deliver", "--config", str(config)]) == 3
    finally:
        held.close()
    assert "delivers by itself" in capsys.readouterr().err


def test_where_there_is_no_outbox_none_is_made(config, tmp_path, capsys):
    assert main(["deliver", "--config", str(config)]) == 1
    assert "nothing to deliver" in capsys.readouterr().err
    assert main(["deliver", "--config", str(config), "--lang", "vi"]) == 1
    assert "không có gì để gửi" in capsys.readouterr().err
    assert not (tmp_path / "state" / "outbox.db").exists()
