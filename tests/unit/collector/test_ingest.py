"""Ingest on a real broker: stored, then acknowledged; what is no record is kept and named."""

import contextlib
import json
import os
import queue
import shutil
import sqlite3
import subprocess
from datetime import UTC, datetime
from uuid import UUID

import msgspec
import pytest

from collector.cli import main
from collector.config import Ingest
from collector.geo.boundaries import Boundaries
from collector.geo.locate import Locator
from collector.geo.roads import Roads
from collector.ingest.intake import Intake
from collector.ingest.link import Link
from collector.store.lake import Lake, LakeError, snapshot
from collector.store.ledger import Ledger, LedgerError
from wire import topics
from wire.codec import encode_record, pack, pack_file
from wire.control import Ack, Presence, batch_id

from .conftest import TIMEOUT_S, running, wait_until
from .probe import Probe
from .records import EPOCH, PROBE, event_record, radio_record

OTHER = UUID("99999999-9999-4999-8999-999999999999")


@pytest.fixture
def probe(broker, keys):
    with contextlib.closing(Probe(broker, keys)) as probe:
        yield probe


@pytest.fixture
def reader(tmp_path, collecting):
    """The ledger as another process sees it, while the worker owns the one that writes."""
    assert collecting.connected
    with Ledger(tmp_path / "collector.db", read_only=True) as reader:
        yield reader


@pytest.mark.usefixtures("collecting")
class TestStoring:
    def test_a_batch_is_stored_and_then_acknowledged(self, probe, reader, lake_folder):
        probe.send_records(*map(radio_record, range(1, 101)), batch=batch_id(EPOCH, 1, 100))
        assert probe.ack() == Ack(probe=PROBE, epoch=EPOCH, contiguous_seq=100)
        assert reader.ledger()[0].received == 100
        assert len(snapshot(lake_folder, "radio").files) == 1

    def test_batches_with_and_without_the_dictionary_are_read(self, probe):
        for seq, packed in enumerate((pack, pack_file), 1):
            probe.send(packed([encode_record(radio_record(seq))]))
            assert probe.ack().contiguous_seq == seq

    def test_records_of_several_kinds_share_a_batch(self, probe, lake_folder):
        probe.send_records(radio_record(1), event_record(2, "modem_back"))
        assert probe.ack().contiguous_seq == 2
        assert len(snapshot(lake_folder, "event").files) == 1

    def test_a_batch_sent_again_is_acknowledged_without_touching_the_lake(
        self, probe, reader, lake_folder
    ):
        for _ in range(2):
            probe.send_records(radio_record(1), radio_record(2))
            assert probe.ack().contiguous_seq == 2
        version = snapshot(lake_folder, "radio").version
        probe.send_records(radio_record(1), radio_record(2))
        assert probe.ack().contiguous_seq == 2
        assert snapshot(lake_folder, "radio").version == version
        assert reader.ledger()[0].duplicates_dropped == 4

    def test_batches_out_of_order_leave_a_hole_until_it_is_filled(self, probe):
        probe.send_records(radio_record(3), radio_record(4))
        first = probe.ack()
        assert (first.contiguous_seq, first.stored) == (0, ((3, 4),))
        probe.send_records(radio_record(1), radio_record(2))
        assert probe.ack().contiguous_seq == 2
        probe.send_records(radio_record(5))
        assert probe.ack() == Ack(probe=PROBE, epoch=EPOCH, contiguous_seq=5)

    def test_what_the_probe_gave_up_is_counted_from_its_own_event(self, probe, reader):
        detail = {"first_seq": 2, "last_seq": 5, "count": 4}
        probe.send_records(radio_record(1), event_record(6, "outbox_dropped", detail=detail))
        assert probe.ack().contiguous_seq == 6
        [row] = reader.ledger()
        assert (row.received, row.dropped_at_probe, row.missing) == (2, 4, 0)

    def test_what_was_given_up_in_an_epoch_before_says_nothing_of_this_one(self, probe, reader):
        detail = {"first_seq": 2, "last_seq": 5, "count": 4, "epoch": str(UUID(int=9))}
        probe.send_records(radio_record(1), event_record(6, "outbox_dropped", detail=detail))
        assert probe.ack().contiguous_seq == 1
        [row] = reader.ledger()
        assert (row.received, row.dropped_at_probe, row.missing) == (2, 0, 4)

    def test_presence_says_what_is_still_missing(self, probe, reader):
        probe.send_records(radio_record(1))
        probe.ack()
        presence = Presence(probe=PROBE, online=True, epoch=EPOCH, made=4)
        probe.send(msgspec.json.encode(presence), topic=topics.status(PROBE))
        wait_until(reader.presence, "the presence is kept")
        [row] = reader.ledger()
        assert (row.made, row.missing) == (4, 3)


@pytest.fixture
def told(tmp_path, collecting, capsys):
    """What `dosong-collector ledger --json` says of the one epoch."""
    assert collecting.connected
    config = tmp_path / "collector.toml"
    config.write_text('[store]\nfolder = "."\n')

    def ask():
        assert main(["ledger", "--config", str(config), "--json"]) == 0
        [row] = json.loads(capsys.readouterr().out)
        return row

    return ask


