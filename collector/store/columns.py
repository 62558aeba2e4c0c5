"""Records to columns: an Arrow table per kind, derived from the wire types and nothing else.

The column of a field is its path in the struct joined with `_`, `payload_` left out:
`position_lat_deg`, `rat_lock_read_back`, `serving_rsrp_dbm`. Enums and UUIDs are text, times are
microseconds UTC, lists and dicts are JSON text. A new kind in `wire.kinds` needs no edit here.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from msgspec import inspect

from wire.kinds import kinds
from wire.messages import AnyMeasurement

TIMESTAMP = pa.timestamp("us", tz="UTC")

DATE = "date"
"""Partition: the Vietnamese calendar date of `utc`, or `UNDATED`."""

UNDATED = "undated"
"""Partition of records whose own `utc` is unknown, or so far off that no clock could mean it."""

PLAUSIBLE_UTC = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))
"""Outside of these a time is kept as it is but makes no partition of its own."""

LOCAL_OFFSET = timedelta(hours=7)
"""Viet Nam, all year. A partition is a day as the targets count days."""

AREA_COLUMNS = pa.schema(
    [
        ("commune", pa.string()),
        ("district", pa.string()),
        ("province", pa.string()),
        ("boundary_set", pa.string()),
        ("h3_8", pa.int64()),
        ("h3_10", pa.int64()),
        ("road", pa.string()),
        ("chainage_m", pa.float64()),
        ("road_offset_m", pa.float64()),
    ]
)
"""Where the record was made: added at ingest by `collector.geo`."""

_INGEST_COLUMNS = pa.schema([(DATE, pa.string()), ("received_utc", TIMESTAMP), *AREA_COLUMNS])
_PAYLOAD = "payload"


class UnstorableRecordsError(ValueError):
    """Records that are well-formed and still fit no column, e.g. an integer beyond 64 bits.

    `reasons` has the reason by index into the records given.
    """

    def __init__(self, reasons: dict[int, str]) -> None:
        """Keep the reasons."""
        super().__init__(f"{len(reasons)} records fit no column: {next(iter(reasons.values()))}")
        self.reasons = reasons


def schema(kind: str) -> pa.Schema:
    """All columns of a kind's table, those made at ingest last; KeyError for an unknown kind."""
    return pa.schema([*_record_schema(kind), *_INGEST_COLUMNS])


def flatten(kind: str, records: Sequence[AnyMeasurement], received_utc: datetime) -> pa.Table:
    """Records of one kind as rows, in order, with `date` and `received_utc` but without area.

    Raises `UnstorableRecordsError`; the records it does not name can be stored.
    """
    try:
        table = _flatten(kind, records)
    except _CONVERSION_ERRORS as error:
        raise UnstorableRecordsError(_misfits(kind, records)) from error
    return table.append_column(DATE, partition_dates(table["utc"])).append_column(
        "received_utc", pa.repeat(pa.scalar(received_utc, TIMESTAMP), len(records))
    )


def partition_dates(utc: pa.ChunkedArray) -> pa.ChunkedArray:
    """Partition of each time. A pure function of the record: a repeat lands where it lay."""
    earliest, latest = (pa.scalar(bound, TIMESTAMP) for bound in PLAUSIBLE_UTC)
    plausible = pc.and_(pc.greater_equal(utc, earliest), pc.less(utc, latest))
    dated = pc.if_else(plausible, utc, pa.scalar(None, TIMESTAMP))
    local = pc.add(dated.cast(pa.timestamp("us")), pa.scalar(LOCAL_OFFSET, pa.duration("us")))
    return pc.fill_null(local.cast(pa.date32(), safe=False).cast(pa.string()), UNDATED)


_CONVERSION_ERRORS = (pa.ArrowException, OverflowError, ValueError, TypeError)
"""What pyarrow raises for a value that a column cannot hold."""


@dataclass(frozen=True, slots=True)
class _Column:
    """One scalar of the record."""

    name: str
    type: pa.DataType
    parent: tuple[str, ...]
    """Path of the struct that holds it."""
    read: Callable[[Any], Any]
    convert: Callable[[Any], Any] | None


