"""The lake: one Delta table per kind, partitioned by `date`. The collector's only `deltalake`.

Rows go in by an insert-only MERGE on (probe, epoch, seq), so a repeat adds nothing, whoever
sends it and however many collectors write; what `merge` has returned survives a power cut.
"""

import logging
import math
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
from deltalake import (
    CommitProperties,
    DeltaTable,
    Field,
    PostCommitHookProperties,
    Schema,
    WriterProperties,
)
from deltalake.exceptions import CommitFailedError, DeltaError

from collector.store import columns
from collector.store.durable import DurableLog, flush_path
from wire.kinds import kinds

KEY = ["probe", "epoch", "seq"]

MERGE_DEADLINE_S = 30.0
"""How long a merge competes with other writers before it gives up."""

COMPACTED_BYTES = 16 << 20
"""Files beyond it are left alone, so that a day is not written anew with every compaction."""
MAX_COMPACTIONS = 4
"""Partitions of one table in one round."""
CHECKPOINT_COMMITS = 100
RETENTION_HOURS = 2
"""Files and log that no snapshot needs any more are kept for the longest query."""
VACUUM_INTERVAL_S = 3600.0

_CONFIGURATION = {
    "delta.dataSkippingStatsColumns": "probe,epoch,seq,mono_ns,utc",
    "delta.logRetentionDuration": f"interval {RETENTION_HOURS} hours",
    "delta.deletedFileRetentionDuration": f"interval {RETENTION_HOURS} hours",
}
"""Statistics for what a merge prunes by."""

_ZSTD = WriterProperties(compression="ZSTD", compression_level=3)
# A checkpoint may only be made of flushed commits: `Upkeep` makes them, no commit does.
_NO_HOOKS = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
_INTERNAL_RETRIES = CommitProperties(max_commit_retries=5)
_STATISTICS_GRAIN = timedelta(milliseconds=1)
"""Delta keeps the bounds of a file's times in whole milliseconds."""

log = logging.getLogger(__name__)


