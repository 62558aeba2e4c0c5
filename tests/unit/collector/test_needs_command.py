"""`dosong-collector needs`: published over a real broker with the field's rules, and taken back."""

import json
from datetime import UTC, datetime

import pytest

from collector.cli import main
from collector.config import Mqtt
from collector.ingest.visit import Visit
from collector.store.ledger import Ledger
from collector.targets.periods import month_of
from sim.certificates import PLANNER, files
from tests.unit.collector.campaigns import Campaign
from tests.unit.collector.provinces import configured
from wire import topics
from wire.control import Presence
from wire.needs import decode_needs

from .conftest import TIMEOUT_S

PROBE = "dn-01"


@pytest.fixture
def config(tmp_path):
    """A collector without a broker, whose lake is empty."""
    config = configured(tmp_path)
    Campaign().store(config.store.lake)
    with Ledger(config.store.ledger):
        pass
    return config


def run(config, *arguments):
    return main(["needs", "--target", "T1", *arguments, "--config", str(config.file)])


@pytest.fixture
def broker_config(tmp_path, broker, keys):
    collector, planner = files(keys, "collector"), files(keys, PLANNER)
    config = configured(
        tmp_path,
        more=f'[mqtt]\nport = {broker.port}\nca_file = "{keys / "ca.crt"}"\n'
        f'cert_file = "{collector.certificate}"\nkey_file = "{collector.key}"\n'
        f'[plans]\ncert_file = "{planner.certificate}"\nkey_file = "{planner.key}"\n',
    )
    Campaign().store(config.store.lake)
    with Ledger(config.store.ledger) as ledger:
        ledger.greet([Presence(probe=PROBE, online=True)], datetime.now(UTC))
    return config


def heard(broker, keys):
    own = files(keys, PROBE)
    me = Mqtt(
        port=broker.port,
        client_id=PROBE,
        ca_file=keys / "ca.crt",
        cert_file=own.certificate,
        key_file=own.key,
    )
    with Visit(me, topic=topics.needs(PROBE)) as link:
        return link.hear(TIMEOUT_S / 10)


def test_probes_are_told_until_when_and_it_can_be_taken_back(
    broker_config, broker, keys, capsysbinary
):
    before = datetime.now(UTC).replace(microsecond=0)
    assert run(broker_config, "--publish", "--valid-hours", "2", "--json") == 0
    assert json.loads(capsysbinary.readouterr().out)["published"] == [PROBE]
    message = decode_needs(heard(broker, keys))
    assert {one.area for one in message.needs} == {"24611", "24612"}
    assert {one.kind for one in message.needs} == {"throughput"}
    valid_s = (message.valid_until_utc - message.made_utc).total_seconds()
    assert valid_s == 7200 or message.valid_until_utc == month_of(before).end_utc
    assert run(broker_config, "--withdraw") == 0
    assert heard(broker, keys) is None


def test_drive_lists_are_written_beside_the_answer(config, tmp_path, capsysbinary):
    gpx, table = tmp_path / "list.gpx", tmp_path / "list.csv"
    assert run(config, "--month", "2026-10", "--gpx", str(gpx), "--csv", str(table), "--json") == 0
    report = json.loads(capsysbinary.readouterr().out)["report"]
    assert report["period"]["label"] == "2026-10"
    assert len(report["stops"]) == 6
    assert gpx.read_bytes().startswith(b"<?xml")
    lines = table.read_text(encoding="utf-8-sig").splitlines()
    assert len(lines) == 7


def test_the_table_speaks_both_languages(config, capsys):
    assert run(config, "--month", "2026-10", "--language", "vi") == 0
    assert "khối đo nữa" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--publish", "--month", "2025-01"], "is not the month that runs"),
        (["--publish"], "no probe has reported yet"),
        (["--target", "T99"], "no target is called 'T99'"),
        (["--month", "2026-13"], "2026-13"),
    ],
)
def test_what_cannot_be_done_says_what_to_do(config, capsys, arguments, says):
    assert run(config, *arguments) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("hours", ["0", "-1", "nan", "1e9", "two"])
def test_a_message_has_an_end(config, hours):
    with pytest.raises(SystemExit):
        run(config, "--publish", "--valid-hours", hours)
