"""The book of verdicts: what was said, on which evidence, and who signed it.

One SQLite file. A verdict never changes: another answer is another verdict under another id. Of a
case - one target, period and boundary set - the book knows the newest answer; of a signed month
it knows what was signed and every amendment since, each bound to the one before by its hash.
"""

import hashlib
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from sqlite_utils import Database

from collector.extracts import Frozen
from collector.geo.layer import Dated, Kind, Layer
from collector.geo.library import Library
from collector.kpi import Operator, Period

BUSY_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS basis (
    id TEXT PRIMARY KEY, content TEXT NOT NULL, made_utc TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS verdict (
    id TEXT PRIMARY KEY, basis TEXT NOT NULL REFERENCES basis (id), content TEXT NOT NULL,
    made_utc TEXT NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS answer (
    target TEXT, period TEXT, boundary_set TEXT, inputs TEXT NOT NULL, ids TEXT NOT NULL,
    judged_utc TEXT NOT NULL,
    PRIMARY KEY (target, period, boundary_set)
) STRICT;
CREATE TABLE IF NOT EXISTS signature (
    period TEXT, number INTEGER, signed_by TEXT NOT NULL, signed_utc TEXT NOT NULL,
    reason TEXT, ids TEXT NOT NULL, previous TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (period, number)
) STRICT;
"""


class VerdictBookError(Exception):
    """The book cannot be read or written, or has no such page."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What is judged at once."""

    target: str
    period: Period
    boundary_set: str | None


class KeptLayer(Dated, frozen=True, kw_only=True):
    """A layer whose content lies in the library of layers."""

    kind: Kind
    name: str
    version: str | None
    sha256: str

    @classmethod
    def of(cls, layer: Layer) -> "KeptLayer":
        """What names it for ever."""
        return cls(
            kind=layer.kind,
            name=layer.name,
            version=layer.version,
            sha256=layer.sha256,
            valid_from=layer.valid_from,
            valid_to=layer.valid_to,
        )

    def found_in(self, library: Library) -> Layer:
        """The layer itself; raises `LibraryError` where its content is not as it was kept."""
        library.content(self.sha256)
        return Layer(file=library.file(self.sha256), **msgspec.structs.asdict(self))


class Basis(msgspec.Struct, frozen=True, kw_only=True):
    """All that the verdicts of a case rest on: with it they can be computed again."""

    case: Case
    target_file: str
    target_text: str
    """The file of the target, with its threshold and parameters."""
    layers: tuple[KeptLayer, ...]
    operators: tuple[Operator, ...]
    ground_day: datetime
    """Boundaries, roads and points are those of this moment."""
    frozen: tuple[Frozen, ...]
    software: str


class Signature(msgspec.Struct, frozen=True, kw_only=True):
    """A person's word on a period; number 0 is the first, others amend it."""

    period: str
    number: int
    signed_by: str
    signed_utc: datetime
    reason: str | None
    ids: tuple[str, ...]
    """Of the verdicts that stand from now on."""
    previous: str
    """Digest of the signature before; empty for the first."""
    digest: str = ""

    @property
    def seal(self) -> str:
        """What `digest` must be: it changes with anything said here or in any signature before."""
        plain = msgspec.structs.replace(self, digest="")
        return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()


class VerdictBook:
    """The book in one file. Any number of processes may use it."""

    def __init__(self, file: Path) -> None:
        """Open it, made anew where it is not there; raises `VerdictBookError`."""
        self._file = file
        with self._told():
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = Database(file)
            self._db.execute(f"PRAGMA busy_timeout = {round(BUSY_S * 1000)}")
            self._db.enable_wal()
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.executescript(_SCHEMA)

    def answer(self, case: Case, inputs: str) -> tuple[bytes, ...] | None:
        """Verdicts of a case as JSON, if they were made of these inputs; else None."""
        with self._told():
            row = self._db.execute(
                "SELECT inputs, ids FROM answer"
                " WHERE target = ? AND period = ? AND boundary_set = ?",
                _key(case),
            ).fetchone()
        if row is None or row[0] != inputs:
            return None
        return self.verdicts(msgspec.json.decode(row[1], type=tuple[str, ...]))

    def write(
        self,
        basis: Basis,
        verdicts: Sequence[tuple[str, bytes]],
        *,
        inputs: str,
        now: datetime,
    ) -> int:
        """Keep the newest answer to a case, verdicts as id and JSON; how many of them are new."""
        content = msgspec.json.encode(basis, order="sorted")
        basis_id = hashlib.sha256(content).hexdigest()
        ids = msgspec.json.encode([one for one, _ in verdicts]).decode()
        at = now.isoformat()
        with self._told(), self._db.conn:
            self._db.execute(
                "INSERT OR IGNORE INTO basis VALUES (?, ?, ?)", (basis_id, content.decode(), at)
            )
            before = self._db.conn.total_changes
            self._db.conn.executemany(
                "INSERT OR IGNORE INTO verdict VALUES (?, ?, ?, ?)",
                [(one, basis_id, text.decode(), at) for one, text in verdicts],
            )
            new = self._db.conn.total_changes - before
            self._db.execute(
                "INSERT OR REPLACE INTO answer VALUES (?, ?, ?, ?, ?, ?)",
                (*_key(basis.case), inputs, ids, at),
            )
        return new

    def verdicts(self, ids: Iterable[str]) -> tuple[bytes, ...]:
        """Verdicts as JSON, in the order of their ids given; raises `VerdictBookError`."""
        return tuple(self.verdict(one)[0] for one in ids)

    def verdict(self, id_: str) -> tuple[bytes, Basis]:
        """One verdict as JSON and what it rests on, by its id or the beginning of it.

        Raises `VerdictBookError` where none or several are called so.
        """
        with self._told():
            rows = self._db.execute(
                "SELECT verdict.content, basis.content FROM verdict JOIN basis"
                " ON basis.id = verdict.basis WHERE verdict.id >= ? AND verdict.id < ? LIMIT 2",
                (id_, f"{id_}g"),
            ).fetchall()
        if len(rows) != 1 or not id_:
            many = "several verdicts begin with" if rows else "there is no verdict"
            raise VerdictBookError(f"{many} {id_!r}; `verdicts --json` lists their ids")
        content, basis = rows[0]
        return content.encode(), msgspec.json.decode(basis, type=Basis)

    def signatures(self, period: str) -> tuple[Signature, ...]:
        """Of one period, the first to the newest; raises `VerdictBookError` for a broken chain."""
        with self._told():
            rows = self._db.execute(
                "SELECT * FROM signature WHERE period = ? ORDER BY number", (period,)
            ).fetchall()
        names = [field.name for field in msgspec.structs.fields(Signature)]
        found = [
            msgspec.convert(
                dict(zip(names, row, strict=True)) | {"ids": msgspec.json.decode(row[5])}, Signature
            )
            for row in rows
        ]
        previous = ""
        for one in found:
            if one.previous != previous or one.digest != one.seal:
                raise VerdictBookError(
                    f"signature {one.number} of {period} is not what was signed;"
                    f" restore {self._file.name} from a backup"
                )
            previous = one.digest
        return tuple(found)

    def sign(
        self, period: str, *, by: str, ids: Sequence[str], reason: str | None, now: datetime
    ) -> Signature:
        """Sign a period, or amend it for a `reason`; raises `VerdictBookError`."""
        before = self.signatures(period)
        if before and reason is None:
            last = before[-1]
            raise VerdictBookError(
                f"{period} was signed by {last.signed_by} on {last.signed_utc:%Y-%m-%d};"
                " an amendment needs its reason"
            )
        draft = Signature(
            period=period,
            number=len(before),
            signed_by=by,
            signed_utc=now,
            reason=reason if before else None,
            ids=tuple(ids),
            previous=before[-1].digest if before else "",
        )
        signed = msgspec.structs.replace(draft, digest=draft.seal)
        values = msgspec.to_builtins(signed) | {"ids": msgspec.json.encode(signed.ids).decode()}
        with self._told(), self._db.conn:
            # Of two who sign at once the second finds the number taken.
            self._db.execute(
                "INSERT INTO signature VALUES (?, ?, ?, ?, ?, ?, ?, ?)", tuple(values.values())
            )
        return signed

    def forget_answers(self) -> None:
        """Have every case judged anew; no verdict and no signature is lost."""
        with self._told(), self._db.conn:
            self._db.execute("DELETE FROM answer")

    def objects(self) -> set[str]:
        """Hashes of all extracted rows that a verdict rests on."""
        with self._told():
            rows = self._db.execute("SELECT content FROM basis").fetchall()
        bases = (msgspec.json.decode(row[0], type=Basis) for row in rows)
        return {name for basis in bases for one in basis.frozen for name in one.objects}

    def close(self) -> None:
        """Let go of the file."""
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

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise VerdictBookError(f"{self._file}: {error}") from error


def _key(case: Case) -> tuple[str, str, str]:
    return case.target, case.period.label, case.boundary_set or ""
