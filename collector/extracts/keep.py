"""Extracted rows on the disk: each part of a table once, under the hash of its content.

A part is one partition of the lake's table, a local day or `undated`. It is worked out again only
when something it was made of has changed, so that judging costs what is new. Content is never
changed: a frozen verdict names what it rests on by hash, and finds it as it was.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.ipc
from sqlite_utils import Database

from collector.store.durable import flush_path

BUSY_S = 30.0
"""How long another process may hold the index."""
YOUNG_S = 3600.0
"""An object this young may belong to a verdict that is being written."""
SWEEP_EVERY_S = 86_400.0
_COMPRESSION = "zstd"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS unit (
    extract TEXT NOT NULL, part TEXT NOT NULL, inputs TEXT NOT NULL, object TEXT NOT NULL,
    first_us INTEGER, last_us INTEGER,
    PRIMARY KEY (extract, part)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS query (extract TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT;
"""


class LostObjectError(OSError):
    """Rows that a verdict rests on are not there any more, or are not what they were."""

    def __init__(self, object_: str, problem: str) -> None:
        """Keep which."""
        super().__init__(
            f"extracted rows {object_[:12]}: {problem}; restore them from a backup, or have the"
            " lake read again: `dosong-collector verdicts --rebuild`"
        )
        self.object = object_


class KeepIndexError(OSError):
    """The index cannot be read or written."""

    def __init__(self, file: Path, problem: str) -> None:
        """Keep which."""
        super().__init__(f"{file}: {problem}; if it is damaged, delete it: it is made anew")
        self.file = file


class Unit(NamedTuple):
    """One part of one extract."""

    part: str
    inputs: str
    """Hash of all that it was made of."""
    object: str
    """Hash of its rows."""
    first_us: int | None
    """Earliest and latest time of its rows, in microseconds since 1970; None without a row."""
    last_us: int | None


class Keep:
    """A folder of extracted rows with its index. Any number of processes may use it."""

    def __init__(self, folder: Path) -> None:
        """Open it, made anew where it is not there; raises OSError, as whatever is asked of it."""
        self._objects = folder / "objects"
        self._objects.mkdir(parents=True, exist_ok=True)
        self._index = folder / "index.db"
        with self._told():
            self._db = Database(self._index)
            self._db.execute(f"PRAGMA busy_timeout = {round(BUSY_S * 1000)}")
            self._db.enable_wal()
            self._db.execute("PRAGMA synchronous = NORMAL")  # whatever it loses is made anew
            self._db.executescript(_SCHEMA)

    def units(self, extract: str) -> dict[str, Unit]:
        """What is kept of an extract, by part."""
        with self._told():
            rows = self._db.execute(
                "SELECT part, inputs, object, first_us, last_us FROM unit WHERE extract = ?",
                (extract,),
            ).fetchall()
        return {row[0]: Unit(*row) for row in rows}

    def put(self, extract: str, unit: Unit) -> None:
        """Remember a part; what was kept of it before is forgotten, not deleted."""
        with self._told(), self._db.conn:
            before = self._db.execute(
                "SELECT object FROM unit WHERE extract = ? AND part = ?", (extract, unit.part)
            ).fetchall()
            self._refresh(row[0] for row in before)
            self._db.execute(
                "INSERT OR REPLACE INTO unit VALUES (?, ?, ?, ?, ?, ?)", (extract, *unit)
            )

    def query(self, extract: str, made: Callable[[], str]) -> str:
        """The text of an extract's query; `made` gives it where it is not kept yet."""
        with self._told():
            row = self._db.execute(
                "SELECT text FROM query WHERE extract = ?", (extract,)
            ).fetchone()
        if row is not None:
            return str(row[0])
        text = made()
        with self._told(), self._db.conn:
            self._db.execute("INSERT OR REPLACE INTO query VALUES (?, ?)", (extract, text))
        return text

    def write(self, rows: pa.Table) -> str:
        """Keep rows; their hash. A file of it that is damaged is written anew."""
        sink = pa.BufferOutputStream()
        options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION)
        with pa.ipc.new_file(sink, rows.schema, options=options) as writer:
            writer.write_table(rows)
        content = sink.getvalue()
        name = hashlib.sha256(content).hexdigest()
        file = self._file(name)
        if not self._refresh((name,)) or file.read_bytes() != content:
            with _beside(file) as unfinished:
                unfinished.write_bytes(content)
                flush_path(unfinished)
                unfinished.replace(file)
            flush_path(file.parent)
            flush_path(self._objects)
        return name

    def read(self, name: str) -> pa.Table:
        """The rows of this hash; raises `LostObjectError`."""
        try:
            content = self._file(name).read_bytes()
        except OSError as error:
            raise LostObjectError(name, error.strerror or str(error)) from error
        if hashlib.sha256(content).hexdigest() != name:
            raise LostObjectError(name, "the file is damaged")
        return pa.ipc.open_file(pa.py_buffer(content)).read_all()

    def sweep(self, needed: Collection[str], *, older_than_s: float = YOUNG_S) -> int:
        """Delete what neither the index nor `needed` names; how many objects those were."""
        named = self._named() | set(needed)
        old = time.time() - older_than_s  # of files, which know no other clock
        swept = 0
        for file in self._objects.glob("*/*"):
            with suppress(FileNotFoundError):  # others write and sweep at the same time
                if file.stem not in named and file.stat().st_mtime < old:
                    file.unlink()
                    swept += 1
        return swept

    def sweep_daily(self, needed: Callable[[], Collection[str]]) -> None:
        """Sweep if nobody has for a day; `needed` is only asked then."""
        stamp = self._objects.with_name("swept")
        with suppress(FileNotFoundError):
            if time.time() - stamp.stat().st_mtime < SWEEP_EVERY_S:
                return
        self.sweep(needed())
        stamp.touch()

    def forget(self) -> None:
        """Work everything out anew from now on; what is frozen stays."""
        self._refresh(self._named())
        with self._told(), self._db.conn:
            self._db.execute("DELETE FROM unit")
            self._db.execute("DELETE FROM query")

    def close(self) -> None:
        """Let go of the index."""
        self._db.close()

    def _file(self, name: str) -> Path:
        return self._objects / name[:2] / f"{name}.arrow"

    def _named(self) -> set[str]:
        with self._told():
            return {row[0] for row in self._db.execute("SELECT object FROM unit")}

    def _refresh(self, names: Iterable[str]) -> bool:
        """Make objects young: another process may just judge by them. Whether all are there."""
        there = True
        for name in names:
            try:
                os.utime(self._file(name))
            except FileNotFoundError:
                there = False
        return there

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise KeepIndexError(self._index, str(error)) from error


@contextmanager
def _beside(file: Path) -> Iterator[Path]:
    file.parent.mkdir(exist_ok=True)
    unfinished = file.with_suffix(f".{os.getpid()}.{time.monotonic_ns()}")
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)
