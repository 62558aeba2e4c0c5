"""Faults 56 and 57: a thread of the agent dies, or hangs."""

import time

import pytest

from agent.config import Config, ModemPlace, Uplink, load
from agent.main import Agent
from agent.planned import prepare
from agent.remote_plan import Followed
from sim.parts import wait_until
from tests.faults.failpoints import RaisesOnce, failing
from tests.faults.lone_probe import FED, MODEM, READY, LoneProbe, missing

RARE = {"budget", "hotplug", "needs", "plan", "stick"}
"""They beat every ten seconds."""
SILENCE_S = 4.0
"""systemd's patience (`WatchdogSec`) is 60."""


def names_of_workers(folder):
    config = Config(
        probe="dn-01",
        state_dir=folder,
        run_dir=folder,
        uplink=Uplink(host="localhost"),
        modem=(ModemPlace(name=MODEM, port="/nobody"),),
    )
    return [worker.name for worker in Agent(Followed(config, ()), file=folder / "none").workers()]


def pytest_generate_tests(metafunc):
    if "name" in metafunc.fixturenames:
        folder = metafunc.config._tmp_path_factory.mktemp("names")
        metafunc.parametrize("name", names_of_workers(folder))


@pytest.fixture
def probe(tmp_path):
    with LoneProbe(tmp_path) as probe:
        yield probe


@pytest.mark.fault(56)
def test_a_thread_that_dies_is_back_and_no_second_is_missing(name, probe, tally):
    config = load(probe.config)
    agent = Agent(Followed(config, prepare(config, name="probe.toml")), file=probe.config)
    failpoint = RaisesOnce(fires_at=1 if name in RARE else 3)
    agent.supervisor.start(failing(agent.workers(), name, failpoint))
    try:
        wait_until(lambda: failpoint.runs > 1, f"{name} runs again", 20)
        again_ns = agent.clock.mono_ns()
        wait_until(lambda: failpoint.beats > 0, f"{name} makes progress", 20)
        probe.await_looks(3, again_ns)
        assert probe.has_event("worker_restarted", worker=name, restarts=1)
        assert set(agent.supervisor.states().values()) == {"running"}
    finally:
        assert agent.supervisor.stop(9.0) == ()
    assert missing(probe.looks()) == 0
    assert probe.is_whole()
    tally.tried(rows=probe.promised(), lost=0, corrupt=0)


@pytest.mark.fault(56)
@pytest.mark.parametrize("worker", ["outbox", "publisher"])
def test_a_critical_thread_that_always_dies_has_the_service_killed(worker, probe, tally):
    probe_again(probe, "RaisesAlways", worker, tally)


@pytest.mark.fault(57)
@pytest.mark.parametrize("worker", ["outbox", f"modem {MODEM}"])
def test_a_critical_thread_that_hangs_has_the_service_killed(worker, probe, tally):
    probe_again(probe, "Deadlocks", worker, tally)


def probe_again(probe, failpoint, worker, tally):
    """The watchdog starves, the service is killed, and its next start has all that was promised."""
    with probe.agent(failpoint, worker) as agent:
        probe.await_word(READY)
        probe.await_word(FED)
        probe.starves(agent, SILENCE_S, timeout_s=40)
    killed_s = time.monotonic()
    promised, before = probe.promised(), probe.rows()
    with probe.agent() as agent:
        probe.await_word(FED)
        recovery_s = time.monotonic() - killed_s
        probe.await_looks(len(probe.looks()) + 2)
    assert probe.is_whole()
    assert probe.rows()[:promised] == before
    assert probe.promised() > promised
    tally.tried(rows=promised, lost=0, corrupt=0, recovery_s=recovery_s)
