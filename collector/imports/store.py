"""The imports' file: what came from which file, by which mapping, and what was refused.

One SQLite file, WAL and synchronous=FULL. Rows are never changed: a file is withdrawn as a whole,
and which of two rows that say the same thing counts is decided when they are read.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import msgspec
from sqlite_utils import Database

from collector.imports import schema
from collector.imports.errors import StoreError
from collector.imports.kinds import Kind
from collector.store.file_lock import FileLock

MAX_BAD_LINES = 10_000
"""Kept of one file; all of them are counted."""
MAX_BAD_TEXT = 1000
"""Characters kept of a line that cannot be used."""
_BUSY_S = 30.0
_AT_ONCE = 500
"""Names in one query."""


class State(StrEnum):
    """What became of a file."""

    TAKEN = "taken"
    REFUSED = "refused"
    """Nothing of it was taken: some lines cannot be used, and nobody said to do without them."""
    WITHDRAWN = "withdrawn"


class BadLine(msgspec.Struct, frozen=True, kw_only=True):
    """A line that cannot be used, and why."""

    line: int
    reason: str
    text: str


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One file as it was brought."""

    id: int
    kind: str
    series: str
    source: str
    file: str
    """Its name."""
    sha256: str
    bytes: int
    mapping: str
    """Name of the mapping's file."""
    mapping_sha256: str
    imported_utc: str
    state: State
    lines: int
    """With something in them, the headings not counted."""
    rows: int
    """Stored of them."""
    refused: int
    withdrawn_utc: str | None = None
    withdrawn_why: str | None = None


class Draft(NamedTuple):
    """A file that is about to be stored; see `Import`."""

    kind: str
    series: str
    source: str
    file: str
    sha256: str
    bytes: int
    mapping: str
    mapping_sha256: str
    mapping_text: str
    lines: int


class Stored(NamedTuple):
    """One row with what all kinds have."""

    line: int
    utc_us: int
    identity: str
    content: str
    values: Mapping[str, Any]


class DrawnCell(msgspec.Struct, frozen=True, kw_only=True):
    """One square of a random sample."""

    number: int
    district: str | None
    lat_deg: float
    lon_deg: float
    side_m: float
    population: float
    hits: int
    """How often it was drawn: each counts."""


class Draw(msgspec.Struct, frozen=True, kw_only=True):
    """One random sample of what an operator declares."""

    id: int = 0
    """Given when it is stored."""
    operator: str
    technology: str
    period: str
    """It counts for, e.g. `2026-Q4`."""
    utc_us: int
    """The period's first instant, in microseconds since 1970."""
    drawn_utc: str
    seed: int
    cells: int
    """Draws, of which several may have met the same square."""
    ground_sha256: str
    """Of the declared map and the population it was drawn from."""