class LakeError(Exception):
    """The lake could not take rows or be read: nothing may be acknowledged. `kind` says where."""

    def __init__(self, kind: str, problem: str) -> None:
        """Keep the kind and the problem."""
        super().__init__(f"lake: {kind}: {problem}")
        self.kind = kind
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One state of a table that stays readable for as long as files are retained."""

    kind: str
    version: int
    schema: pa.Schema
    files: tuple[str, ...]

    @property
    def partitions(self) -> dict[str, tuple[str, ...]]:
        """The files by their `date`, which is the name of their folder."""
        found: dict[str, list[str]] = {}
        for file in self.files:
            date = file.rpartition("/")[0].rpartition(f"{columns.DATE}=")[2]
            found.setdefault(date, []).append(file)
        return {date: tuple(files) for date, files in found.items()}


class Lake:
    """The tables of one folder, open for writing. One thread owns it; processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Open the tables, creating those that are not there; raises `LakeError`."""
        folder.mkdir(parents=True, exist_ok=True)
        self._tables = {kind: _Table(folder / kind, kind) for kind in kinds()}
        flush_path(folder)

    def merge(self, kind: str, rows: pa.Table) -> int:
        """Add the rows whose key is not there yet and return how many those were.

        The rows have the columns of `columns.schema(kind)`. Returns once they are on the disk;
        raises `LakeError` when they may not be.
        """
        return self._tables[kind].merge(rows)

    def table_ids(self) -> dict[str, str]:
        """What tells each table from any other, for as long as it exists."""
        return {kind: table.table_id for kind, table in self._tables.items()}


def snapshot(folder: Path, kind: str) -> Snapshot:
    """The newest state of a table, for any reader in any process; raises `LakeError`."""
    try:
        table = DeltaTable(folder / kind)
        files = tuple(map(unquote, table.file_uris()))
        return Snapshot(kind, table.version(), pa.schema(table.schema().to_arrow()), files)
    except (DeltaError, OSError) as error:
        raise LakeError(kind, str(error)) from error


class Upkeep:
    """Compaction, checkpoints and vacuum, beside the writer and without its knowledge.

    A merge that meets a compaction is tried again, so nothing here can lose a row or delay an
    acknowledgement for longer than that.
    """

    def __init__(self, folder: Path, *, compact_files: int) -> None:
        """Compact a partition as soon as it holds `compact_files` small files."""
        self._folder = folder
        self._compact_files = compact_files
        self._vacuumed: dict[str, float] = {}

    def tidy(self) -> int:
        """One bounded round over all tables; how many partitions were compacted.

        Raises `LakeError`.
        """
        compacted = 0
        for kind in kinds():
            try:
                compacted += self._tidy(kind)
            except CommitFailedError:
                log.debug("table %s: the writer was faster, compacting next time", kind)
            except (DeltaError, OSError) as error:
                raise LakeError(kind, str(error)) from error
        return compacted

    def _tidy(self, kind: str) -> int:
        path = self._folder / kind
        table = DeltaTable(path)
        durable = DurableLog(path)
        crowded = self._crowded(table)
        for date in crowded:
            table.optimize.compact(
                partition_filters=[(columns.DATE, "=", date)],
                target_size=COMPACTED_BYTES,
                writer_properties=_ZSTD,
                post_commithook_properties=_NO_HOOKS,
            )
        # Before the old files may go, what replaces them has to be on the disk.
        durable.flush(table.version())
        if table.version() - max(durable.checkpoint, 0) >= CHECKPOINT_COMMITS:
            table.create_checkpoint()
            durable.flush_checkpoint()
            table.cleanup_metadata()
        if time.monotonic() - self._vacuumed.get(kind, -math.inf) >= VACUUM_INTERVAL_S:
            table.vacuum(
                RETENTION_HOURS,
                dry_run=False,
                enforce_retention_duration=False,
                post_commithook_properties=_NO_HOOKS,
            )
            self._vacuumed[kind] = time.monotonic()
        return len(crowded)

    def _crowded(self, table: DeltaTable) -> list[str]:
        """Partitions with too many small files, the fullest first, at most a few."""
        files = pa.table(table.get_add_actions(flatten=True))
        small = files.filter(pc.less(files["size_bytes"], COMPACTED_BYTES))
        counted = Counter(small[f"partition.{columns.DATE}"].to_pylist()).most_common(
            MAX_COMPACTIONS
        )
        return [date for date, number in counted if number >= self._compact_files]


class _Table:
    """One Delta table."""

    def __init__(self, path: Path, kind: str) -> None:
        self._kind = kind
        self._schema = columns.schema(kind)
        try:
            self._delta = DeltaTable.create(
                path,
                schema=self._schema,
                mode="ignore",
                partition_by=[columns.DATE],
                configuration=_CONFIGURATION,
            )
            self._add_new_columns()
            self._log = DurableLog(path)
            self._log.flush(self._delta.version())
        except (DeltaError, OSError) as error:
            raise LakeError(kind, str(error)) from error

    @property
    def table_id(self) -> str:
        """See `Lake.table_ids`."""
        return str(self._delta.metadata().id)

    def merge(self, rows: pa.Table) -> int:
        """See `Lake.merge`."""
        rows = _distinct(rows.select(self._schema.names).cast(self._schema))
        try:
            inserted = sum(
                self._merge_until_done(part, predicate) for part, predicate in _parts(rows)
            )
            self._log.flush(self._delta.version())
        except (DeltaError, OSError) as error:
            raise LakeError(self._kind, str(error)) from error
        return inserted

    def _add_new_columns(self) -> None:
        """Columns that a newer wire version has brought; older rows have null there."""
        there = {field.name for field in self._delta.schema().fields}
        wanted = Schema.from_arrow(self._schema).fields
        new = [Field(field.name, field.type) for field in wanted if field.name not in there]
        if new:
            log.info("table %s: new columns %s", self._kind, ", ".join(f.name for f in new))
            self._delta.alter.add_columns(new, post_commithook_properties=_NO_HOOKS)

    def _merge_until_done(self, rows: pa.Table, predicate: str) -> int:
        deadline = time.monotonic() + MERGE_DEADLINE_S
        while True:
            try:
                return self._merge_once(rows, predicate)
            except CommitFailedError:
                if time.monotonic() > deadline:
                    raise
                log.debug("table %s: another writer was faster, merging again", self._kind)
                time.sleep(random.uniform(0.005, 0.1))  # noqa: S311  # spreads writers, no secret

    def _merge_once(self, rows: pa.Table, predicate: str) -> int:
        self._delta.update_incremental()
        outcome = (
            self._delta.merge(
                rows,
                predicate,
                source_alias="s",
                target_alias="t",
                writer_properties=_ZSTD,
                commit_properties=_INTERNAL_RETRIES,
                post_commithook_properties=_NO_HOOKS,
            )
            .when_not_matched_insert({f"`{name}`": f"s.`{name}`" for name in rows.schema.names})
            .execute()
        )
        return int(outcome["num_target_rows_inserted"])


def _distinct(rows: pa.Table) -> pa.Table:
    """The first row of each key: a MERGE only compares with what lies in the table."""
    numbered = rows.select(KEY).append_column("row", pa.array(range(len(rows)), pa.int64()))
    first = numbered.group_by(KEY).aggregate([("row", "min")])["row_min"]
    return rows if len(first) == len(rows) else rows.take(first.sort())


def _parts(rows: pa.Table) -> Iterator[tuple[pa.Table, str]]:
    """Rows with the predicate that lets the MERGE skip every file that cannot hold them.

    All of it is a function of the immutable record, so the first copy is never skipped.
    """
    undated = pc.equal(rows[columns.DATE], columns.UNDATED)
    key = " AND ".join(f"t.{name} = s.{name}" for name in (columns.DATE, *KEY))
    for part in (rows.filter(pc.invert(undated)), rows.filter(undated)):
        if not part:
            continue
        dates = ", ".join(f"'{date}'" for date in sorted(part[columns.DATE].unique().to_pylist()))
        yield part, f"t.{columns.DATE} IN ({dates}) AND {_range(part)} AND {key}"


def _range(part: pa.Table) -> str:
    """Bounds by time, or by `seq` where the time is not known."""
    if part[columns.DATE][0].as_py() == columns.UNDATED:
        bounds = pc.min_max(part["seq"])
        return f"t.seq >= {bounds['min']} AND t.seq <= {bounds['max']}"
    bounds = pc.min_max(part["utc"])
    low = (bounds["min"].as_py() - _STATISTICS_GRAIN).isoformat()
    high = (bounds["max"].as_py() + _STATISTICS_GRAIN).isoformat()
    return f"t.utc >= TIMESTAMP '{low}' AND t.utc <= TIMESTAMP '{high}'"
