"""Fault 61: a computer that is hot, or gets too little voltage."""

from functools import partial

import pytest

from agent import health, main
from agent.config import load
from agent.host_watch import HostWatch
from agent.machine import THROTTLED, look
from agent.planned import prepare
from agent.remote_plan import Followed
from sim.parts import wait_until
from sim.server import HttpServer
from tests.faults.lone_probe import MODEM, LoneProbe
from wire.messages import Outcome

COOL, HOT, SLOWED, WEAK = ("55000", "0"), ("91000", "0"), ("86000", "4"), ("55000", "1")
"""Thousandths of a degree, and the firmware's bits."""
LIMIT_C = 87.0
PLAN = """
[host]
max_temperature_c = {limit}
max_core_share = 1.0
[[server]]
name = "main"
http_url = "http://127.0.0.1:{port}"
[[plan]]
name = "often"
activity = "throughput"
profile = "quick"
server = "main"
every_s = 2
"""
PROFILE = """
kind = "throughput"
method = "http"
direction = "down"
streams = 1
warmup_s = 0
window_s = 1
"""


@pytest.fixture
def computer(tmp_path, monkeypatch):
    """A Raspberry Pi; gives a function that sets its temperature and its bits."""
    root = tmp_path / "root"
    heat, bits = root / "sys/class/thermal/thermal_zone0/temp", root / THROTTLED

    def become(state):
        for file, text in zip((heat, bits), state, strict=True):
            file.parent.mkdir(parents=True, exist_ok=True)
            draft = file.with_name("draft")
            draft.write_text(text)
            draft.replace(file)

    become(COOL)
    monkeypatch.setattr(main, "HostWatch", partial(HostWatch, root=root))
    monkeypatch.setattr(health.machine, "look", partial(look, root=root))
    monkeypatch.setattr(health, "RECORD_EVERY_S", 1)
    return become


@pytest.fixture
def probe(tmp_path):
    (tmp_path / "quick.toml").write_text(PROFILE)
    with (
        HttpServer("127.0.0.1") as server,
        LoneProbe(tmp_path, PLAN.format(limit=LIMIT_C, port=server.port)) as probe,
    ):
        yield probe


@pytest.mark.fault(61)
def test_flags_are_in_the_rows_and_no_test_begins_above_the_limit(probe, computer, tally):
    config = load(probe.config)
    planned = prepare(config, name="probe.toml")
    agent = main.Agent(Followed(config, planned), file=probe.config)
    agent.supervisor.start(agent.workers())

    def await_test(outcome, reason=None):
        since_ns = agent.clock.mono_ns()
        ended = (outcome, reason)
        wait_until(
            lambda: ended in [(row.outcome, row.reason) for row in probe.tests(since_ns)],
            f"a test that is {ended}",
            30,
        )
        return next(row for row in probe.tests(since_ns) if (row.outcome, row.reason) == ended)

    try:
        probe.await_looks(1)
        good = await_test(Outcome.OK)
        assert (good.payload.host.temperature_c, good.payload.host.throttled) == (55.0, 0)
        computer(HOT)
        hot = await_test(Outcome.SKIPPED, "temperature: 91 C")
        assert hot.payload is None
        computer(SLOWED)
        slowed = await_test(Outcome.INVALID, "host: the processor was throttled")
        assert (slowed.payload.host.temperature_c, slowed.payload.host.throttled) == (86.0, 4)
        computer(WEAK)
        assert await_test(Outcome.SKIPPED, "under-voltage").modem.name == MODEM
        computer(COOL)
        await_test(Outcome.OK)
    finally:
        assert agent.supervisor.stop(9.0) == ()
    states = [row.payload for row in probe.rows() if row.kind == "status"]
    said = {(state.cpu_temperature_c, state.throttled) for state in states}
    assert said == {(55.0, 0), (91.0, 0), (86.0, 4), (55.0, 1)}
    assert probe.is_whole()
    tally.tried(rows=probe.promised(), lost=0, corrupt=0)
