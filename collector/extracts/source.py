"""Sources of rows: the lake as it is, and what a verdict was frozen with."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, NamedTuple

import ibis
import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector.extracts.keep import Keep, Unit
from collector.kpi import KEY, Extract, Period
from collector.store import columns
from collector.store.engine import Tables, clock_anchors

NO_PART = ""
"""Beside the parts of a table each extract keeps one of no rows: its columns and their types."""
FORMAT = 3
"""Counts up when rows extracted before would no longer be what they are now."""
PARTS_AT_ONCE = 31
"""Days that one query extracts: what it finds has to fit into memory."""

Progress = Callable[[str, int, int], None]
"""Gets an extract's name, how many of its parts are done, and of how many."""


class Taken(NamedTuple):
    """Rows, and what names them for ever."""

    rows: pa.Table
    objects: tuple[str, ...]
    """Hashes of the parts they are from; empty where nothing is kept."""
    query: str
    """What was asked, as SQL of DuckDB."""


class Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """One extract that a verdict rests on."""

    name: str
    kind: str
    objects: tuple[str, ...]
    query: str


class LakeSource:
    """Rows of the lake. Belongs to one thread."""

    def __init__(
        self,
        tables: Tables,
        keep: Keep | None = None,
        *,
        imported: Callable[[str], pa.Table] | None = None,
        on_progress: Progress = lambda *_: None,
    ) -> None:
        """Read these tables. With `keep` a part is extracted again only when it has changed.

        `imported` gives all rows of a kind that was imported.
        """
        self._tables = tables
        self._keep = keep
        self._imported = imported
        self._on_progress = on_progress
        self._anchored: dict[_Boot, _Anchor] | None = None
        self._inputs: dict[str, Mapping[str, str]] = {}

    def rows(self, extract: Extract, period: Period) -> pa.Table:
        """See `collector.kpi.Source`."""
        return self.take(extract, period).rows

    def imported(self, kind: str, period: Period) -> pa.Table:
        """See `collector.kpi.Source`."""
        return self.take_imported(kind, period).rows

    def take(self, extract: Extract, period: Period) -> Taken:
        """Extracted rows with what names them; raises `collector.store.lake.LakeError`."""
        if self._keep is None:
            query = _query(extract, self._tables[extract.kind])
            return Taken(self._fresh(extract, period), (), query)
        units = self._units(self._keep, extract)
        objects = _wanted(units, period) or (units[NO_PART].object,)
        found = [self._keep.read(name) for name in objects]
        query = self._keep.query(_name(extract), partial(self._query, extract))
        return Taken(ordered(within(pa.concat_tables(found), period)), objects, query)

    def objects(self, extract: Extract, period: Period) -> tuple[str, ...]:
        """What names the rows of a period, brought up to date: they change with any of them."""
        if self._keep is None:
            return ()
        return _wanted(self._units(self._keep, extract), period)

    def state(self, kind: str) -> tuple[str, ...]:
        """All files of a table: another state, another list."""
        return tuple(
            sorted(file for files in self._tables.partitions(kind).values() for file in files)
        )

    def take_imported(self, kind: str, period: Period) -> Taken:
        """Imported rows with what names them."""
        if self._imported is None:
            raise LookupError(f"nothing was imported here, and {kind} is asked for")
        rows = ordered(within(self._imported(kind), period))
        kept = () if self._keep is None else (self._keep.write(rows),)
        return Taken(rows, kept, f"-- imported: {kind}")

    def close(self) -> None:
        """Give back the engine and the folder."""
        self._tables.close()
        if self._keep is not None:
            self._keep.close()

    def _query(self, extract: Extract) -> str:
        return _query(extract, self._tables[extract.kind])

    def _fresh(self, extract: Extract, period: Period) -> pa.Table:
        table = self._tables[extract.kind]
        moment = ibis.coalesce(table.utc, table.received_utc)
        of_period = table.filter(
            moment >= ibis.literal(period.start_utc), moment < ibis.literal(period.end_utc)
        )
        return _extracted(self._tables, extract, of_period)

    def _finished(self, extract: Extract, parts: Sequence[str]) -> pa.Table:
        return _extracted(self._tables, extract, self._tables.only(extract.kind, parts))

    def _units(self, keep: Keep, extract: Extract) -> Mapping[str, Unit]:
        """All parts of the table and `NO_PART`, up to date."""
        kind = extract.kind
        if kind not in self._inputs:
            self._inputs[kind] = self._inputs_of(keep, kind)
        return self._renewed(keep, extract, self._inputs[kind])

    def _inputs_of(self, keep: Keep, kind: str) -> Mapping[str, str]:
        """What each part of a table is made of: its files, and the anchors of their boots."""
        boots = self._boots(keep, kind)
        anchored = self._anchors(keep)
        return {
            part: _sha256([*files, *(f"{boot}{anchored.get(boot)}" for boot in boots[part])])
            for part, files in self._tables.partitions(kind).items()
        }

    def _renewed(
        self, keep: Keep, extract: Extract, inputs: Mapping[str, str]
    ) -> Mapping[str, Unit]:
        name = _name(extract)
        inputs = {NO_PART: "", **inputs}
        units = {part: unit for part, unit in keep.units(name).items() if part in inputs}
        stale = [
            part
            for part in sorted(inputs)
            if part not in units or units[part].inputs != inputs[part]
        ]
        done, of = 0, len(set(stale) - {NO_PART})
        while some := list(islice(stale, done, done + PARTS_AT_ONCE)):
            rows = self._finished(extract, some)
            for part in some:
                of_part = rows.filter(pc.equal(rows["date"], part))
                units[part] = Unit(part, inputs[part], keep.write(of_part), *_span_us(of_part))
                keep.put(name, units[part])
            done += len(some)
            self._on_progress(extract.name, min(done, of), of)
        return units

    def _boots(self, keep: Keep, kind: str) -> Mapping[str, Sequence["_Boot"]]:
        """The boots that rows of each part are from: their anchors tell the time."""
        found = self._renewed_from_files(keep, _boots_of(kind))
        return {
            part: sorted(zip(rows["probe"].to_pylist(), rows["boot_id"].to_pylist(), strict=True))
            for part, rows in found
        }

    def _anchors(self, keep: Keep) -> Mapping["_Boot", "_Anchor"]:
        """The clock anchor that counts of each boot."""
        if self._anchored is None:
            last: dict[_Boot, _Anchor] = {}
            for _, rows in self._renewed_from_files(keep, _ANCHORS):
                names = ("probe", "boot_id", "mono_ns", "epoch", "seq")
                for probe, boot, *at in zip(*(rows[n].to_pylist() for n in names), strict=True):
                    anchor = _Anchor(*at)
                    last[probe, boot] = max(anchor, last.get((probe, boot), anchor))
            self._anchored = last
        return self._anchored

    def _renewed_from_files(self, keep: Keep, extract: Extract) -> Iterable[tuple[str, pa.Table]]:
        """An extract that no anchor changes."""
        files = self._tables.partitions(extract.kind)
        inputs = {part: _sha256(files[part]) for part in files}
        units = self._renewed(keep, extract, inputs)
        return ((part, keep.read(unit.object)) for part, unit in units.items())


