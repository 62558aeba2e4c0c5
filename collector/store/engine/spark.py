"""Apache Spark through Spark Connect, reading the Parquet files that delta-rs names.

Every worker of the cluster must see the lake under the same path as we do.
"""

import re
import warnings
from collections.abc import Sequence
from typing import Any

import ibis
import pyarrow as pa

with warnings.catch_warnings():
    # It warns of pandas 3. We let no row pass through pandas.
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    from ibis.backends.pyspark.datatypes import PySparkSchema

    from collector.store.engine import spark_session
    from collector.store.engine.spark_sql import Backend

# Said beside an error that is raised.
warnings.filterwarnings("ignore", r"\[RETRIES_EXCEEDED\]")


def start(url: str) -> "Spark":
    """The engine of `sc://host:15002`, a session of its own; raises `EngineError`."""
    session = spark_session.connect(url)
    try:
        with spark_session.explained(url):
            connection = Backend().connect(session)
    except BaseException:
        spark_session.leave(session)
        raise
    connection.url = url
    return Spark(url, session, connection)


class Spark:
    """See `collector.store.engine.tables.Engine`."""

    def __init__(self, url: str, session: Any, connection: Any) -> None:
        """See `start`."""
        self._url = url
        self._session = session
        self.connection = connection

    def show(self, name: str, schema: pa.Schema, files: Sequence[str]) -> None:
        """Make the rows of the files a temporary view, with all columns of the schema."""
        fields = PySparkSchema.from_ibis(ibis.schema(schema))
        with spark_session.explained(self._url):
            if files:
                # Of files alone Spark would not see that their folder is a column.
                base = _LOCAL + files[0].rsplit("/", 2)[0]
                reader = self._session.read.schema(fields).option("basePath", base)
                rows = reader.parquet(*map(_literal, files)).select(*schema.names)
            else:
                rows = self._session.createDataFrame([], fields)
            rows.createOrReplaceTempView(name)

    def forget(self, name: str) -> None:
        """Drop a view."""
        with spark_session.explained(self._url):
            self._session.catalog.dropTempView(name)

    def read(self, table: Any) -> pa.Table:
        """The rows of an ibis table; raises `EngineError`."""
        return self.connection.to_pyarrow(table)

    def close(self) -> None:
        """End the session."""
        spark_session.leave(self._session)


_LOCAL = "file:"
"""Whatever file system the cluster takes where none is named."""


def _literal(file: str) -> str:
    """A pattern that only this file matches."""
    return _LOCAL + re.sub(r"[\[\]{}*?\\,]", r"\\\g<0>", file)
