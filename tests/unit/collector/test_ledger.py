"""The ledger: runs, acknowledgements, quarantine, and several processes at once."""

import contextlib
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest

from collector.store.ledger import (
    Account,
    DropNotice,
    Ledger,
    LedgerError,
    Received,
    Refused,
)
from wire.control import Presence

NOW = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
EPOCH = UUID("11111111-1111-4111-8111-111111111111")
PROBE = "dn-01"


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "collector.db", quarantine_rows=3) as ledger:
        yield ledger


BOOT = UUID(int=1)
COPY = UUID(int=2)
"""Boot of a copy of the outbox."""


def receive(ledger, *seqs, boot=BOOT, now=NOW, **more):
    received = Received(probe=PROBE, epoch=EPOCH, brought={boot: seqs}, **more)
    [counted] = ledger.commit([received], [], now)
    return counted


def account(ledger, up_to=100, boot=BOOT):
    return ledger.account(PROBE, EPOCH, {boot: up_to})


def holes(ledger):
    [row] = ledger.ledger()
    return holes_of(row)


def holes_of(row):
    return [(hole.first_seq, hole.last_seq, hole.since_utc) for hole in row.holes]


def refused(number):
    return Refused(topic="t", reason="no record", content=b"%d" % number)


def test_runs_grow_together_whatever_the_order(ledger):
    for seq in (5, 1, 3, 2, 4):
        receive(ledger, seq)
    assert account(ledger) == Account(contiguous_seq=5, stored=())


def test_what_lies_above_a_hole_is_said_as_a_run(ledger):
    receive(ledger, 1, 2, 5, 6, 9)
    assert account(ledger) == Account(contiguous_seq=2, stored=((5, 6), (9, 9)))


def test_of_thousands_of_runs_those_just_sent_are_said_and_the_lowest(ledger):
    receive(ledger, *range(1, 20_001, 2))
    said = ledger.account(PROBE, EPOCH, {BOOT: 20_000}, sent=(15_001, 17_000))
    assert said.contiguous_seq == 1
    assert said.stored[:256] == tuple((seq, seq) for seq in range(3, 3 + 512, 2))
    assert said.stored[256:] == tuple((seq, seq) for seq in range(15_001, 17_001, 2))


def test_what_is_accounted_for_is_followed_through_any_number_of_runs(ledger):
    receive(ledger, *range(1, 2001, 2), rejected=range(2, 2001, 2))
    assert account(ledger, 5000) == Account(contiguous_seq=2000, stored=())


def test_an_epoch_that_starts_late_is_not_contiguous(ledger):
    receive(ledger, 7)
    assert account(ledger).contiguous_seq == 0


def test_a_rejected_number_is_accounted_for(ledger):
    receive(ledger, 1, 3, rejected=[2])
    assert account(ledger).contiguous_seq == 3


def test_a_number_is_in_exactly_one_count(ledger):
    receive(ledger, 1, 2, 3, 8, 9, 9, rejected=[5])
    receive(ledger, 1, 2, 3)
    ledger.greet([Presence(probe=PROBE, online=True, epoch=EPOCH, made=12)], NOW)
    [row] = ledger.ledger()
    assert (row.made, row.received, row.rejected) == (12, 5, 1)
    assert row.missing == 6
    assert [span[:2] for span in holes(ledger)] == [(4, 4), (6, 7), (10, 12)]
    assert row.duplicates_dropped == 4
    assert row.made == row.received + row.rejected + row.missing + row.dropped_at_probe


def test_a_whole_run_given_up_at_the_probe_is_accounted_for(ledger):
    receive(ledger, 1, 6, drops=[DropNotice(seq=6, first_seq=2, last_seq=5, dropped=4)])
    assert account(ledger).contiguous_seq == 6
    [row] = ledger.ledger()
    assert (row.dropped_at_probe, row.missing, row.holes) == (4, 0, ())


def test_rows_given_up_here_and_there_never_let_the_probe_delete_the_others(ledger):
    drops = [DropNotice(seq=10, first_seq=2, last_seq=8, dropped=3)]
    receive(ledger, 1, 10, drops=drops)
    assert account(ledger).contiguous_seq == 1
    [row] = ledger.ledger()
    assert (row.dropped_at_probe, row.missing) == (3, 5)
    receive(ledger, 3, 5, 7, 8, 9)
    [row] = ledger.ledger()
    assert (row.dropped_at_probe, row.missing, row.holes) == (3, 0, ())
    assert account(ledger).contiguous_seq == 1


