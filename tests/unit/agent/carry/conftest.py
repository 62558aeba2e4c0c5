"""An outbox that holds rows, and folders that stand for sticks."""

import subprocess
from contextlib import closing

import pytest

from agent.carry.export import Export
from agent.carry.folder import Folder
from agent.outbox.file import OutboxFile
from wire.codec import decode_record

PLENTY = 1 << 40


def read_back(folder):
    """The records of a folder's files in the order of their names, by the tool anybody has."""
    records = []
    for file in sorted(folder.glob("*.jsonl.zst")):
        unpacked = subprocess.run(["zstd", "-dc", file], capture_output=True, check=True).stdout
        records += [decode_record(line) for line in unpacked.splitlines()]
    return records


def seqs(folder):
    return sorted(record.seq for record in read_back(folder))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "outbox.db"


@pytest.fixture
def put(path, make):
    """Put so many rows more into the outbox; its epoch."""
    path.parent.mkdir()

    def put(rows):
        with closing(OutboxFile(path)) as file:
            file.write(
                [make("radio", number) for number in range(rows)], cap_bytes=PLENTY, on_drop=None
            )
            return file.epoch

    return put


@pytest.fixture
def stick(tmp_path):
    stick = tmp_path / "stick"
    stick.mkdir()
    return stick


@pytest.fixture
def export(path):
    return Export(outbox=path, probe="dn-01", software="test")


@pytest.fixture
def carry(export, stick):
    """Export once; what is told."""

    def carry(on_progress=lambda _: None):
        with Folder(stick) as folder:
            return export.into(folder, on_progress)

    return carry