def test_a_planted_hole_is_seen_with_its_age_and_closes(probe, told):
    began = datetime.now(UTC)
    for first, last in ((1, 100), (151, 200)):
        probe.send_records(*map(radio_record, range(first, last + 1)))
        probe.ack()
    presence = Presence(probe=PROBE, online=True, epoch=EPOCH, made=250)
    probe.send(msgspec.json.encode(presence), topic=topics.status(PROBE))
    wait_until(lambda: told()["made"] == 250, "the presence is kept")
    row = told()
    assert (row["received"], row["missing"]) == (150, 100)
    assert [(hole["first_seq"], hole["last_seq"]) for hole in row["holes"]] == [
        (101, 150),
        (201, 250),
    ]
    known = [datetime.fromisoformat(hole["since_utc"]) for hole in row["holes"]]
    assert began < known[0] < known[1] < datetime.now(UTC)
    for first, last in ((201, 250), (101, 150)):
        probe.send_records(*map(radio_record, range(first, last + 1)))
        probe.ack()
    row = told()
    assert (row["received"], row["missing"], row["holes"]) == (250, 0, [])


@pytest.mark.usefixtures("collecting")
class TestRefusing:
    def test_one_bad_line_costs_one_line(self, probe, reader):
        good = encode_record(radio_record(1))
        bad = encode_record(radio_record(2)).replace(b'"outcome":"ok"', b'"outcome":"splendid"')
        probe.send(pack([good, bad]), batch_id(EPOCH, 1, 2))
        ack = probe.ack()
        assert (ack.contiguous_seq, ack.rejected, ack.rejected_batches) == (2, ((2, 2),), ())
        [row] = reader.quarantine()
        assert (row.content, row.seq, row.epoch) == (bad, 2, str(EPOCH))
        assert "outcome" in row.reason
        assert reader.ledger()[0].rejected == 1

    def test_a_batch_that_is_none_is_named_by_its_id(self, probe, reader):
        name = batch_id(EPOCH, 1, 50)
        rubbish = [b"", b"not zstd", pack([b"{}"])[:-3], b"\x00" * 1000]
        for content in rubbish:
            probe.send(content, name)
            ack = probe.ack()
            assert (ack.rejected_batches, ack.rejected) == ((name,), ())
        assert sorted(row.content for row in reader.quarantine()) == sorted(rubbish)
        probe.send_records(radio_record(1))
        assert probe.ack().contiguous_seq == 1

    def test_a_line_without_a_key_rejects_its_batch_and_not_the_others_in_it(self, probe):
        name = batch_id(EPOCH, 1, 9)
        lines = [b"{", b"[1,2]", b'{"epoch":7}', b"\xff\xfe", b"[" * 2000]
        for seq, line in enumerate(lines, 1):
            probe.send(pack([encode_record(radio_record(seq)), line]), name)
            ack = probe.ack()
            assert (ack.contiguous_seq, ack.rejected_batches) == (seq, (name,))

    def test_a_batch_of_one_is_rejected_by_number(self, probe):
        probe.send(b"rubbish", batch_id(EPOCH, 7, 7))
        assert probe.ack().rejected == ((7, 7),)

    def test_nobody_speaks_for_another_probe(self, probe, reader):
        probe.send_records(radio_record(1, probe="dn-02"), radio_record(2))
        ack = probe.ack()
        assert (ack.probe, ack.rejected, ack.contiguous_seq) == (PROBE, ((1, 1),), 2)
        assert "dn-02" in reader.quarantine()[0].reason
        assert reader.ledger("dn-02") == []

    def test_a_number_that_fits_no_column_is_rejected_alone(self, probe, reader):
        probe.send_records(radio_record(1), radio_record(2, mono_ns=1 << 80), radio_record(3))
        ack = probe.ack()
        assert (ack.contiguous_seq, ack.rejected) == (3, ((2, 2),))
        assert reader.quarantine()[0].reason.startswith("mono_ns: ")

    def test_a_malformed_presence_is_kept_and_stops_nothing(self, probe, reader):
        malformed = [
            b"{}",
            b"\x00",
            b'{"new":' + b"[" * 2000,
            msgspec.json.encode(Presence(probe="dn-02", online=True)),
            msgspec.json.encode(Presence(probe=PROBE, online=True, epoch=EPOCH, made=1 << 70)),
        ]
        for content in malformed:
            probe.send(content, topic=topics.status(PROBE))
        probe.send_records(radio_record(1))
        assert probe.ack().contiguous_seq == 1
        kept = [(row.topic, row.content) for row in reader.quarantine()]
        assert sorted(kept) == sorted((topics.status(PROBE), content) for content in malformed)
        assert reader.presence() == []

    def test_an_impossible_number_is_never_rejected_by_number(self, probe):
        name = batch_id(EPOCH, 1, 2)
        for seq in (0, -1, 1 << 63, 1 << 90):
            line = encode_record(radio_record(1)).replace(b'"seq":1', b'"seq":%d' % seq)
            probe.send(pack([line]), name)
            ack = probe.ack()
            assert (ack.rejected, ack.rejected_batches) == ((), (name,))

    def test_a_correlation_of_somebody_else_is_no_batch_id(self, probe, reader):
        probe.send(b"rubbish", "x" * 5000)
        probe.send_records(radio_record(1))
        assert probe.ack().rejected_batches == ()
        assert reader.quarantine()[0].batch is None


