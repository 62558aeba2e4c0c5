"""Records carried by hand: sticks that are pulled out, full or locked, and MQTT beside them."""

import os
import random
import threading
import time
from collections import Counter
from contextlib import closing

import pytest

from agent.carry import export as export_module
from agent.carry.export import Export, Trouble
from agent.carry.folder import Folder
from agent.carry.stick import DONE, MARKER, StickWorker
from agent.clock import Clock
from agent.outbox.file import OutboxFile
from agent.recorder import Envelope
from agent.runtime import Stop
from collector.geo.boundaries import Boundaries
from collector.geo.locate import Locator
from collector.geo.roads import Roads
from collector.ingest.files import find, import_files
from collector.ingest.intake import Intake
from collector.store.engine import connect
from collector.store.lake import Lake
from collector.store.ledger import Ledger
from sim.demo.toml import toml
from sim.parts import Part, find_command
from tests.faults.disks import MIB, Disk
from wire.carried import parse_file_name
from wire.codec import decode_record
from wire.messages import Position

PLENTY = 1 << 40
ROUNDS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "5"))
ROWS = 1200
DEADLINE_S = 30.0


@pytest.fixture
def dice():
    """A failure shows the seed."""
    seed = time.time_ns()
    print(f"seed {seed}")  # noqa: T201  # pytest shows it with a failure
    return random.Random(seed)  # noqa: S311  # a test's dice


@pytest.fixture
def outbox(tmp_path, envelope):
    """Where an outbox with so many rows lies."""

    def fill(rows):
        path = tmp_path / "state" / "outbox.db"
        path.parent.mkdir(exist_ok=True)
        with closing(OutboxFile(path)) as file:
            file.write(
                [envelope.event("test", detail={"number": number}) for number in range(rows)],
                cap_bytes=PLENTY,
                on_drop=None,
            )
        return path

    return fill


@pytest.fixture
def store(tmp_path):
    """A collector's way in, without a broker."""
    lake = Lake(tmp_path / "lake")
    with Ledger(tmp_path / "collector.db") as ledger:
        yield Intake(lake, ledger, Locator(Boundaries([]), Roads([]))), ledger


def bring(store, folder):
    return import_files(find([folder]), *store, batch_rows=20_000, on_progress=lambda _: None)


def stored(lake):
    with connect("duckdb://", lake) as tables:
        keys = tables.event.select("probe", "epoch", "seq").to_pyarrow().to_pylist()
    return Counter((key["probe"], key["epoch"], key["seq"]) for key in keys)


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(export_module, "ROWS_PER_FILE", 100)


@pytest.mark.root
@pytest.mark.usefixtures("small_files")
def test_a_stick_pulled_out_at_any_moment_holds_whole_files_only(
    *, tmp_path, outbox, store, dice, tally
):
    export = Export(outbox=outbox(ROWS), probe="dn-01", software="test")
    for number in range(ROUNDS):
        disk = Disk(tmp_path / f"stick-{number}.img", tmp_path / f"stick-{number}")
        pulled_at = dice.randrange(1, 2 * ROWS // 100)
        steps = []

        def go_on(progress, pulled_at=pulled_at, disk=disk, steps=steps):
            steps.append(progress)
            if len(steps) == pulled_at:
                disk.pull_out()

        with disk.mounted() as stick, Folder(stick) as folder:
            told = export.into(folder, go_on)
        assert (told.trouble is Trouble.FAILED) == (len(steps) >= pulled_at)
        with disk.mounted() as stick:
            before = bring(store, stick)
            assert before.problems == ()
            assert before.read == told.rows, "a file without its rows, or the reverse"
            with Folder(stick) as folder:
                again = export.into(folder, lambda _: None)
            assert (again.trouble, again.rows + again.there) == (None, ROWS)
            assert again.there == told.rows
            bring(store, stick)
        assert disk.is_sound()
        counts = stored(tmp_path / "lake")
        tally.tried(
            rows=ROWS,
            lost=ROWS - len(counts),
            duplicates=sum(counts.values()) - len(counts),
            corrupt=before.rejected,
        )
        assert (len(counts), set(counts.values())) == (ROWS, {1})


@pytest.mark.root
@pytest.mark.usefixtures("small_files")
def test_a_full_stick_holds_what_is_told_and_a_larger_one_the_rest(
    *, tmp_path, outbox, store, monkeypatch, tally
):
    monkeypatch.setattr(export_module, "LEAST_FREE_BYTES", 1)
    export = Export(outbox=outbox(ROWS), probe="dn-01", software="test")
    small = Disk(tmp_path / "small.img", tmp_path / "small", size_bytes=8 * MIB)
    with small.mounted() as stick:
        with Folder(stick) as folder:
            ballast = stick / "holiday.jpg"
            room = folder.free_bytes() - 10 * 1024
            with ballast.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, room)
            told = export.into(folder, lambda _: None)
        assert told.trouble is Trouble.FULL
        assert 0 < told.rows < ROWS
        assert not list(stick.glob("*.part"))
        brought = bring(store, stick)
        assert (brought.new, brought.rejected) == (told.rows, 0)
        ballast.unlink()
        with Folder(stick) as folder:
            rest = export.into(folder, lambda _: None)
        assert (rest.trouble, rest.there, rest.rows) == (None, told.rows, ROWS - told.rows)
        bring(store, stick)
    counts = stored(tmp_path / "lake")
    tally.tried(rows=ROWS, lost=ROWS - len(counts), duplicates=sum(counts.values()) - len(counts))
    assert (len(counts), set(counts.values())) == (ROWS, {1})