def test_the_same_notice_twice_counts_once(ledger):
    for _ in range(2):
        receive(ledger, 1, 6, drops=[DropNotice(seq=6, first_seq=2, last_seq=5, dropped=2)])
    [row] = ledger.ledger()
    assert row.dropped_at_probe == 2


def test_a_row_given_up_after_it_was_received_counts_as_received(ledger):
    drops = [DropNotice(seq=4, first_seq=1, last_seq=3, dropped=3)]
    receive(ledger, 1, 2, 3, 4, drops=drops)
    [row] = ledger.ledger()
    assert (row.received, row.dropped_at_probe, row.missing) == (4, 0, 0)


def test_the_same_bytes_are_kept_once_and_counted(ledger):
    for _ in range(3):
        ledger.commit([], [refused(1)], NOW)
    [row] = ledger.quarantine()
    assert (row.times, row.content, row.reason) == (3, b"1", "no record")


def test_the_quarantine_gives_up_the_oldest_and_counts_them(ledger):
    for number in range(5):
        ledger.commit([], [refused(number)], NOW + timedelta(seconds=number))
    assert [row.content for row in ledger.quarantine()] == [b"4", b"3", b"2"]
    assert ledger.quarantine_given_up() == 2


def test_nothing_of_a_failed_commit_is_kept(ledger):
    good = Received(probe=PROBE, epoch=EPOCH, brought={BOOT: [1]})
    bad = Received(probe=PROBE, epoch=EPOCH, latest={"radio": "the last"})
    with pytest.raises(LedgerError):
        ledger.commit([good, bad], [refused(1)], NOW)
    assert ledger.ledger() == []
    assert ledger.quarantine() == []


def test_presence_raises_what_was_made_and_never_lowers_it(ledger):
    receive(ledger, 1, 2, 3)
    ledger.greet([Presence(probe=PROBE, online=False, epoch=EPOCH, made=2)], NOW)
    assert ledger.ledger()[0].made == 3
    [row] = ledger.presence()
    assert (row.probe, row.online, row.message.made) == (PROBE, False, 2)


def test_the_last_number_of_all_is_a_number_like_others(ledger):
    last = (1 << 63) - 1
    notice = DropNotice(seq=1, first_seq=2, last_seq=last, dropped=last - 1)
    receive(ledger, 1, last, drops=[notice])
    assert account(ledger, up_to=last).contiguous_seq == last


def test_the_oldest_refused_bytes_are_found_without_looking_at_all_of_them(tmp_path, ledger):
    ledger.commit([], [refused(1)], NOW)
    with contextlib.closing(sqlite3.connect(tmp_path / "collector.db")) as database:
        plan = database.execute(
            "EXPLAIN QUERY PLAN SELECT digest, length(content) FROM quarantine"
            " ORDER BY last_utc, rowid LIMIT 1"
        ).fetchall()
    assert "USING INDEX" in plan[0][3]


def test_another_lake_is_refused(ledger):
    ledger.claim_lake({"radio": "a"})
    ledger.claim_lake({"radio": "a", "video": "b"})
    with pytest.raises(LedgerError, match="another lake"):
        ledger.claim_lake({"radio": "c"})


def test_a_reader_sees_what_was_committed(ledger, tmp_path):
    receive(ledger, 1, 2)
    with Ledger(tmp_path / "collector.db", read_only=True) as reader:
        assert reader.ledger(PROBE)[0].received == 2
        receive(ledger, 3)
        assert reader.ledger(PROBE)[0].received == 3
        assert reader.ledger("dn-02") == []


def test_a_ledger_that_is_not_there_cannot_be_read(tmp_path):
    with pytest.raises(LedgerError, match=r"none\.db"):
        Ledger(tmp_path / "none.db", read_only=True)


def test_what_another_worker_stored_meanwhile_counts_once(tmp_path, ledger):
    with Ledger(tmp_path / "collector.db") as other:
        assert receive(other, 1, 2, 3).new == 3
        counted = receive(ledger, 2, 3, 4)
    assert (counted.new, counted.duplicates, counted.stored) == (1, 2, ((2, 4),))
    [row] = ledger.ledger()
    assert (row.received, row.duplicates_dropped) == (4, 2)


def test_another_record_under_a_number_is_neither_new_nor_a_duplicate(ledger):
    receive(ledger, *range(1, 11))
    counted = receive(ledger, 9, 10, 11, boot=COPY, now=NOW + timedelta(hours=1))
    assert (counted.new, counted.duplicates, counted.conflicts) == (1, 0, ((9, 10),))
    [row] = ledger.ledger()
    assert (row.received, row.duplicates_dropped, row.conflicts) == (11, 0, 2)
    assert row.conflict_since_utc == (NOW + timedelta(hours=1)).isoformat()


