"""Fault 57: an agent that stands still feeds no watchdog, and what it slept through is in its rows.

That systemd then kills and restarts it is systemd's promise: the unit's `WatchdogSec=` is tested in
`tests/unit/systemd`.
"""

import os
import signal
import socket
import sqlite3
from contextlib import closing

import pytest

from sim.demo.toml import toml
from sim.parts import Part, find_command
from wire.codec import decode_record

FED = b"WATCHDOG=1"
STILL_S = 3.0
PERIOD_NS = 1_000_000_000


@pytest.fixture
def manager(tmp_path):
    """What systemd is to a service: a datagram socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        yield sock


@pytest.fixture
def agent(tmp_path, manager):
    """With one modem that is not plugged in."""
    config = tmp_path / "probe.toml"
    head = {"probe": "dn-01", "state_dir": tmp_path / "state", "run_dir": tmp_path / "run"}
    place = {"lat_deg": 12.0, "lon_deg": 107.7, "horizontal_error_m": 5.0}
    modem = {"name": "viettel", "port": tmp_path / "nobody"}
    config.write_text(toml(head, {"gps.surveyed": place}, {"modem": [modem]}))
    environment = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "60000000"}
    with Part(
        "agent",
        [find_command("dosong-agent"), "run", "--config", str(config)],
        log=tmp_path / "agent.log",
        environment=environment,
    ) as part:
        yield part


def hear(manager, timeout_s):
    """The next word; None when there is none in time."""
    manager.settimeout(timeout_s)
    try:
        return manager.recv(100)
    except TimeoutError:
        return None


def test_an_agent_that_stands_still_feeds_no_watchdog_and_misses_no_second(
    agent, manager, tmp_path
):
    assert hear(manager, 30) == b"READY=1"
    assert hear(manager, 10) == FED
    os.kill(agent.pid, signal.SIGSTOP)
    while hear(manager, STILL_S) is not None:
        pass  # what was under way; then silence for as long as three meals
    os.kill(agent.pid, signal.SIGCONT)
    assert hear(manager, 10) == FED
    agent.stop()
    rows = list(radio_rows(tmp_path / "state" / "outbox.db"))
    ticks = [(row.mono_ns - rows[0].mono_ns) / PERIOD_NS for row in rows]
    assert ticks == pytest.approx(list(range(len(rows))), abs=0.5)
    assert len(rows) >= STILL_S


def radio_rows(outbox):
    with closing(sqlite3.connect(f"{outbox.as_uri()}?mode=ro", uri=True)) as db:
        for (line,) in db.execute("SELECT record FROM outbox ORDER BY seq"):
            row = decode_record(line)
            if row.kind == "radio":
                yield row
