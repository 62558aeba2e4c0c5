"""The lake's tables, the same on every engine, with the time worked out.

`utc` is worked out here: the record's own, or, where the probe did not know it yet or was wrong by
more than it said, from the last clock anchor of the same boot. A time that nobody told - by a
`clock_state` that is `unsynced`, absent or `restored`, or wrong by up to more than a day - is none,
and dates nothing. `utc_source` says which: `record`,
`anchor`, or null for unknown (docs/decisions/immutable-records.md).
"""

import importlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlsplit

import ibis
import pyarrow as pa
from ibis.expr import operations as ops

from collector.store import columns, lake
from collector.store.engine.arrow import canonical
from collector.store.engine.errors import EngineError
from wire.kinds import kinds
from wire.messages import ClockState


class Tables:
    """The tables of the lake as they were at the last `refresh`, one attribute per kind.

    One thread owns it; make one per thread. Readers never disturb the writer.
    """

    def __init__(self, engine: "Engine", folder: Path) -> None:
        """See `connect`."""
        self._engine = engine
        self._folder = folder
        self._snapshots: dict[str, lake.Snapshot] = {}
        self._tables: dict[str, Any] = {}
        self._parts: dict[tuple[str, frozenset[str]], str] = {}
        self.refresh()

    def __getattr__(self, kind: str) -> Any:
        """The table of a kind, e.g. `tables.radio`."""
        try:
            return self._tables[kind]
        except KeyError:
            raise AttributeError(f"no kind of record is called {kind!r}") from None

    def __getitem__(self, kind: str) -> Any:
        """The table of a kind by its name; KeyError for an unknown one."""
        return self._tables[kind]

    def refresh(self) -> bool:
        """See what was stored since; whether there was anything. Raises `lake.LakeError`.

        Expressions built before keep working and then speak of the new state; those of `only`
        have to be built anew.
        """
        changed = False
        for kind in kinds():
            snapshot = lake.snapshot(self._folder, kind)
            if kind not in self._snapshots or self._snapshots[kind].version != snapshot.version:
                self._engine.show(_stored(kind), snapshot.schema, snapshot.files)
                self._snapshots[kind] = snapshot
                changed = True
        if changed:
            for name in self._parts.values():
                self._engine.forget(name)
            self._parts = {}
            self._tables = {kind: self._whole(kind) for kind in kinds()}
        return changed

    def read(self, expression: Any) -> pa.Table:
        """The rows of an expression over these tables, cell by cell the same on every engine.

        Text is `string`, instants are microseconds UTC, null stays null and NaN stays NaN. Without
        an `order_by` of its own the rows come in any order. Raises `EngineError`.
        """
        table = expression.as_table()
        return canonical(self._engine.read(table), table.schema())

    def partitions(self, kind: str) -> Mapping[str, tuple[str, ...]]:
        """The `date`s that a kind has rows of, each with the names of its files, in order.

        A file never changes and its name never comes again, so a date whose names are the same
        has the same rows. KeyError for an unknown kind.
        """
        found = self._snapshots[kind].partitions
        return {date: tuple(sorted(map(_name, files))) for date, files in sorted(found.items())}

    def only(self, kind: str, dates: Iterable[str]) -> Any:
        """The table of a kind with the rows of these `date`s alone: no other file is looked at.

        Dates without rows have none. The table is good until a `refresh` that finds something;
        KeyError for an unknown kind.
        """
        snapshot = self._snapshots[kind]
        partitions = snapshot.partitions
        wanted = frozenset(partitions.keys() & set(dates))
        name = self._parts.get((kind, wanted))
        if name is None:
            name = f"part_{len(self._parts)}_{kind}"
            files = [file for date in sorted(wanted) for file in partitions[date]]
            self._engine.show(name, snapshot.schema, files)
            self._parts[kind, wanted] = name
        return self._with_time(self._table(name, kind))

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of each table that is seen: what a verdict names as its data."""
        return {kind: snapshot.version for kind, snapshot in self._snapshots.items()}

    @property
    def connection(self) -> Any:
        """The ibis connection, for tables of one's own beside the lake's."""
        return self._engine.connection

    def close(self) -> None:
        """Give back the engine."""
        self._engine.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _whole(self, kind: str) -> Any:
        return self._with_time(self._table(_stored(kind), kind))

    def _table(self, name: str, kind: str) -> Any:
        """A view of the engine, whose columns we know better than to ask for them."""
        schema = ibis.schema(self._snapshots[kind].schema)
        return ops.DatabaseTable(name=name, schema=schema, source=self.connection).to_expr()

    def _with_time(self, table: Any) -> Any:
        anchors = _anchors(self._table(_stored("event"), "event"))
        joined = table.left_join(anchors, ["probe", "boot_id"], rname="anchor_{name}")
        # One impossible number would otherwise end every query over the table.
        mono_ns = ibis.cases((_possible(joined.mono_ns), joined.mono_ns))
        elapsed_us = ((mono_ns - joined.anchor_mono_ns) / 1000).cast("int64")
        from_anchor = joined.anchor_utc + elapsed_us.as_interval("us")
        anchor_err_s = joined.anchor_err_s + elapsed_us.abs() * (_DRIFT_PER_S / 1e6)
        # Who does not say how wrong a clock may be claims that it is right.
        # An anchor that does not say it overrules nobody.
        claimed_s = joined.utc_err_s.fill_null(0.0)
        apart_s = (claimed_s + anchor_err_s).clip(0, _ANY_ERROR_S)
        apart = (apart_s * 1e6).cast("int64").as_interval("us")
        corrected = (elapsed_us < 0) & (
            (joined.utc < from_anchor - apart) | (joined.utc > from_anchor + apart)
        )
        own = joined.utc.notnull() & _told(joined) & ~corrected.fill_null(False)
        return joined.mutate(
            utc=ibis.cases((own, joined.utc), else_=from_anchor),
            utc_err_s=ibis.cases(
                (own, joined.utc_err_s),
                (from_anchor.notnull(), anchor_err_s),
            ),
            utc_source=ibis.cases(
                (own, "record"),
                (from_anchor.notnull(), "anchor"),
                else_=ibis.null("string"),
            ),
        ).select(*table.columns, "utc_source")


def connect(url: str, folder: Path) -> Tables:
    """The tables of the lake in `folder`, read by the engine of `url`.

    `duckdb://` runs in this process; `duckdb://?memory_limit=4GB&threads=2` bounds it.
    `sc://host:15002` is a Spark cluster that sees the lake under the same path. Raises
    `EngineError` for another URL, or where nothing that can be used answers, and `lake.LakeError`
    for an unreadable lake.
    """
    engine = _engine(url)
    try:
        return Tables(engine, folder)
    except BaseException:
        engine.close()
        raise


def check(url: str) -> None:
    """Return if the engine can be used now; raises `EngineError` otherwise."""
    _engine(url).close()


def clock_anchors(events: Any) -> Any:
    """The events that may tell the time of their boot, as an ibis table: no impossible ones."""
    earliest, latest = columns.PLAUSIBLE_UTC
    return events.filter(
        events.name == "clock_anchor",
        events.utc >= ibis.literal(earliest),
        events.utc < ibis.literal(latest),
        _told(events),
        _possible(events.mono_ns),
    )


class Engine(Protocol):
    """What one engine must do; the rest is ibis."""

    connection: Any
    """The ibis backend."""

    def show(self, name: str, schema: pa.Schema, files: Sequence[str]) -> None:
        """Make the rows of the files a view, with all columns of the schema.

        Files may lack columns; `date` is in none of them and stands in the path.
        """

    def forget(self, name: str) -> None:
        """Drop a view."""

    def read(self, table: Any) -> pa.Table:
        """The rows of an ibis table, in whatever Arrow types; raises `EngineError`."""

    def close(self) -> None:
        """Give everything back."""


def _engine(url: str) -> Engine:
    scheme = urlsplit(url).scheme
    if scheme not in _ENGINES:
        raise EngineError(url, f"unknown; known are {', '.join(f'{s}://' for s in _ENGINES)}")
    try:
        # Only who uses Spark pays for loading it.
        start: Callable[[str], Engine] = importlib.import_module(_ENGINES[scheme]).start
    except ImportError as error:
        raise EngineError(url, f"{error}; do pip install 'dosong[spark]'") from error
    return start(url)


_ENGINES = {
    "duckdb": "collector.store.engine.duckdb",
    "sc": "collector.store.engine.spark",
}
"""By the scheme of the URL, the module whose `start` gives an `Engine`."""


_DRIFT_PER_S = 50e-6
"""How fast an anchor gets worse, as on the probe (`agent.clock`)."""
_ANY_ERROR_S = 1e9
"""A record may claim any error; dates must not overflow by it."""
_MAX_ERROR_S = 86_400.0
"""A time that may be further off does not even tell the day."""
_TOLD = [state.value for state in ClockState if state.is_told]
_LONGEST_BOOT_NS = 50 * 365 * 86_400 * 10**9


def _stored(kind: str) -> str:
    return f"stored_{kind}"


def _name(file: str) -> str:
    return file.rpartition("/")[2]


def _told(rows: Any) -> Any:
    """Whether somebody told the record's time, to within a day."""
    near = rows.utc_err_s.fill_null(0.0).between(0.0, _MAX_ERROR_S)
    return rows.clock_state.isin(_TOLD).fill_null(False) & near


def _possible(mono_ns: Any) -> Any:
    """Whether a machine may have run for so long since its boot."""
    return mono_ns.between(0, _LONGEST_BOOT_NS)


def _anchors(events: Any) -> Any:
    """The last clock anchor of each boot: a probe tells another one only to correct the last."""
    known = clock_anchors(events)
    told = ibis.struct({"utc": known.utc, "mono_ns": known.mono_ns, "utc_err_s": known.utc_err_s})
    # Of two at one instant, as a copied card may have them, every engine takes the same.
    order = ibis.struct({"mono_ns": known.mono_ns, "epoch": known.epoch, "seq": known.seq})
    latest = known.group_by("probe", "boot_id").aggregate(told=told.argmax(order))
    return latest.select(
        "probe",
        "boot_id",
        anchor_utc=latest.told["utc"],
        anchor_mono_ns=latest.told["mono_ns"],
        anchor_err_s=latest.told["utc_err_s"],
    )