@cache
def _columns(kind: str) -> tuple[_Column, ...]:
    columns = tuple(_walk(inspect.type_info(kinds()[kind].measurement), ()))
    names = [column.name for column in columns] + _INGEST_COLUMNS.names
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise TypeError(f"kind {kind}: two fields make the column {min(twice)}")
    return columns


@cache
def _record_schema(kind: str) -> pa.Schema:
    return pa.schema([(column.name, column.type) for column in _columns(kind)])


def _walk(type_: inspect.Type, path: tuple[str, ...]) -> Iterator[_Column]:
    """The scalars below a type: itself, or those of the fields of a struct."""
    if isinstance(type_, inspect.StructType):
        for field in type_.fields:
            yield from _walk(_present(field.type), (*path, field.name))
        return
    name = "_".join(path[1:] if path[0] == _PAYLOAD else path)
    storage, convert = _storage(type_)
    yield _Column(name, storage, path[:-1], attrgetter(path[-1]), convert)


def _present(type_: inspect.Type) -> inspect.Type:
    """The type without None, or the union itself where more than one type is left."""
    if not isinstance(type_, inspect.UnionType):
        return type_
    left = [option for option in type_.types if not isinstance(option, inspect.NoneType)]
    return left[0] if len(left) == 1 else type_


@lru_cache(maxsize=4096)
def _uuid_text(value: UUID) -> str:
    return str(value)


def _in_utc(value: datetime) -> datetime:
    """The same instant; OverflowError where UTC has no such year and no reader could show it."""
    return value if value.tzinfo is UTC else value.astimezone(UTC)


def _json_text(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _enum_text(value: Any) -> str:
    return str(value.value)


_SCALARS: dict[type[inspect.Type], pa.DataType] = {
    inspect.BoolType: pa.bool_(),
    inspect.IntType: pa.int64(),
    inspect.FloatType: pa.float64(),
    inspect.StrType: pa.string(),
}


def _storage(type_: inspect.Type) -> tuple[pa.DataType, Callable[[Any], Any] | None]:
    """Type of the column and how to bring a value, if not None, to it."""
    if type(type_) in _SCALARS:
        return _SCALARS[type(type_)], None
    if isinstance(type_, inspect.DateTimeType):
        return TIMESTAMP, _in_utc
    if isinstance(type_, inspect.UUIDType):
        return pa.string(), _uuid_text
    if isinstance(type_, inspect.EnumType):
        return pa.string(), None if issubclass(type_.cls, str) else _enum_text
    return pa.string(), _json_text


def _flatten(kind: str, records: Sequence[AnyMeasurement]) -> pa.Table:
    structs = _Structs(records)
    arrays = [_array(column, structs) for column in _columns(kind)]
    return pa.Table.from_arrays(arrays, schema=_record_schema(kind))


class _Structs:
    """The structs at each path, one per record; None where there is none."""

    def __init__(self, records: Sequence[AnyMeasurement]) -> None:
        self._at: dict[tuple[str, ...], Sequence[Any]] = {(): records}
        self._complete: dict[tuple[str, ...], bool] = {(): True}

    def read(self, path: tuple[str, ...], read: Callable[[Any], Any]) -> list[Any]:
        """One attribute of each struct at `path`."""
        parents = self._parents(path)
        if self._complete[path]:
            return list(map(read, parents))
        return [None if parent is None else read(parent) for parent in parents]

    def _parents(self, path: tuple[str, ...]) -> Sequence[Any]:
        if path not in self._at:
            found = self.read(path[:-1], attrgetter(path[-1]))
            self._at[path] = found
            self._complete[path] = None not in found
        return self._at[path]


def _array(column: _Column, structs: _Structs) -> pa.Array:
    values = structs.read(column.parent, column.read)
    if column.convert is not None:
        convert = column.convert
        values = [None if value is None else convert(value) for value in values]
    return pa.array(values, column.type)


def _misfits(kind: str, records: Sequence[AnyMeasurement]) -> dict[int, str]:
    """Reason by index of each record that does not convert by itself."""
    reasons = {}
    for index, record in enumerate(records):
        structs = _Structs([record])
        for column in _columns(kind):
            try:
                _array(column, structs)
            except _CONVERSION_ERRORS as error:
                reasons[index] = f"{column.name}: {error}"
                break
    return reasons
