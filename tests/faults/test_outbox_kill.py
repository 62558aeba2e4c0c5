import os
import random
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from agent.outbox import OutboxFile
from wire.codec import decode_record

WRITER = Path(__file__).with_name("outbox_writer.py")
ROUNDS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "20"))
DEADLINE_S = 20.0


def promised_until_killed(path, first_number, promises):
    """Run the writer, kill it with SIGKILL after so many promises; all it had printed."""
    writer = subprocess.Popen(
        [sys.executable, WRITER, path, str(first_number)], stdout=subprocess.PIPE, text=True
    )
    try:
        lines = [writer.stdout.readline() for _ in range(promises)]
    finally:
        writer.kill()
        rest, _ = writer.communicate(timeout=DEADLINE_S)
    complete = [*lines, *rest.splitlines(keepends=True)]
    return [tuple(map(int, line.split())) for line in complete if line.endswith("\n")]


@pytest.mark.fault(59)
@pytest.mark.timeout(20 + 3 * ROUNDS)
def test_no_promise_is_broken_by_killing_the_agent(tmp_path, tally):
    seed = time.time_ns()
    chance = random.Random(seed)  # noqa: S311  # a test's dice; a failure shows the seed
    path = tmp_path / "outbox.db"
    epochs = set()
    made = next_number = promises = 0
    for _ in range(ROUNDS):
        told = promised_until_killed(path, next_number, chance.randint(1, 60))
        promised = dict(told)
        assert len(promised) == len(told), f"a seq was promised twice (seed {seed})"
        assert min(promised) > made, f"a seq of an earlier run was given out again (seed {seed})"
        with closing(OutboxFile(path)) as file:
            rows = file.rows_after(made, up_to=file.made, max_rows=5000, max_bytes=1 << 24)
            assert [row.seq for row in rows] == list(range(made + 1, file.made + 1))
            stored = {row.seq: decode_record(row.line).payload.temperature_c for row in rows}
            lost = sum(stored.get(seq) != number for seq, number in promised.items())
            twice = len(stored) - len(set(stored.values()))
            tally.tried(rows=len(stored), lost=lost, duplicates=twice, corrupt=0)
            assert (lost, twice) == (0, 0), f"seed {seed}"
            epochs.add(file.epoch)
            made = file.made
        next_number = int(max(stored.values())) + 1
        promises += len(promised)
    assert len(epochs) == 1
    assert promises >= ROUNDS