def test_who_has_spoken_under_one_boot_hears_nothing_of_another(ledger):
    receive(ledger, *range(1, 11))
    receive(ledger, *range(21, 31), boot=COPY)
    assert account(ledger, 30, COPY) == Account(contiguous_seq=0, stored=((21, 30),))
    assert account(ledger, 5) == Account(contiguous_seq=5, stored=())


def test_a_copy_that_was_found_out_is_believed_no_more(ledger):
    receive(ledger, *range(1, 11))
    receive(ledger, 10, boot=COPY)
    known = ledger.known(PROBE, EPOCH, (1, 20))
    assert known.conflicts(11, COPY)
    assert not known.conflicts(11, BOOT)


def test_what_a_copy_numbers_anew_is_not_missing(ledger):
    receive(ledger, *range(1, 11))
    receive(ledger, 10, boot=COPY)
    ledger.greet([Presence(probe=PROBE, online=True, epoch=EPOCH, made=15)], NOW)
    assert ledger.ledger()[0].missing == 5
    renewed = Received(probe=PROBE, epoch=UUID(int=9), renumbered={EPOCH: 15})
    ledger.commit([renewed], [], NOW)
    row = next(row for row in ledger.ledger() if row.epoch == str(EPOCH))
    assert (row.made, row.received, row.renumbered, row.missing) == (15, 10, 5, 0)


def test_a_hole_is_known_since_something_above_it_arrived_or_was_announced(ledger):
    receive(ledger, *range(1, 101))
    receive(ledger, *range(151, 201), now=NOW + timedelta(minutes=1))
    presence = Presence(probe=PROBE, online=True, epoch=EPOCH, made=250)
    ledger.greet([presence], NOW + timedelta(minutes=2))
    first, second = [(NOW + timedelta(minutes=minute)).isoformat() for minute in (1, 2)]
    assert holes(ledger) == [(101, 150, first), (201, 250, second)]
    receive(ledger, *range(120, 131), *range(201, 251), now=NOW + timedelta(minutes=3))
    assert holes(ledger) == [(101, 119, first), (131, 150, first)]
    receive(ledger, *range(101, 151))
    assert holes(ledger) == []


def test_one_hole_of_two_ages_is_told_as_two(ledger):
    for minute, made in enumerate((10, 20)):
        presence = Presence(probe=PROBE, online=True, epoch=EPOCH, made=made)
        ledger.greet([presence], NOW + timedelta(minutes=minute))
    assert [span[:2] for span in holes(ledger)] == [(1, 10), (11, 20)]


def test_what_the_probe_left_out_is_counted_apart(ledger):
    receive(ledger, 1, 2, thinned={1: 40}, refused={2: 3})
    receive(ledger, 1, 2, thinned={1: 40}, refused={2: 3})
    [row] = ledger.ledger()
    assert (row.made, row.thinned_at_probe, row.refused_at_probe) == (2, 40, 3)


@pytest.mark.parametrize("read_only", [False, True])
def test_a_file_of_26_11_is_brought_up_to_date_and_believed(tmp_path, read_only):
    path = tmp_path / "collector.db"
    shutil.copy(Path(__file__).with_name("old") / "collector-26.11.db", path)
    with Ledger(path, read_only=read_only) as ledger:
        [row] = ledger.ledger(PROBE)
        assert (row.made, row.received, row.rejected, row.dropped_at_probe) == (130, 110, 1, 3)
        assert (row.missing, row.duplicates_dropped, row.conflicts) == (16, 7, 0)
        assert holes_of(row) == [(102, 102, None), (106, 110, None), (121, 130, None)]
        assert [row.content for row in ledger.quarantine()] == [b"{"]
        assert [row.probe for row in ledger.presence()] == ["dn-01", "dn-02"]


def test_rows_of_26_11_have_no_boot_and_are_never_in_conflict(tmp_path):
    path = tmp_path / "collector.db"
    shutil.copy(Path(__file__).with_name("old") / "collector-26.11.db", path)
    with Ledger(path) as ledger:
        counted = receive(ledger, 99, 100, 102)
        assert (counted.new, counted.duplicates, counted.conflicts) == (1, 2, ())
        assert account(ledger, 102) == Account(contiguous_seq=102, stored=((111, 120),))


def test_a_file_of_a_newer_collector_is_left_alone(tmp_path):
    path = tmp_path / "collector.db"
    Ledger(path).close()
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match="newer"):
        Ledger(path)
