"""What delta-rs leaves out: making commits of a Delta table survive a power cut."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

_LOG = "_delta_log"


class DurableLog:
    """Follows the log of one table and flushes to the disk whatever it brought.

    Commits of other processes are flushed as well: this process may be about to acknowledge rows
    that a killed one wrote but never flushed.
    """

    def __init__(self, table: Path) -> None:
        """Start behind the last checkpoint: it is only ever made of flushed commits."""
        self._table = table
        self.checkpoint = _checkpoint_version(table)
        """Version of the newest checkpoint, -1 without one."""
        self._flushed = self.checkpoint

    def flush(self, version: int) -> None:
        """Return once every commit up to `version` is on the disk; raises OSError."""
        for commit in range(self._flushed + 1, version + 1):
            self._flush_commit(self._table / _LOG / f"{commit:020}.json")
            self._flushed = commit

    def flush_checkpoint(self) -> None:
        """Flush the newest checkpoint and what points to it; raises OSError."""
        log = self._table / _LOG
        for path in log.glob("*.checkpoint*.parquet"):
            flush_path(path)
        flush_path(log / "_last_checkpoint")
        flush_path(log)

    def _flush_commit(self, commit: Path) -> None:
        try:
            actions = commit.read_bytes()
        except FileNotFoundError:
            return  # expired behind a checkpoint that another process has made and flushed
        folders = set()
        for path in _added(actions):
            file = self._table / path
            try:
                flush_path(file)
            except FileNotFoundError:
                continue  # compacted and vacuumed since: a later commit holds its rows
            folders.add(file.parent)
        for folder in folders:
            flush_path(folder)
        flush_path(self._table)
        flush_path(commit)
        flush_path(commit.parent)


def flush_path(path: Path) -> None:
    """`fsync` of a file or a folder; raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _added(actions: bytes) -> Iterator[str]:
    for line in actions.splitlines():
        action = json.loads(line)
        if "add" in action:
            yield unquote(action["add"]["path"])


def _checkpoint_version(table: Path) -> int:
    try:
        return int(json.loads((table / _LOG / "_last_checkpoint").read_bytes())["version"])
    except FileNotFoundError:
        return -1
