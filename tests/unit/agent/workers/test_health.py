import stat
from uuid import UUID

import msgspec
import pytest

from agent import health as module
from agent.budget.outlook import Outlook
from agent.health import STATUS_FILE, Health, Sources
from agent.outbox import OutboxStats
from wire.control import ModemState, Presence
from wire.messages import Position

EPOCH = UUID(int=5)
STATS = OutboxStats(
    epoch=EPOCH,
    made=9,
    rows=4,
    bytes=800,
    dropped=1,
    rejected=2,
    refused=0,
    waiting=3,
    failing=None,
)


class Modem:
    unread_replies = 6

    def state(self):
        return ModemState(name="viettel", state="ok")


class Uplink:
    connected = False
    path = None
    alarm = "no collector listens"


@pytest.fixture
def health(tmp_path, clock, recorder):
    return Health(
        probe="dn-01",
        software="test",
        state_dir=tmp_path,
        run_dir=tmp_path,
        clock=clock,
        recorder=recorder,
        sources=Sources(
            modems=(Modem(), Modem()),
            outbox=lambda: STATS,
            workers=lambda: {"gps": "running"},
            uplink=Uplink,
            position=Position,
        ),
    )


def test_the_status_file_is_there_for_all_and_says_at_the_end_that_nobody_runs(
    health, start, tmp_path, records, monkeypatch
):
    monkeypatch.setattr(module, "FIRST_RECORD_S", 1)
    supervisor = start(health.run)
    row = records.wait(lambda each: each.kind == "status")
    file = tmp_path / STATUS_FILE
    said = msgspec.json.decode(file.read_bytes(), type=Presence)
    assert (said.online, said.epoch, said.made, said.outbox_rows) == (True, EPOCH, 9, 7)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert row.payload.unread_replies == 12
    assert (row.payload.dropped_rows, row.payload.rejected_rows) == (1, 2)
    assert (row.payload.uplink, row.payload.uplink_path) == ("offline", None)
    assert row.payload.uplink_alarm == "no collector listens"
    assert row.payload.memory_rss_bytes > 1 << 20
    assert supervisor.stop(10) == ()
    assert msgspec.json.decode(file.read_bytes(), type=Presence).online is False


def test_a_folder_that_cannot_be_written_stops_nothing(
    health, start, tmp_path, records, monkeypatch
):
    monkeypatch.setattr(module, "FIRST_RECORD_S", 1)
    (tmp_path / f".{STATUS_FILE}.new").mkdir()
    start(health.run)
    assert records.wait(lambda each: each.kind == "status")


def test_each_modem_says_what_its_sim_has_used(tmp_path, clock, recorder):
    state = Outlook(
        account="x", period=None, used_bytes=7, reserved_bytes=0, limit_bytes=9, tests_bytes=8
    )
    made = Health(
        probe="dn-01",
        software="test",
        state_dir=tmp_path,
        run_dir=tmp_path,
        clock=clock,
        recorder=recorder,
        sources=Sources(
            modems=(Modem(),),
            outbox=lambda: STATS,
            workers=dict,
            uplink=lambda: None,
            position=Position,
            data={"viettel": state}.get,
        ),
    )
    (modem,) = made.presence().modems
    assert (modem.data_used_bytes, modem.data_limit_bytes) == (7, 9)