class FrozenSource:
    """The rows that a verdict was frozen with, whatever the lake holds by now."""

    def __init__(self, keep: Keep, frozen: Iterable[Frozen]) -> None:
        """Give what `frozen` names."""
        self._keep = keep
        self._frozen: dict[str, Frozen] = {}
        for one in frozen:
            known = self._frozen.get(one.name, one)
            objects = tuple(dict.fromkeys((*known.objects, *one.objects)))
            self._frozen[one.name] = msgspec.structs.replace(one, objects=objects)

    def rows(self, extract: Extract, period: Period) -> pa.Table:
        """See `collector.kpi.Source`."""
        return self.take(extract, period).rows

    def imported(self, kind: str, period: Period) -> pa.Table:
        """See `collector.kpi.Source`."""
        return self.take_imported(kind, period).rows

    def take(self, extract: Extract, period: Period) -> Taken:
        """Raises `LostObjectError`."""
        return self._take(extract.name, period)

    def take_imported(self, kind: str, period: Period) -> Taken:
        """Raises `LostObjectError`."""
        return self._take(kind, period)

    def _take(self, name: str, period: Period) -> Taken:
        frozen = self._frozen[name]
        found = pa.concat_tables([self._keep.read(each) for each in frozen.objects])
        return Taken(ordered(within(found, period)), frozen.objects, frozen.query)


