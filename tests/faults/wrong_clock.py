"""A real agent whose system clock lies (libfaketime), with a real gpsd, and what it recorded.

CLOCK_BOOTTIME stays true, as on a probe; this process knows the true time of every instant of it.
To the agent no daemon disciplines the clock, whatever is so on this machine (strace).
"""

import os
import sqlite3
import subprocess
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from agent.clock import BOOT_ID
from collector.store.engine import connect
from sim.demo.toml import toml
from sim.faults import faults_file
from sim.gps import Fault
from sim.parts import Part, ReservedPort, accepts, find_command, wait_until
from sim.world import demo_world, save_world
from wire.codec import decode_record, encode_record, pack_file, unpack_line
from wire.kinds import kinds

LIBRARY = "faketime/libfaketimeMT.so.1"
TIME_ERROR = 5
"""What adjtimex(2) returns for a clock that nobody disciplines."""
PATIENCE_S = 30.0
MODEMS = ("viettel", "vinaphone")
ROUND_S = 2
"""Of the plan's entry that has a period."""
TRUE = "+0s"
"""What `set_wall` takes beside `-1h` and `@1970-01-01 00:00:10`."""


def boot_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def true_utc(mono_ns):
    """What time it really was then in this boot."""
    return datetime.now(UTC) - timedelta(microseconds=(boot_ns() - mono_ns) / 1000)


class Probe:
    """The agent with a receiver and two modems that are not plugged in. A context manager."""

    def __init__(self, folder, *, wall, zone="UTC", boot=None, receiver_speaks=True):
        """`boot` is an id of its own and how many seconds its CLOCK_BOOTTIME is ahead of ours."""
        self._folder = folder
        self._wall = folder / "wall"
        self._link = folder / "gps"
        self._speaks = receiver_speaks
        self._stack = ExitStack()
        self._zone = zone
        self._boot = boot
        self.outbox = folder / "state" / "outbox.db"
        self.set_wall(wall)

    def set_wall(self, wall):
        """Set the system clock as the agent sees it, in libfaketime's words."""
        new = self._wall.with_suffix(".new")
        new.write_text(wall + "\n", encoding="ascii")
        new.replace(self._wall)

    def let_receiver_speak(self):
        faults_file(self._link).write_text("", encoding="ascii")

    def __enter__(self):
        with ExitStack() as stack:
            port = stack.enter_context(ReservedPort()).number
            self._start_receiver(stack, port)
            config = self._folder / "probe.toml"
            config.write_text(self._config(port), encoding="utf-8")
            self.agent = stack.enter_context(
                Part(
                    "agent",
                    [
                        *self._another_boot(),
                        find_command("dosong-agent"),
                        "run",
                        "--config",
                        str(config),
                    ],
                    log=self._folder / "agent.log",
                    environment=self._lies(),
                )
            )
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._stack.close()

    def rows(self):
        """Everything recorded so far, in the order of `seq`."""
        if not self.outbox.exists():
            return []
        with closing(sqlite3.connect(f"{self.outbox.as_uri()}?mode=ro", uri=True)) as db:
            try:
                lines = [line for (line,) in db.execute("SELECT record FROM outbox ORDER BY seq")]
            except sqlite3.OperationalError:
                return []  # before the first commit
        return [decode_record(unpack_line(line)) for line in lines]

    def wait_for(self, found, what):
        """The first row for which `found` is true."""
        rows = []

        def ready():
            rows[:] = filter(found, self.rows())
            return bool(rows)

        self.agent.wait_until(ready, what, PATIENCE_S)
        return rows[0]

    def go_on_for(self, seconds):
        """Return once so much later something was recorded."""
        until_ns = boot_ns() + int(seconds * 1e9)
        self.wait_for(lambda row: row.kind == "radio" and row.mono_ns > until_ns, "more rows")

    def stop(self):
        """End the agent; everything it recorded."""
        assert self.agent.stop() == 0, self.agent.log_tail
        return self.rows()

    def cut_power(self):
        """As for a program: SIGKILL at any point."""
        self.agent.kill()

    def _another_boot(self):
        if self._boot is None:
            return ()
        boot_id, ahead_s = self._boot
        file = self._folder / "boot_id"
        file.write_text(boot_id + "\n", encoding="ascii")
        mount = f'mount --bind {file} {BOOT_ID} && exec "$@"'
        namespaces = ("--mount", "--time", "--fork", "--boottime", str(ahead_s))
        return (find_command("unshare"), *namespaces, "sh", "-c", mount, "sh")

    def _start_receiver(self, stack, port):
        world = self._folder / "world.json"
        save_world(demo_world(time.time() - 10), world)
        fault = "" if self._speaks else Fault.SILENT
        faults_file(self._link).write_text(fault, encoding="ascii")
        arguments = ["gps", "--world", str(world), "--link", str(self._link)]
        log = self._folder / "gps.log"
        stack.enter_context(Part("gps", [find_command("dosong-sim"), *arguments], log=log))
        wait_until(self._link.exists, "the receiver is plugged in", PATIENCE_S)
        gpsd = [find_command("gpsd"), "-N", "-n", "-b", "-S", str(port), str(self._link)]
        stack.enter_context(Part("gpsd", gpsd, log=self._folder / "gpsd.log"))
        wait_until(lambda: accepts(port), "gpsd listens", PATIENCE_S)

    def _config(self, gpsd_port):
        head = {
            "probe": "dn-01",
            "state_dir": self._folder / "state",
            "run_dir": self._folder / "run",
        }
        plan = {"activity": "latency", "max_wait_s": ROUND_S / 2}
        return toml(
            head,
            {"gps": {"host": "127.0.0.1", "port": gpsd_port}},
            {
                "modem": [{"name": name, "port": self._folder / name} for name in MODEMS],
                "server": [{"name": "main", "http_url": "http://127.0.0.1:9"}],
                "plan": [
                    {"name": "round", "every_s": ROUND_S, **plan},
                    {"name": "minute", "cron": "* * * * *", **plan},
                ],
            },
        )

    def _lies(self):
        (library,) = Path("/usr/lib").glob(f"*/{LIBRARY}")
        return {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._wall),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "TZ": self._zone,
            "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        }


def _without_ntp():
    calls = "adjtimex,clock_adjtime"
    only = ("-D", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-e", f"trace={calls}")
    return (find_command("strace"), *only, "-e", f"inject={calls}:retval={TIME_ERROR}")


def wrong(rows, true=true_utc):
    """The rows whose time is further from the truth than they say; not knowing is not wrong."""
    return [
        row
        for row in rows
        if row.utc is not None
        and abs(row.utc - true(row.mono_ns)) > timedelta(seconds=row.utc_err_s)
    ]


class Shown(NamedTuple):
    """A row as whoever queries the collector sees it."""

    boot_id: str
    seq: int
    mono_ns: int
    utc: datetime | None
    utc_err_s: float | None
    utc_source: str | None


def collected(folder, records):
    """What a real collector shows of the records after `dosong-collector import`, by `seq`."""
    carried = folder / "carried.jsonl.zst"
    carried.write_bytes(pack_file(map(encode_record, records)))
    config = folder / "collector.toml"
    config.write_text(toml({}, {"store": {"folder": folder / "collector"}}), encoding="utf-8")
    command = [find_command("dosong-collector"), "import", "--config", config, carried]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)
    with connect("duckdb://", folder / "collector" / "lake") as tables:
        shown = [
            Shown(**row)
            for kind in kinds()
            for row in tables[kind].select(*Shown._fields).to_pyarrow().to_pylist()
        ]
    return sorted(shown, key=lambda row: row.seq)
