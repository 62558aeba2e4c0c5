"""Faults 25 and 59: agent, broker and collector are killed at 50 rows/s, at the same time."""

import os

import pytest

from tests.faults import probes
from tests.faults.kills import kill_at_random, watched
from tests.faults.promises import compare

KILLS = 12 * int(os.environ.get("DOSONG_FAULT_ROUNDS", "1"))


@pytest.mark.fault(25, 59)
@pytest.mark.timeout(120 + 3 * KILLS)
def test_no_promised_row_is_lost_or_doubled_whoever_is_killed(dice, tally, tmp_path):
    with (
        probes.centre(tmp_path / "centre") as centre,
        probes.LooseProbe(tmp_path, centre, name="dn-01") as probe,
    ):
        with watched(centre.configuration) as stored:
            killed = kill_at_random(
                probes.victims(centre, probe), dice=dice, enough=lambda k: len(k) >= KILLS
            )
            probe.drain()
        promises = probe.promises()
        kept = compare(centre.configuration, [promises])
    for kill in killed:
        tally.tried(recovery_s=stored.after(kill.back_s))
    tally.tried(times=0, **kept._asdict())
    assert {kill.name for kill in killed} == {"agent", "broker", "collector"}
    assert kept.rows > 0
    assert kept.is_good, promises.broken