@pytest.mark.root
@pytest.mark.usefixtures("small_files")
def test_the_agent_serves_a_mounted_stick_and_survives_bad_ones(tmp_path, outbox):
    events = []
    heard = threading.Condition()

    def record_event(name, *, severity="info", detail=None):
        with heard:
            events.append((name, severity, detail))
            heard.notify_all()

    def event(number):
        with heard:
            assert heard.wait_for(lambda: len(events) >= number, DEADLINE_S)
        return events[number - 1]

    worker = StickWorker(
        Export(outbox=outbox(ROWS), probe="dn-01", software="test"),
        folders=[tmp_path / "media"],
        record_event=record_event,
        look_every_s=0.02,
    )

    stop = Stop()

    def seen_gone():
        """Before it is plugged in again: nobody is faster than a look, but a test is."""
        deadline_s = time.monotonic() + DEADLINE_S
        while worker._known:
            assert time.monotonic() < deadline_s
            stop.wait(0.01)

    thread = threading.Thread(target=worker.run, args=(stop, lambda: None))
    disk = Disk(tmp_path / "stick.img", tmp_path / "media" / "My stick")
    with disk.mounted() as stick:
        (stick / MARKER).touch()
    thread.start()
    try:
        with disk.mounted("ro"):
            name, severity, detail = event(1)
            assert (name, severity) == ("carry_failed", "warning")
            assert detail["trouble"] == Trouble.READ_ONLY
        seen_gone()
        with disk.mounted():
            assert event(2)[0] == "carried_out"
            assert event(2)[2]["rows"] == ROWS
        seen_gone()
        with disk.mounted() as stick:
            assert event(3)[2]["there_before"] == ROWS
            names = {file.name for file in (stick / "dosong").iterdir()}
    finally:
        stop.set()
        thread.join(DEADLINE_S)
    assert not thread.is_alive()
    assert DONE in names
    assert sum(parse_file_name(name) is not None for name in names) == ROWS // 100
    assert disk.is_sound()


@pytest.mark.root
def test_a_running_agent_serves_a_stick_and_puts_it_on_record(tmp_path):
    config = tmp_path / "probe.toml"
    media = tmp_path / "media"
    config.write_text(
        toml(
            {"probe": "dn-01", "state_dir": tmp_path / "state", "run_dir": tmp_path / "run"},
            {
                "carry": {"folders": [str(media)]},
                "gps.surveyed": {"lat_deg": 12.0, "lon_deg": 107.7},
            },
        )
    )
    disk = Disk(tmp_path / "stick.img", media / "usb0")
    with disk.mounted() as stick:
        (stick / MARKER).touch()
    command = [find_command("dosong-agent"), "run", "--config", str(config)]
    with Part("agent", command, log=tmp_path / "agent.log") as agent:
        outbox = tmp_path / "state" / "outbox.db"
        agent.wait_until(outbox.exists, "its outbox is there", DEADLINE_S)
        with disk.mounted() as stick:
            agent.wait_until((stick / "dosong" / DONE).exists, "the stick is served", DEADLINE_S)
            agent.wait_until(lambda: "carried out" in agent.log_tail, "it says so", DEADLINE_S)
            assert list((stick / "dosong").glob("dn-01_*.json"))
        assert agent.stop() == 0
    with closing(OutboxFile(outbox)) as file:
        rows = file.rows_after(0, up_to=file.made, max_rows=1000, max_bytes=1 << 24)
        events = [decode_record(row.line).payload for row in rows]
    assert any(getattr(event, "name", None) == "carried_out" for event in events)


@pytest.fixture
def envelope():
    return Envelope(probe="dn-01", software="test", stamp=Clock().stamp, position=Position)