class ImportStore:
    """The imports' file. One thread at a time owns it. Every method raises `StoreError`."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        """Open the file, made where it is not there unless it is only read."""
        self._lock = FileLock(path.with_name(path.name + ".lock"))
        self._read_only = read_only
        with _told_as_ours():
            if read_only:
                self._db = _reading(path)
                if schema.version(self._db) < schema.VERSION:
                    self._db.close()
                    ImportStore(path).close()
                    self._db = _reading(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._db = Database(sqlite3.connect(path, timeout=_BUSY_S))
                with self._lock.held(_BUSY_S):
                    self._db.enable_wal()
                    self._db.execute("PRAGMA synchronous = FULL")
                    schema.bring_up_to_date(self._db)
        if schema.version(self._db) > schema.VERSION:
            self._db.close()
            raise StoreError(f"{path}: made by a newer collector; this one cannot use it")

    def imports(self) -> list[Import]:
        """Every file, the first one first."""
        with _told_as_ours():
            return [_import(row) for row in self._db.table("import").rows_where(order_by="id")]

    def get(self, number: int) -> Import:
        """One file."""
        found = next((one for one in self.imports() if one.id == number), None)
        if found is None:
            raise StoreError(f"there is no import {number}; see `dosong-collector imports list`")
        return found

    def bad_lines(self, number: int) -> list[BadLine]:
        """What could not be used of a file, up to `MAX_BAD_LINES`."""
        with _told_as_ours():
            rows = self._db.table("bad_line").rows_where("import_id = ?", [number], order_by="line")
            return [BadLine(**{key: row[key] for key in BadLine.__struct_fields__}) for row in rows]

    def mapping_text(self, number: int) -> str:
        """The mapping that a file was brought by, as it was."""
        with _told_as_ours():
            return str(self._db.table("import").get(number)["mapping_text"])

    def contents(self, kind: str, identities: Iterable[str]) -> dict[str, str]:
        """Of those identities that are stored and count: the content."""
        found: dict[str, str] = {}
        with _told_as_ours():
            wanted = list(identities)
            for first in range(0, len(wanted), _AT_ONCE):
                some = wanted[first : first + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = self._db.execute(
                    f"SELECT r.identity, r.content FROM [{kind}] r JOIN import i"  # noqa: S608
                    f" ON i.id = r.import_id WHERE i.state = 'taken' AND r.identity IN ({marks})",
                    some,
                )
                found.update(rows)
        return found

    def add(
        self,
        draft: Draft,
        rows: Sequence[Stored],
        bad: Sequence[BadLine],
        *,
        state: State,
        now: datetime,
    ) -> Import:
        """Store a file with its rows, or what was wrong with it; wholly or not at all.

        What was refused of the same file before is forgotten.
        """
        with self._writing():
            self._forget_refused(draft)
            number = self._insert(
                "import",
                {
                    **draft._asdict(),
                    "imported_utc": now.isoformat(),
                    "state": state.value,
                    "rows": len(rows),
                    "refused": len(bad),
                },
            )
            self._db.table("bad_line").insert_all(
                {
                    "import_id": number,
                    "line": one.line,
                    "reason": one.reason,
                    "text": one.text[:MAX_BAD_TEXT],
                }
                for one in bad[:MAX_BAD_LINES]
            )
            self._db.table(draft.kind).insert_all(
                {
                    "import_id": number,
                    "line": one.line,
                    "utc_us": one.utc_us,
                    "identity": one.identity,
                    "content": one.content,
                    **one.values,
                }
                for one in rows
            )
        return self.get(number)

    def withdraw(self, number: int, *, why: str, now: datetime) -> Import:
        """Have no row of a file count from now on; it stays on record."""
        found = self.get(number)
        if found.state is not State.TAKEN:
            raise StoreError(
                f"import {number} is {found.state.value}: there is nothing to withdraw"
            )
        with self._writing():
            self._db.table("import").update(
                number,
                {
                    "state": State.WITHDRAWN.value,
                    "withdrawn_utc": now.isoformat(),
                    "withdrawn_why": why,
                },
            )
        return self.get(number)

    def counting(self, kind: Kind) -> list[tuple[Any, ...]]:
        """Import, hash of its file, when it came, line, time and `kind.columns` of each row.

        Of rows that say the same thing only one: the newest version, or the first sample.
        """
        order = "DESC" if kind.versions else "ASC"
        columns = ", ".join(f"r.{name}" for name in kind.columns.names)
        query = (
            f"SELECT r.identity, r.import_id, i.sha256, i.imported_utc, r.line, r.utc_us, {columns}"  # noqa: S608
            f" FROM [{kind.name}] r JOIN import i ON i.id = r.import_id WHERE i.state = 'taken'"
            f" ORDER BY r.import_id {order}, r.line"
        )
        seen: set[str] = set()
        found = []
        with _told_as_ours():
            for identity, *row in self._db.execute(query):
                if identity not in seen:
                    seen.add(identity)
                    found.append(tuple(row))
        return found

    def state(self) -> str:
        """Changes with whatever changes which rows count."""
        with _told_as_ours():
            imports = self._db.execute("SELECT id, state FROM import ORDER BY id").fetchall()
            draws = self._db.execute("SELECT max(id) FROM draw").fetchone()
        return f"{imports} {draws}"

    def add_draw(self, draw: Draw, cells: Sequence[DrawnCell]) -> Draw:
        """Store a random sample, before anybody drives there."""
        told = msgspec.structs.asdict(draw)
        del told["id"]
        with self._writing():
            number = self._insert("draw", told)
            self._db.table("drawn_cell").insert_all(
                {"draw_id": number, **msgspec.structs.asdict(cell)} for cell in cells
            )
        return msgspec.structs.replace(draw, id=number)

    def draws(self) -> list[Draw]:
        """Every random sample, the first one first."""
        with _told_as_ours():
            return [Draw(**row) for row in self._db.table("draw").rows_where(order_by="id")]

    def drawn(self, number: int) -> list[DrawnCell]:
        """The squares of one random sample."""
        with _told_as_ours():
            rows = list(
                self._db.table("drawn_cell").rows_where("draw_id = ?", [number], order_by="number")
            )
        return [DrawnCell(**{key: row[key] for key in DrawnCell.__struct_fields__}) for row in rows]

    def close(self) -> None:
        """Let go of the file."""
        with nullcontext() if self._read_only else self._lock.held(_BUSY_S):
            self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _forget_refused(self, draft: Draft) -> None:
        known = [
            row[0]
            for row in self._db.execute(
                "SELECT id FROM import WHERE sha256 = ? AND kind = ? AND state = 'refused'",
                (draft.sha256, draft.kind),
            )
        ]
        for number in known:
            self._db.table("bad_line").delete_where("import_id = ?", [number])
            self._db.table("import").delete(number)

    def _insert(self, table: str, row: Mapping[str, Any]) -> int:
        return int(str(self._db.table(table).insert(dict(row)).last_pk))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, on the disk at the end. No two processes write at the same instant."""
        with _told_as_ours(), self._lock.held(_BUSY_S), self._db.atomic():
            yield


def _import(row: Mapping[str, Any]) -> Import:
    known = {name: row[name] for name in Import.__struct_fields__}
    return Import(**(known | {"state": State(row["state"])}))


def _reading(path: Path) -> Database:
    return Database(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True))


@contextmanager
def _told_as_ours() -> Iterator[None]:
    """Whatever SQLite or the disk says as a `StoreError`."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"the database of imports: {error}") from error
