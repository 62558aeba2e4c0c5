"""The only module that knows the query engine: the lake's tables as ibis tables.

`utc` is worked out here: the record's own, or, where the probe did not know it yet, from the
clock anchor of the same boot. `utc_source` says which: `record`, `anchor`, or null for unknown.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, urlsplit

import duckdb
import ibis
import pyarrow as pa

from collector.store import columns, lake
from wire.kinds import kinds


class EngineError(ValueError):
    """The engine's URL is none we know. `url` is the one given."""

    def __init__(self, url: str, problem: str) -> None:
        """Keep the URL."""
        super().__init__(f"engine {url!r}: {problem}")
        self.url = url


class Tables:
    """The tables of the lake as they were at the last `refresh`, one attribute per kind.

    One thread owns it; make one per thread. Readers never disturb the writer.
    """

    def __init__(self, engine: "_Engine", folder: Path) -> None:
        """See `connect`."""
        self._engine = engine
        self._folder = folder
        self._versions: dict[str, int] = {}
        self._tables: dict[str, Any] = {}
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

        Expressions built before keep working and then speak of the new state.
        """
        changed = False
        for kind in kinds():
            snapshot = lake.snapshot(self._folder, kind)
            if self._versions.get(kind) != snapshot.version:
                self._engine.show(snapshot)
                self._versions[kind] = snapshot.version
                changed = True
        if changed:
            self._tables = {kind: self._with_time(kind) for kind in kinds()}
        return changed

    @property
    def versions(self) -> Mapping[str, int]:
        """Version of each table that is seen: what a verdict names as its data."""
        return dict(self._versions)

    @property
    def connection(self) -> Any:
        """The ibis connection, for tables of one's own beside the lake's."""
        return self._engine.connection

    def close(self) -> None:
        """Give back the engine."""
        self._engine.connection.disconnect()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _with_time(self, kind: str) -> Any:
        table = self._engine.connection.table(_stored(kind))
        anchors = _anchors(self._engine.connection.table(_stored("event")))
        joined = table.left_join(anchors, ["probe", "boot_id"], rname="anchor_{name}")
        # One impossible number would otherwise end every query over the table.
        mono_ns = ibis.cases((_possible(joined.mono_ns), joined.mono_ns))
        elapsed_us = ((mono_ns - joined.anchor_mono_ns) / 1000).cast("int64")
        from_anchor = joined.anchor_utc + elapsed_us.as_interval("us")
        return joined.mutate(
            utc=ibis.coalesce(joined.utc, from_anchor),
            utc_err_s=ibis.cases(
                (joined.utc.notnull(), joined.utc_err_s),
                (from_anchor.notnull(), joined.anchor_err_s),
            ),
            utc_source=ibis.cases(
                (joined.utc.notnull(), "record"),
                (from_anchor.notnull(), "anchor"),
                else_=ibis.null("string"),
            ),
        ).select(*table.columns, "utc_source")


def connect(url: str, folder: Path) -> Tables:
    """The tables of the lake in `folder`, read by the engine of `url`.

    `duckdb://` runs in this process; `duckdb://?memory_limit=4GB&threads=2` bounds it. Raises
    `EngineError` for another URL and `lake.LakeError` for an unreadable lake.
    """
    return Tables(_engine(url), folder)


def check(url: str) -> None:
    """Return if `connect` knows the engine; raises `EngineError` otherwise."""
    _engine(url).connection.disconnect()


class _Engine(Protocol):
    """What one engine must do; the rest is ibis."""

    connection: Any

    def show(self, snapshot: lake.Snapshot) -> None:
        """Make the snapshot the table `stored_<kind>`, with all columns of its schema."""


def _engine(url: str) -> _Engine:
    scheme = urlsplit(url).scheme
    if scheme not in _ENGINES:
        raise EngineError(url, f"unknown; known are {', '.join(f'{s}://' for s in _ENGINES)}")
    return _ENGINES[scheme](url)


class _DuckDB:
    """DuckDB in this process, reading the Parquet files that delta-rs names."""

    _OPTIONS = ("memory_limit", "threads")

    def __init__(self, url: str) -> None:
        options = dict(parse_qsl(urlsplit(url).query))
        for name in options:
            if name not in self._OPTIONS:
                raise EngineError(url, f"unknown option {name!r}")
        try:
            self.connection = ibis.duckdb.connect(**options)
        except duckdb.Error as error:
            raise EngineError(url, str(error).splitlines()[0]) from error
        self.connection.raw_sql("SET TimeZone = 'UTC'")

    def show(self, snapshot: lake.Snapshot) -> None:
        """See `_Engine`."""
        nulls = ", ".join(
            f'NULL::{_DUCKDB_TYPES[field.type]} AS "{field.name}"' for field in snapshot.schema
        )
        view = f"SELECT {nulls} WHERE false"
        if snapshot.files:
            files = ", ".join(_quoted(file) for file in snapshot.files)
            # Older files lack newer columns: the row of nulls and the union by name bring them in.
            view += (
                " UNION ALL BY NAME SELECT * FROM"  # noqa: S608  # quoted names of our own files
                f" read_parquet([{files}], union_by_name = true,"
                " hive_partitioning = true, hive_types = {'date': VARCHAR})"
            )
        self.connection.raw_sql(f"CREATE OR REPLACE VIEW {_stored(snapshot.kind)} AS {view}")


_DUCKDB_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    columns.TIMESTAMP: "TIMESTAMPTZ",
}

_LONGEST_BOOT_NS = 50 * 365 * 86_400 * 10**9

_ENGINES: dict[str, Callable[[str], _Engine]] = {"duckdb": _DuckDB}


def _stored(kind: str) -> str:
    return f"stored_{kind}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _possible(mono_ns: Any) -> Any:
    """Whether a machine may have run for so long since its boot."""
    return mono_ns.between(0, _LONGEST_BOOT_NS)


def _anchors(events: Any) -> Any:
    """The most certain clock anchor of each boot."""
    earliest, latest = columns.PLAUSIBLE_UTC
    known = events.filter(
        events.name == "clock_anchor",
        events.utc >= ibis.literal(earliest),
        events.utc < ibis.literal(latest),
        _possible(events.mono_ns),
    )
    certain = known.mutate(err=known.utc_err_s.fill_null(float("inf")))
    return certain.group_by("probe", "boot_id").aggregate(
        anchor_utc=certain.utc.argmin(certain.err),
        anchor_mono_ns=certain.mono_ns.argmin(certain.err),
        anchor_err_s=certain.utc_err_s.argmin(certain.err),
    )
