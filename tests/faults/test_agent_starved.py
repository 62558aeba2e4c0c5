"""Faults 58 and 60: an agent that gets no more memory, descriptors or threads."""

import os
import resource
import time
from pathlib import Path

import pytest

from sim.parts import wait_until
from tests.faults.cgroup import Cgroup, NoCgroupError
from tests.faults.lone_probe import FED, READY, LoneProbe, missing

MEMORY_BYTES = 80 << 20
MORE_BYTES = 24 << 20
"""Of address space, on top of what a running agent has."""
SHORT_S = 4.0
MOST_S = 40.0


@pytest.fixture
def probe(tmp_path):
    with LoneProbe(tmp_path) as probe:
        yield probe


@pytest.fixture
def cgroup():
    """Makes a control group, ended after the agent in it."""
    groups = []

    def make(limit):
        group = Cgroup(limit)
        try:
            group.__enter__()
        except NoCgroupError as error:
            pytest.skip(f"no control group: {error}")
        groups.append(group)
        return group

    yield make
    for group in groups:
        wait_until(lambda group=group: _closed(group), "the control group is empty", 5)


def _closed(group):
    try:
        group.__exit__(None, None, None)
    except OSError:
        return False  # the kernel has not let go of the process yet
    return True


@pytest.fixture
def agent(probe):
    """One that measures."""
    with probe.agent() as agent:
        probe.await_word(FED)
        probe.await_looks(2)
        yield agent


@pytest.mark.root
@pytest.mark.fault(58)
def test_an_agent_killed_for_its_memory_keeps_what_it_promised(probe, cgroup, tally):
    group = cgroup("memory.max")
    with probe.agent("Leaks", "scheduler") as agent:
        group.take(agent.pid)
        group.limit(MEMORY_BYTES)
        probe.await_word(READY)
        wait_until(lambda: not agent.running, "the kernel kills it", MOST_S)
        killed_s = time.monotonic()
    promised, before = probe.promised(), probe.rows()
    assert promised > 0
    with probe.agent() as agent:
        probe.await_word(FED)
        recovery_s = time.monotonic() - killed_s
        probe.await_looks(len(probe.looks()) + 1)
    assert probe.is_whole()
    assert probe.rows()[:promised] == before
    tally.tried(rows=promised, lost=0, corrupt=0, recovery_s=recovery_s)


@pytest.mark.fault(58)
def test_who_gets_no_memory_dies_alone_and_says_so(probe, tally):
    with probe.agent("Leaks", "health") as agent:
        probe.await_word(FED)
        size = int(Path(f"/proc/{agent.pid}/statm").read_text().split()[0]) * resource.getpagesize()
        limit = size + MORE_BYTES
        resource.prlimit(agent.pid, resource.RLIMIT_AS, (limit, limit))
        probe.await_looks(1)
        wait_until(
            lambda: probe.has_event("worker_restarted", worker="health", reason="MemoryError: "),
            "no more memory",
            MOST_S,
        )
        probe.await_looks(len(probe.looks()) + 3)
        assert agent.stop() == 0
    assert missing(probe.looks()) == 0
    assert probe.is_whole()
    tally.tried(rows=probe.promised(), lost=0, corrupt=0)


@pytest.mark.alone
@pytest.mark.fault(60)
def test_without_descriptors_it_measures_on_says_so_and_recovers(probe, agent, tally):
    handles = sorted(int(name) for name in os.listdir(f"/proc/{agent.pid}/fd"))  # noqa: PTH208
    usual = resource.prlimit(agent.pid, resource.RLIMIT_NOFILE)
    looks = len(probe.looks())
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, (handles[0] + 8, usual[1]))
    probe.await_looks(looks + SHORT_S)
    while probe.hear(1.5) is not None:
        pass  # what it had said before; then systemd goes hungry, and would restart it
    resource.prlimit(agent.pid, resource.RLIMIT_NOFILE, usual)
    back_s = time.monotonic()
    probe.await_word(FED)
    recovery_s = time.monotonic() - back_s
    probe.await_looks(len(probe.looks()) + 1)
    assert probe.has_event("status_unwritable")
    assert agent.stop() == 0
    assert missing(probe.looks()) == 0
    assert probe.is_whole()
    tally.tried(rows=probe.promised(), lost=0, corrupt=0, recovery_s=recovery_s)


@pytest.mark.root
@pytest.mark.alone
@pytest.mark.fault(60)
def test_without_threads_it_measures_on_says_so_and_recovers(probe, cgroup, tally):
    group = cgroup("pids.max")
    with probe.agent() as agent:
        probe.await_word(FED)
        probe.await_looks(2)
        group.take(agent.pid)
        group.limit(1)
        said = {"worker": "publisher", "reason": "RuntimeError: can't start new thread"}
        wait_until(lambda: probe.has_event("worker_restarted", **said), "it says so", MOST_S)
        probe.await_looks(len(probe.looks()) + SHORT_S)
        group.limit(None)
        back_s = time.monotonic()
        probe.await_word(FED)
        recovery_s = time.monotonic() - back_s
        assert agent.stop() == 0
    assert missing(probe.looks()) == 0
    assert probe.is_whole()
    tally.tried(rows=probe.promised(), lost=0, corrupt=0, recovery_s=recovery_s)