def test_what_the_worker_publishes_as_live_is_the_newest_record(collecting, probe, monkeypatch):
    published = queue.SimpleQueue()
    real = Link.publish

    def publish(self, topic, content, *, qos, retain=False):
        published.put((topic, content, qos, retain))
        return real(self, topic, content, qos=qos, retain=retain)

    monkeypatch.setattr(Link, "publish", publish)
    newest = radio_record(3)
    probe.send_records(radio_record(1), newest, radio_record(2))
    probe.ack()
    assert published.get(timeout=TIMEOUT_S)[0] == topics.ack(PROBE)
    live = (topics.live(PROBE, "radio"), encode_record(newest), 0, True)
    assert published.get(timeout=TIMEOUT_S) == live
    assert collecting.connected


def test_a_broker_that_is_killed_and_comes_back_empty_loses_nothing(collecting, broker, probe):
    probe.send_records(radio_record(1))
    probe.ack()
    broker.kill()
    wait_until(lambda: not collecting.connected, "the loss is noticed")
    broker.start()
    wait_until(lambda: collecting.connected, "the collector is back")
    wait_until(probe.client.is_connected, "the probe is back")
    probe.send_records(radio_record(2))
    assert probe.ack().contiguous_seq == 2


def test_what_comes_while_the_collector_is_away_waits_at_the_broker(
    mqtt_config, intake, ledger, ingest_config, probe
):
    for first in (1, 11):
        with running(Link(mqtt_config, receive_maximum=50), intake, ledger, ingest_config):
            if first == 1:
                probe.send_records(*map(radio_record, range(1, 11)))
            assert probe.ack().contiguous_seq == first + 9
        if first == 1:
            probe.send_records(*map(radio_record, range(11, 21)))


def test_what_cannot_be_stored_is_not_acknowledged_until_it_can(
    mqtt_config, intake, ledger, probe, monkeypatch
):
    failing = True
    real = Lake.merge

    def merge(self, kind, rows):
        if failing:
            raise LakeError(kind, "No space left on device")
        return real(self, kind, rows)

    monkeypatch.setattr(Lake, "merge", merge)
    link = Link(mqtt_config, receive_maximum=50)
    with running(link, intake, ledger, Ingest(batch_s=0.1)):
        probe.send_records(radio_record(1))
        with pytest.raises(queue.Empty):
            probe.acks.get(timeout=0.5)
        failing = False
        assert probe.ack().contiguous_seq == 1
    assert ledger.ledger()[0].duplicates_dropped == 0


def test_a_ledger_that_cannot_be_read_ends_nothing(collecting, probe, tmp_path, caplog):
    assert collecting.connected
    with contextlib.closing(sqlite3.connect(tmp_path / "collector.db", timeout=30)) as other:
        other.execute("ALTER TABLE run RENAME TO away")
        probe.send_records(radio_record(1))
        wait_until(lambda: "nothing is acknowledged" in caplog.text, "it was tried")
        other.execute("ALTER TABLE away RENAME TO run")
    assert probe.ack().contiguous_seq == 1


def test_a_live_value_that_nobody_can_vouch_for_is_left_out(collecting, probe, monkeypatch):
    def is_latest(_self, _record):
        raise LedgerError("disk I/O error")

    monkeypatch.setattr(Ledger, "is_latest", is_latest)
    assert collecting.connected
    for seq in (1, 2):
        probe.send_records(radio_record(seq))
        assert probe.ack().contiguous_seq == seq


@pytest.mark.root
@pytest.mark.skipif(shutil.which("mount") is None, reason="needs mount for a full disk")
def test_a_full_disk_is_no_acknowledgement_and_heals(mqtt_config, tmp_path, ingest_config, probe):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
    try:
        lake = Lake(disk / "lake")
        with Ledger(disk / "collector.db") as ledger:
            intake = Intake(lake, ledger, Locator(Boundaries([]), Roads([])))
            ballast = disk / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb") as file:
                while True:
                    file.write(os.urandom(1 << 16))
                    file.flush()
            with running(Link(mqtt_config, receive_maximum=50), intake, ledger, ingest_config):
                probe.send_records(*map(radio_record, range(1, 500)))
                with pytest.raises(queue.Empty):
                    probe.acks.get(timeout=1.0)
                ballast.unlink()
                assert probe.ack().contiguous_seq == 499
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_epoch_is_an_account_of_its_own(collecting, probe):
    probe.send_records(radio_record(1), radio_record(5, epoch=OTHER))
    acks = {ack.epoch: ack for ack in (probe.ack(), probe.ack())}
    assert acks[EPOCH].contiguous_seq == 1
    assert acks[OTHER].stored == ((5, 5),)
    assert collecting.connected