class Noting:
    """A source that remembers what was taken from it."""

    def __init__(self, source: Any) -> None:
        """Take from `source`, one of the two above."""
        self._source = source
        self.taken: list[Frozen] = []

    def rows(self, extract: Extract, period: Period) -> pa.Table:
        """See `collector.kpi.Source`."""
        return self._note(extract.name, extract.kind, self._source.take(extract, period))

    def imported(self, kind: str, period: Period) -> pa.Table:
        """See `collector.kpi.Source`."""
        return self._note(kind, kind, self._source.take_imported(kind, period))

    def _note(self, name: str, kind: str, taken: Taken) -> pa.Table:
        self.taken.append(Frozen(name=name, kind=kind, objects=taken.objects, query=taken.query))
        return taken.rows


def within(rows: pa.Table, period: Period) -> pa.Table:
    """Rows whose time, or where it is unknown whose receipt, lies in the period."""
    moment = pc.coalesce(rows["utc"], rows["received_utc"])
    start, end = (pa.scalar(at, columns.TIMESTAMP) for at in (period.start_utc, period.end_utc))
    return rows.filter(pc.and_(pc.greater_equal(moment, start), pc.less(moment, end)))


def ordered(rows: pa.Table) -> pa.Table:
    """In the order of their keys, in one piece: the same rows are then the same bytes."""
    keys = [(name, "ascending") for name in KEY if name in rows.column_names]
    return rows.sort_by(keys).combine_chunks() if keys else rows.combine_chunks()


def _extracted(tables: Tables, extract: Extract, table: Any) -> pa.Table:
    rows = ordered(tables.read(extract.build(table)))
    return rows if extract.finish is None else ordered(extract.finish(rows))


def _name(extract: Extract) -> str:
    said = {
        "name": extract.name,
        "kind": extract.kind,
        "settings": extract.settings,
        "format": FORMAT,
    }
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()


def _query(extract: Extract, table: Any) -> str:
    unbound = ibis.table(table.schema(), name=extract.kind)
    return str(ibis.to_sql(extract.build(unbound), dialect="duckdb"))


_Boot = tuple[str, str]
"""Probe and `boot_id`."""


class _Anchor(NamedTuple):
    """What names an anchor, in the order in which a later one takes the place of the others."""

    mono_ns: int
    epoch: str
    seq: int


def _boots_of(kind: str) -> Extract:
    return Extract("boots", kind, _distinct_boots, None)


def _distinct_boots(table: Any) -> Any:
    return table.group_by("date", "probe", "boot_id").aggregate(
        utc=table.utc.min(), received_utc=table.received_utc.min()
    )


def _clock_anchors(table: Any) -> Any:
    # One that is dated by another is not the last of its boot.
    return clock_anchors(table.filter(table.utc_source == "record")).select(
        *KEY, "date", "utc", "received_utc", "boot_id", "mono_ns"
    )


_ANCHORS = Extract("anchors", "event", _clock_anchors, None)


def _wanted(units: Mapping[str, Unit], period: Period) -> tuple[str, ...]:
    """The objects of the parts that have rows of a period, in the order of the parts."""
    return tuple(units[part].object for part in sorted(units) if _touches(units[part], period))


def _touches(unit: Unit, period: Period) -> bool:
    if unit.first_us is None or unit.last_us is None:
        return False
    return unit.first_us < _us(period.end_utc) and unit.last_us >= _us(period.start_utc)


def _span_us(rows: pa.Table) -> tuple[int | None, int | None]:
    bounds = pc.min_max(pc.coalesce(rows["utc"], rows["received_utc"]).cast(pa.int64()))
    return bounds["min"].as_py(), bounds["max"].as_py()


def _us(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000)


def _sha256(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
