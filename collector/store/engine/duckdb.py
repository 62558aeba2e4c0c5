"""DuckDB in this process, reading the Parquet files that delta-rs names."""

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import duckdb
import ibis
import pyarrow as pa

from collector.store import columns
from collector.store.engine.errors import EngineError

_OPTIONS = ("memory_limit", "threads")
_TYPES = {
    pa.bool_(): "BOOLEAN",
    pa.int64(): "BIGINT",
    pa.float64(): "DOUBLE",
    pa.string(): "VARCHAR",
    columns.TIMESTAMP: "TIMESTAMPTZ",
}


def start(url: str) -> "DuckDB":
    """The engine of `duckdb://?memory_limit=4GB&threads=2`; raises `EngineError`."""
    options = dict(parse_qsl(urlsplit(url).query))
    for name in options:
        if name not in _OPTIONS:
            raise EngineError(url, f"unknown option {name!r}")
    try:
        connection = ibis.duckdb.connect(**options)
    except duckdb.Error as error:
        raise EngineError(url, _first_line(error)) from error
    connection.raw_sql("SET TimeZone = 'UTC'")
    return DuckDB(url, connection)


class DuckDB:
    """See `collector.store.engine.tables.Engine`."""

    def __init__(self, url: str, connection: Any) -> None:
        """See `start`."""
        self._url = url
        self.connection = connection

    def show(self, name: str, schema: pa.Schema, files: Sequence[str]) -> None:
        """Make the rows of the files a view, with all columns of the schema."""
        nulls = ", ".join(f'NULL::{_TYPES[field.type]} AS "{field.name}"' for field in schema)
        view = f"SELECT {nulls} WHERE false"
        if files:
            listed = ", ".join(_quoted(_literal(file)) for file in files)
            # Older files lack newer columns: the row of nulls and the union by name bring them in.
            view += (
                " UNION ALL BY NAME SELECT * FROM"  # noqa: S608  # quoted names of our own files
                f" read_parquet([{listed}], union_by_name = true,"
                " hive_partitioning = true, hive_types = {'date': VARCHAR})"
            )
        self.connection.raw_sql(f"CREATE OR REPLACE VIEW {name} AS {view}")

    def forget(self, name: str) -> None:
        """Drop a view."""
        self.connection.raw_sql(f"DROP VIEW IF EXISTS {name}")

    def read(self, table: Any) -> pa.Table:
        """The rows of an ibis table; raises `EngineError`."""
        try:
            return self.connection.to_pyarrow(table)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            raise EngineError(self._url, _first_line(error)) from error

    def close(self) -> None:
        """Give back its memory."""
        self.connection.disconnect()


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]


def _literal(file: str) -> str:
    """A pattern that only this file matches."""
    return re.sub(r"[\[*?]", r"[\g<0>]", file)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
