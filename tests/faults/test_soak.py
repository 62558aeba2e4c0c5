"""Five minutes of `make soak`: days with faults, and both probes are what they were before."""

import os
import random
import sys

import pytest

from tests.soak.soak import Options, soak

SOAK_S = 300.0
SPEED = 50.0
SEED = int(os.environ.get("DOSONG_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)


@pytest.mark.slow
@pytest.mark.timeout(3 * SOAK_S)
def test_days_change_nothing(tmp_path):
    sys.stdout.write(f"DOSONG_KILL_SEED={SEED}\n")
    options = Options(for_s=SOAK_S, speed=SPEED, seed=SEED)
    result = soak(options, tmp_path, lambda line: sys.stdout.write(line + "\n"))
    sys.stdout.write(f"{result}\n")
    assert {name: judged.faults for name, judged in result.probes.items()} == {
        name: [] for name in result.probes
    }
    assert all(judged.made == judged.received > 0 for judged in result.probes.values())
    assert result.happened
