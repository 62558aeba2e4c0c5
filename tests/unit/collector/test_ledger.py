"""The ledger: runs, acknowledgements, quarantine, and several processes at once."""

import contextlib
import sqlite3
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from collector.store.ledger import DropNotice, Ledger, LedgerError, Received, Refused
from wire.control import Presence

NOW = datetime(2026, 11, 1, 3, 0, tzinfo=UTC)
EPOCH = UUID("11111111-1111-4111-8111-111111111111")
PROBE = "dn-01"


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "collector.db", quarantine_rows=3) as ledger:
        yield ledger


def receive(ledger, *seqs, **more):
    ledger.commit([Received(probe=PROBE, epoch=EPOCH, seqs=seqs, **more)], [], NOW)


def refused(number):
    return Refused(topic="t", reason="no record", content=b"%d" % number)


def test_runs_grow_together_whatever_the_order(ledger):
    for seq in (5, 1, 3, 2, 4):
        receive(ledger, seq)
    account = ledger.account(PROBE, EPOCH)
    assert account.contiguous_seq == 5
    assert account.stored == ()


def test_what_lies_above_a_hole_is_said_as_a_run(ledger):
    receive(ledger, 1, 2, 5, 6, 9)
    account = ledger.account(PROBE, EPOCH)
    assert account.contiguous_seq == 2
    assert account.stored == ((5, 6), (9, 9))


def test_an_epoch_that_starts_late_is_not_contiguous(ledger):
    receive(ledger, 7)
    assert ledger.account(PROBE, EPOCH).contiguous_seq == 0


def test_a_rejected_number_is_accounted_for_and_named(ledger):
    receive(ledger, 1, 3, rejected=[2])
    account = ledger.account(PROBE, EPOCH)
    assert account.contiguous_seq == 3
    assert account.rejected == ((2, 2),)


def test_a_number_is_in_exactly_one_count(ledger):
    receive(ledger, 1, 2, 3, 8, 9, rejected=[5], duplicates=4)
    ledger.greet([Presence(probe=PROBE, online=True, epoch=EPOCH, made=12)], NOW)
    [row] = ledger.ledger()
    assert (row.made, row.received, row.rejected) == (12, 5, 1)
    assert row.missing == 6
    assert row.missing_ranges == ((4, 4), (6, 7), (10, 12))
    assert row.duplicates_dropped == 4
    assert row.made == row.received + row.rejected + row.missing + row.dropped_at_probe


def test_a_whole_run_given_up_at_the_probe_is_accounted_for(ledger):
    receive(ledger, 1, 6, drops=[DropNotice(seq=6, first_seq=2, last_seq=5, dropped=4)])
    assert ledger.account(PROBE, EPOCH).contiguous_seq == 6
    [row] = ledger.ledger()
    assert (row.dropped_at_probe, row.missing, row.missing_ranges) == (4, 0, ())


def test_rows_given_up_here_and_there_never_let_the_probe_delete_the_others(ledger):
    drops = [DropNotice(seq=10, first_seq=2, last_seq=8, dropped=3)]
    receive(ledger, 1, 10, drops=drops)
    assert ledger.account(PROBE, EPOCH).contiguous_seq == 1
    [row] = ledger.ledger()
    assert (row.dropped_at_probe, row.missing) == (3, 5)
    receive(ledger, 3, 5, 7, 8, 9)
    [row] = ledger.ledger()
    assert (row.dropped_at_probe, row.missing, row.missing_ranges) == (3, 0, ())
    assert ledger.account(PROBE, EPOCH).contiguous_seq == 1


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
    bad = Received(probe=PROBE, epoch=EPOCH, duplicates="many")
    with pytest.raises(LedgerError):
        ledger.commit([Received(probe=PROBE, epoch=EPOCH, seqs=[1]), bad], [refused(1)], NOW)
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
    assert ledger.account(PROBE, EPOCH).contiguous_seq == last


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
