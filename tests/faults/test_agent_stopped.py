"""Fault 57: an agent that stands still feeds no watchdog, and what it slept through is in its rows.

That systemd then kills and restarts it is systemd's promise: the unit's `WatchdogSec=` is tested in
`tests/unit/systemd`.
"""

import os
import signal
import time
from pathlib import Path

import pytest

from tests.faults.lone_probe import FED, LoneProbe, missing

STILL_S = 3.0


@pytest.fixture
def probe(tmp_path):
    with LoneProbe(tmp_path) as probe:
        yield probe


@pytest.mark.alone
@pytest.mark.fault(57)
def test_an_agent_that_stands_still_feeds_no_watchdog_and_misses_no_second(probe, tally):
    with probe.agent() as agent:
        probe.await_word(FED)
        probe.await_looks(1)
        os.kill(agent.pid, signal.SIGSTOP)
        while probe.hear(STILL_S) is not None:
            pass  # what was under way; then silence for as long as three meals
        os.kill(agent.pid, signal.SIGCONT)
        back_s = time.monotonic()
        probe.await_word(FED)
        recovery_s = time.monotonic() - back_s
        probe.await_looks(1 + int(STILL_S))
        assert agent.stop() == 0
    looks = probe.looks()
    assert missing(looks) == 0
    assert probe.is_whole()
    tally.tried(rows=probe.promised(), lost=0, corrupt=0, recovery_s=recovery_s)


@pytest.mark.fault(57)
def test_a_signal_that_another_thread_gets_is_heard(probe, tally):
    with probe.agent() as agent:
        probe.await_word(FED)
        probe.await_looks(1)
        threads = sorted(int(task.name) for task in Path(f"/proc/{agent.pid}/task").iterdir())
        asked_s = time.monotonic()
        os.kill(threads[-1], signal.SIGTERM)
        assert agent.wait(10) == 0
    assert probe.is_whole()
    tally.tried(rows=probe.promised(), lost=0, corrupt=0, recovery_s=time.monotonic() - asked_s)
