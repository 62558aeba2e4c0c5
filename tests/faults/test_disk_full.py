"""Faults 9 and 10: others fill the disk, and the outbox's own cap is reached."""

import pytest

from sim.disk import Disk
from tests.faults.outboxes import Rows, count_of, details, numbers, stored, wait_until


def keep_adding(rows, until):
    """Add rows as fast as they are stored."""

    def step():
        if rows.outbox.stats().waiting < 500:
            rows.add(500)
        return until()

    wait_until(step, "it goes on without room")


@pytest.mark.root
@pytest.mark.fault(9)
def test_on_a_disk_filled_by_others_nothing_promised_is_lost_and_every_loss_is_counted(
    tmp_path, tally
):
    with Disk(tmp_path, size_bytes=48 << 20) as disk:
        path, reserve = disk.path / "outbox.db", disk.path / "outbox.db.reserve"
        with Rows(path, memory_rows=2000, reserve_bytes=4 << 20) as rows:
            rows.add(200, "throughput")
            rows.add(3000)
            rows.promise()
            whole_bytes = reserve.stat().st_size
            full = disk.fill()
            keep_adding(rows, lambda: reserve.stat().st_size < whole_bytes)
            rows.promise()
            disk.fill()  # what the reserve gave as well
            keep_adding(rows, lambda: rows.outbox.stats().dropped > 2000)
            last = rows.promise()
            assert rows.outbox.stats().failing is None

            given = rows.give_out(max_rows=500)
            rows.acknowledge(given[-1].seq)
            rows.promise()
            wait_until(lambda: rows.give_out(max_rows=1)[0].seq > given[-1].seq, "it can delete")

            full.unlink()
            recovery_s = wait_until(
                lambda: rows.promise() and reserve.stat().st_size == whole_bytes, "the reserve"
            )
            rows.promise()
        left = stored(path)
        assert len(details(left, "outbox_disk_full")) == 1
        assert len(details(left, "outbox_disk_has_room")) == 1
        kept = numbers(left) | numbers(given)
        gone = count_of([*left, *given], "outbox_dropped", "outbox_thinned")
        lost = len(rows.accepted) - len(kept) - gone
        tally.tried(rows=len(rows.accepted), lost=lost, duplicates=0, recovery_s=recovery_s)
        assert lost == 0, "rows are neither there nor counted"
        assert last in kept, "the newest row"
        assert set(range(200)) <= kept, "tests go after radio rows"


@pytest.mark.fault(10)
def test_at_the_cap_the_oldest_of_what_matters_least_goes_and_is_counted(tmp_path, tally):
    path = tmp_path / "outbox.db"
    with Rows(path, cap_bytes=200_000) as rows:
        rows.add(300, "throughput")
        for _ in range(10):
            rows.add(500)
            rows.promise()
        assert rows.outbox.stats().bytes <= 200_000
    left = stored(path)
    kept = numbers(left)
    told = details(left, "outbox_dropped")
    lost = len(rows.accepted) - len(kept) - count_of(left, "outbox_dropped")
    tally.tried(rows=len(rows.accepted), lost=lost, duplicates=0)
    assert lost == 0
    assert {detail["kinds"] for detail in told} == {"radio"}
    radio = sorted(kept - set(range(300)))
    assert radio == list(range(radio[0], radio[0] + len(radio))), "the oldest went"
    assert set(range(300)) <= kept
