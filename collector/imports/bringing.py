"""A foreign file into the store: wholly, or not at all and with the reason for each line."""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from collector.imports import sheet
from collector.imports.errors import ImportsError
from collector.imports.kinds import Kind, kinds
from collector.imports.line import Line, Row, Rules
from collector.imports.local import local_day
from collector.imports.mapping import Mapping
from collector.imports.place import Boundaries, Place
from collector.imports.store import MAX_BAD_TEXT, BadLine, Draft, ImportStore, State, Stored
from collector.imports.values import Unusable

_TOLD_EVERY = 2000

Progress = Callable[[int, int], None]
"""Gets how many lines were read, and of how many."""


class Brought(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one file."""

    file: str
    kind: str
    sha256: str
    import_id: int | None
    """None for a dry run."""
    state: str
    """`taken`, `refused`, or `here` for a file that was taken before."""
    lines: int
    rows: int
    """Stored, or in a dry run to be stored."""
    new: int
    """Of them, those that say something that was not known."""
    repeated: int
    """The others: the same sample stands in another file, or in another line of this one."""
    replaced: int
    """Of figures and reports: those that a new version takes the place of."""
    refused: int
    first_utc: datetime | None = None
    last_utc: datetime | None = None
    outside: int = 0
    """Samples with a position outside of every area: are latitude and longitude interchanged?"""
    elsewhere: int = 0
    """Samples whose position lies in another commune than their line says; the position decides."""
    bad_lines: tuple[BadLine, ...] = ()


def bring(
    file: Path,
    mapping: Mapping,
    *,
    place: Place,
    store: ImportStore | None,
    now: datetime,
    accept_partial: bool = False,
    dry_run: bool = False,
    on_progress: Progress = lambda *_: None,
) -> Brought:
    """Read a file and store it; a dry run only says what would become of it, and needs no store.

    With one bad line nothing is taken, unless `accept_partial`. The same file by the same mapping
    again is harmless. Raises `SheetError`, `StoreError`, or `ImportsError` for a file that was
    taken by another mapping.
    """
    kind = kinds()[mapping.kind]
    table = sheet.read(file, mapping)
    known = _known(store, table.sha256, mapping)
    if known is not None:
        return known
    read = _understood(table, kind, Rules.of(mapping, place, now), on_progress)
    sifted = _sifted(read, kind, store)
    located = _located(sifted.rows, place.boundaries)
    taken = bool(located.rows) and (accept_partial or not sifted.bad)
    state = State.TAKEN if taken else State.REFUSED
    number = None
    if store is not None and not dry_run:
        stored = [_stored(*one) for one in located.rows] if taken else []
        draft = _draft(file, table, mapping)
        number = store.add(draft, stored, sifted.bad, state=state, now=now).id
    moments = [row.utc for _, row in sifted.rows]
    return Brought(
        file=file.name,
        kind=kind.name,
        sha256=table.sha256,
        import_id=number,
        state=state.value,
        lines=len(table.lines),
        rows=len(sifted.rows) if taken else 0,
        new=sifted.new if taken else 0,
        repeated=sifted.repeated if taken else 0,
        replaced=sifted.replaced if taken else 0,
        refused=len(sifted.bad),
        first_utc=min(moments, default=None),
        last_utc=max(moments, default=None),
        outside=located.outside,
        elsewhere=located.elsewhere,
        bad_lines=tuple(sifted.bad),
    )


class _Understood(NamedTuple):
    """Lines with what they say, and those that say nothing usable."""

    good: list[tuple[sheet.Raw, Row]]
    bad: list[BadLine]


def _understood(table: sheet.Table, kind: Kind, rules: Rules, on_progress: Progress) -> _Understood:
    found = _Understood([], [])
    total = len(table.lines)
    for count, raw in enumerate(table.lines):
        if not count % _TOLD_EVERY:
            on_progress(count, total)
        if raw.problem is not None:
            found.bad.append(_bad(raw, raw.problem))
            continue
        try:
            found.good.append((raw, kind.row(Line(raw.fields, rules))))
        except Unusable as error:
            found.bad.append(_bad(raw, str(error)))
    on_progress(total, total)
    return found


def _bad(raw: sheet.Raw, reason: str) -> BadLine:
    return BadLine(line=raw.number, reason=reason, text=raw.text[:MAX_BAD_TEXT])


def _known(store: ImportStore | None, sha256: str, mapping: Mapping) -> Brought | None:
    """What is said of a file that was taken already."""
    for one in store.imports() if store is not None else ():
        if one.sha256 != sha256 or one.state is not State.TAKEN or one.kind != mapping.kind:
            continue
        if one.mapping_sha256 != mapping.sha256:
            raise ImportsError(
                f"{one.file}: is here as import {one.id}, by another mapping ({one.mapping}):"
                f" `dosong-collector imports withdraw {one.id}` first"
            )
        return Brought(
            file=one.file,
            kind=one.kind,
            sha256=sha256,
            import_id=one.id,
            state="here",
            lines=one.lines,
            rows=one.rows,
            new=0,
            repeated=one.rows,
            replaced=0,
            refused=one.refused,
        )
    return None


class _Sifted(NamedTuple):
    """Lines that agree with each other and with what is stored."""

    rows: list[tuple[int, Row]]
    bad: list[BadLine]
    new: int
    repeated: int
    replaced: int


def _sifted(read: _Understood, kind: Kind, store: ImportStore | None) -> _Sifted:
    stored = {}
    if store is not None:
        stored = store.contents(kind.name, {row.identity for _, row in read.good})
    seen: dict[str, tuple[int, str]] = {}
    kept: list[tuple[int, Row]] = []
    refused = list(read.bad)
    count: Counter[str] = Counter()
    for raw, row in read.good:
        before = seen.get(row.identity)
        what = _conflict(row, kind, before, stored.get(row.identity))
        if what is not None:
            refused.append(_bad(raw, what))
            continue
        if before is not None:
            count["repeated"] += 1
        elif row.identity in stored:
            count["replaced" if kind.versions else "repeated"] += 1
        else:
            count["new"] += 1
        seen.setdefault(row.identity, (raw.number, row.content))
        kept.append((raw.number, row))
    refused.sort(key=lambda one: one.line)
    return _Sifted(kept, refused, count["new"], count["repeated"], count["replaced"])


def _conflict(
    row: Row, kind: Kind, before: tuple[int, str] | None, stored: str | None
) -> str | None:
    if kind.versions:
        if before is not None:
            return f"line {before[0]} speaks of the same commune and month already"
        return None
    if before is not None and before[1] != row.content:
        return f"line {before[0]} has the same number and says something else"
    if stored is not None and stored != row.content:
        return "a sample of this number was imported before and says something else"
    return None


class _Located(NamedTuple):
    rows: list[tuple[int, Row]]
    outside: int
    elsewhere: int


def _located(rows: Sequence[tuple[int, Row]], boundaries: Boundaries) -> _Located:
    """Rows with a position get the commune that it lies in, by the boundaries of their day."""
    index = [i for i, (_, row) in enumerate(rows) if row.values.get("lat_deg") is not None]
    if not index:
        return _Located(list(rows), 0, 0)
    points = [rows[i][1] for i in index]
    found = boundaries.find(
        np.array([row.values["lat_deg"] for row in points]),
        np.array([row.values["lon_deg"] for row in points]),
        np.array([local_day(row.utc) for row in points], dtype="datetime64[D]"),
    )
    located = list(rows)
    outside = elsewhere = 0
    for i, area in zip(index, found.tolist(), strict=True):
        line, row = rows[i]
        said = row.values["commune"]
        if area < 0:
            outside += 1
            continue
        there = boundaries.areas[area]
        same_set = row.values["boundary_set"] == there.boundary_set
        elsewhere += bool(said is not None and same_set and said != there.code)
        if said is None:
            values = row.values | {"commune": there.code, "boundary_set": there.boundary_set}
            located[i] = (line, row._replace(values=values))
    return _Located(located, outside, elsewhere)


def _stored(line: int, row: Row) -> Stored:
    return Stored(line, _us(row.utc), row.identity, row.content, row.values)


def _draft(file: Path, table: sheet.Table, mapping: Mapping) -> Draft:
    return Draft(
        kind=mapping.kind,
        series=mapping.series,
        source=mapping.source,
        file=file.name,
        sha256=table.sha256,
        bytes=table.bytes,
        mapping=mapping.name,
        mapping_sha256=mapping.sha256,
        mapping_text=mapping.text,
        lines=len(table.lines),
    )


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _us(utc: datetime) -> int:
    since = utc - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
