"""A folder on a RAM disk is the stick here, and the list of mounts a file we write."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from agent.carry import stick as module
from agent.carry.export import Export
from agent.carry.folder import Folder
from agent.carry.stick import DONE, MARKER, NOT_DONE, Mount, StickWorker, read_mounts
from agent.runtime import Worker

from .conftest import seqs

REAL_MOUNTS = """\
24 30 0:22 / /proc rw,relatime - proc proc rw
30 1 8:2 / / rw,relatime shared:1 - ext4 /dev/root rw
812 30 8:17 / /media/My\\040stick\\134x rw,nodev shared:452 master:2 - vfat /dev/sdb1 rw,flush
813 30 bad / /media/b rw - vfat /dev/sdc1 rw
rubbish
"""


@pytest.fixture
def ram():
    folder = Path(tempfile.mkdtemp(dir="/dev/shm", prefix="dosong-test-"))
    yield folder
    shutil.rmtree(folder)


class Computer:
    """Where sticks are plugged in, and what the worker has put on record."""

    def __init__(self, mounts):
        self.mounts = mounts
        self.events = []
        self._number = 100
        self._plugged = {}
        self._write()

    def plug_in(self, point, *, source="/dev/sdb1", device=None):
        self._number += 1
        number = point.stat().st_dev if device is None else device
        where = f"{os.major(number)}:{os.minor(number)}"
        line = f"{self._number} 30 {where} / {point} rw - vfat {source} rw\n"
        # As in the sandbox of a service: below its own bind mount the same once more.
        self._plugged[point] = line + line.replace(f"{self._number} 30", f"{self._number}0 31")
        self._write()

    def pull_out(self, point):
        del self._plugged[point]
        self._write()

    def record_event(self, name, *, severity="info", detail=None):
        self.events.append((name, severity, detail))

    def _write(self):
        draft = self.mounts.with_suffix(".new")
        draft.write_text("".join(self._plugged.values()))
        draft.replace(self.mounts)


@pytest.fixture
def computer(tmp_path):
    return Computer(tmp_path / "mountinfo")


@pytest.fixture
def looks(computer, export, ram, supervise, monkeypatch):
    """Starts the worker; the value grows with each look at the list of mounts."""

    def start():
        count = []

        def read(file):
            count.append(file)
            return read_mounts(file)

        monkeypatch.setattr(module, "read_mounts", read)
        worker = StickWorker(
            export,
            folders=[ram],
            record_event=computer.record_event,
            mounts=computer.mounts,
            look_every_s=0.01,
        )
        supervise(Worker(name="stick", run=worker.run))
        return count

    return start


@pytest.fixture
def stick(ram):
    stick = ram / "usb0"
    stick.mkdir()
    return stick


@pytest.fixture
def two_looks(until):
    """Wait until whatever is plugged in was looked at."""

    def wait(looks):
        so_far = len(looks)
        until(lambda: len(looks) >= so_far + 2, "two more looks")

    return wait


def test_mounts_are_read_as_the_kernel_writes_them(tmp_path):
    file = tmp_path / "mountinfo"
    file.write_text(REAL_MOUNTS)
    assert read_mounts(file) == [
        Mount(24, os.makedev(0, 22), Path("/proc"), "proc"),
        Mount(30, os.makedev(8, 2), Path("/"), "/dev/root"),
        Mount(812, os.makedev(8, 17), Path("/media/My stick\\x"), "/dev/sdb1"),
    ]
    assert Path("/") in {mount.point for mount in read_mounts(module.MOUNTS)}


def test_a_stick_with_the_marker_gets_everything_once(
    *, computer, looks, stick, put, until, two_looks
):
    put(120)
    (stick / MARKER).touch()
    counted = looks()
    computer.plug_in(stick)
    until(lambda: computer.events, "an event")
    [(name, severity, detail)] = computer.events
    assert (name, severity) == ("carried_out", "info")
    assert (detail["rows"], detail["files"], detail["there_before"]) == (120, 1, 0)
    assert seqs(stick / "dosong") == list(range(1, 121))
    text = (stick / "dosong" / DONE).read_text(encoding="utf-8")
    assert "Đã ghi 120 bản ghi" in text
    assert "Records written: 120" in text
    put(5)
    two_looks(counted)
    assert len(computer.events) == 1


def test_plugged_in_anew_it_gets_what_is_new(*, computer, looks, stick, put, until, two_looks):
    put(120)
    (stick / MARKER).touch()
    counted = looks()
    for number, rows in enumerate([120, 7], 1):
        computer.plug_in(stick)
        until(lambda number=number: len(computer.events) == number, "an event")
        assert computer.events[-1][2]["rows"] == rows
        computer.pull_out(stick)
        two_looks(counted)
        put(7)


def test_what_is_no_stick_of_ours_is_left_alone(
    *, computer, looks, ram, put, two_looks, tmp_path, export
):
    put(1)
    plain, linked, network, gone, own = (ram / name for name in ("a", "b", "c", "d", "e"))
    for folder in (plain, linked, network, gone, own):
        folder.mkdir()
        if folder is not plain:
            (folder / MARKER).touch()
    (linked / MARKER).unlink()
    (linked / MARKER).symlink_to(__file__)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / MARKER).touch()
    counted = looks()
    computer.plug_in(plain)
    computer.plug_in(linked)
    computer.plug_in(network, source="server:/share")
    computer.plug_in(gone, device=os.makedev(8, 99))
    computer.plug_in(own, device=export.outbox.parent.stat().st_dev)
    computer.plug_in(outside, device=os.makedev(8, 98))
    two_looks(counted)
    assert computer.events == []
    assert [path for path in ram.rglob("*") if path.name == "dosong"] == []


def test_a_link_in_place_of_our_folder_is_not_followed(
    *, computer, looks, stick, put, until, tmp_path
):
    put(1)
    (stick / MARKER).touch()
    (stick / "dosong").symlink_to(tmp_path)
    before = sorted(tmp_path.iterdir())
    looks()
    computer.plug_in(stick)
    until(lambda: computer.events, "an event")
    assert computer.events[0][:2] == ("carry_failed", "warning")
    assert {path.name for path in tmp_path.iterdir()} - {path.name for path in before} <= {
        "mountinfo"
    }


def test_a_full_stick_is_told_and_what_fitted_is_counted(
    *, computer, looks, stick, put, until, monkeypatch
):
    monkeypatch.setattr("agent.carry.export.ROWS_PER_FILE", 50)
    room = iter([1 << 30, 1 << 30, 100])
    monkeypatch.setattr(Folder, "free_bytes", lambda _: next(room))
    put(500)
    (stick / MARKER).touch()
    looks()
    computer.plug_in(stick)
    until(lambda: computer.events, "an event")
    [(name, severity, detail)] = computer.events
    assert (name, severity) == ("carry_failed", "warning")
    assert (detail["trouble"], detail["rows"], detail["files"]) == ("full", 100, 2)
    assert seqs(stick / "dosong") == list(range(1, 101))
    assert "STICK IS FULL" in (stick / "dosong" / NOT_DONE).read_text(encoding="utf-8")
    assert not (stick / "dosong" / DONE).exists()


def test_a_failing_disk_is_told_once_and_the_next_stick_is_served(
    *, computer, looks, ram, stick, put, until, two_looks, monkeypatch
):
    put(3)
    other = ram / "usb1"
    other.mkdir()
    (stick / MARKER).touch()
    (other / MARKER).touch()
    keep = Folder.keep

    def fail(self, draft, name):
        if stick in self.path.parents:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        keep(self, draft, name)

    monkeypatch.setattr(Folder, "keep", fail)
    counted = looks()
    computer.plug_in(stick)
    until(lambda: computer.events, "an event")
    computer.plug_in(other)
    until(lambda: len(computer.events) == 2, "another event")
    two_looks(counted)
    assert [event[0] for event in computer.events] == ["carry_failed", "carried_out"]
    assert computer.events[0][2]["trouble"] == "failed"


def test_without_folders_no_stick_is_looked_at(computer, export, stick, put):
    put(1)
    (stick / MARKER).touch()
    computer.plug_in(stick)
    worker = StickWorker(
        Export(outbox=export.outbox, probe="dn-01", software="test"),
        folders=[],
        record_event=computer.record_event,
        mounts=computer.mounts,
    )
    assert list(worker._candidates()) == []


def test_an_outbox_that_cannot_be_read_is_told(*, computer, looks, stick, put, until, path):
    put(1)
    path.write_bytes(b"no database at all" * 100)
    (stick / MARKER).touch()
    looks()
    computer.plug_in(stick)
    until(lambda: computer.events, "an event")
    assert computer.events[0][2]["reason"]
