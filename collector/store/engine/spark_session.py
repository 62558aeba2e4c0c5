"""A session at a Spark Connect server. Nothing in it waits without end.

A server that is not there is told from one that does not answer and from one of a version that
was never tried; a server that dies later ends the query that waits for it.
"""

import atexit
import contextlib
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
import pyspark
from pyspark.errors import (
    AnalysisException,
    ArithmeticException,
    DateTimeException,
    NumberFormatException,
    PySparkException,
)
from pyspark.logger import PySparkLogger
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.session import SparkSession

from collector.store.engine.errors import EngineError

VERSION = "4"
"""Major version of client and server."""

_CONNECT_S = 10.0
_CALL_S = 120.0
"""For each call that is no query: settings, plans, leaving."""
_KEEPALIVE = [("grpc.keepalive_time_ms", 330_000), ("grpc.keepalive_timeout_ms", 20_000)]
"""Of a query. A server takes pings more often than every five minutes for an attack."""
_PATIENT = DefaultPolicy(max_retries=8, initial_backoff=100, max_backoff=10_000)
"""Less than a minute for a server that is gone in the midst of it."""
_HASTY = DefaultPolicy(max_retries=1, initial_backoff=100, max_backoff=100)

_SETTINGS = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
    # What overflows or is no number is an error, as in DuckDB, and not another number or null.
    "spark.sql.ansi.enabled": "true",
    # A file that is gone or damaged would otherwise be a verdict on fewer rows.
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    # Listing files one by one in the driver is quicker than a task of the cluster for each.
    "spark.sql.sources.parallelPartitionDiscovery.threshold": "100000",
}

_BY_THE_QUERY = (AnalysisException, ArithmeticException, DateTimeException, NumberFormatException)
"""What no other server would answer."""

# What ends a query is raised, and need not stand on stderr as JSON as well.
PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True


def connect(url: str) -> SparkSession:
    """A session of its own; raises `EngineError` within a minute."""
    _check_client(url)
    try:
        channel = _Channel(url)
    except (PySparkException, ValueError) as error:
        raise EngineError(url, "not of the form sc://host:15002") from error
    _reach(url, channel)
    with explained(url):
        session = SparkSession.builder.channelBuilder(channel).create()
    _open.add(session)
    # Its own way out waits for a server that is gone, and holds every session until then.
    atexit.unregister(session.client._on_exit)  # noqa: SLF001  # there is no other way to it
    try:
        session.client.set_retry_policies([_HASTY])
        with explained(url):
            _check_server(url, session.version)
            for name, value in _SETTINGS.items():
                session.conf.set(name, value)
        session.client.set_retry_policies([_PATIENT])
    except BaseException:
        leave(session)
        raise
    return session


def leave(session: SparkSession) -> None:
    """End the session and what still runs in it; a server that is gone does not hold us."""
    _open.discard(session)
    session.client.set_retry_policies([_HASTY])
    session.stop()


_open: set[SparkSession] = set()
"""Sessions that nobody has left yet."""


@atexit.register
def _leave_all() -> None:
    for session in list(_open):
        leave(session)


@contextlib.contextmanager
def explained(url: str) -> Iterator[None]:
    """Raise an `EngineError` for what the cluster is to blame for, and for nothing else."""
    try:
        yield
    except _BY_THE_QUERY:
        raise
    except (PySparkException, grpc.RpcError) as error:
        raise EngineError(url, _reason(error)) from error


class _Channel(DefaultChannelBuilder):
    """The way to the server of a URL, with deadlines."""

    def __init__(self, url: str) -> None:
        super().__init__(url, _KEEPALIVE)
        self.add_interceptor(_Deadline())


class _Details(NamedTuple):
    """What gRPC knows of a call."""

    method: str
    timeout: float | None
    metadata: Any
    credentials: Any
    wait_for_ready: bool | None
    compression: Any


class _Deadline(grpc.UnaryUnaryClientInterceptor):  # type: ignore[misc]  # gRPC has no types
    """A deadline for each call that is answered at once."""

    def intercept_unary_unary(
        self, continuation: Callable[[Any, Any], Any], details: Any, request: Any
    ) -> Any:
        """The call, with its deadline."""
        return continuation(
            _Details(
                method=details.method,
                timeout=details.timeout or _CALL_S,
                metadata=details.metadata,
                credentials=details.credentials,
                wait_for_ready=details.wait_for_ready,
                compression=details.compression,
            ),
            request,
        )


def _check_client(url: str) -> None:
    if pyspark.__version__.partition(".")[0] != VERSION:
        problem = f"pyspark {pyspark.__version__} is installed; do pip install 'dosong[spark]'"
        raise EngineError(url, problem)


def _check_server(url: str, version: str) -> None:
    if version.partition(".")[0] != VERSION:
        raise EngineError(url, f"the server is Spark {version}; wanted is {VERSION}.x")


def _reach(url: str, channel: _Channel) -> None:
    """Return once the server speaks gRPC."""
    host, port = urlsplit(f"//{channel.endpoint}").hostname, channel.endpoint.rpartition(":")[2]
    start = "is the Spark Connect server started, and is this its host and port?"
    try:
        socket.create_connection((host, int(port)), timeout=_CONNECT_S).close()
    except OSError as error:
        raise EngineError(url, f"nothing answers ({error}); {start}") from error
    attempt = channel.toChannel()
    try:
        grpc.channel_ready_future(attempt).result(timeout=_CONNECT_S)
    except grpc.FutureTimeoutError as error:
        problem = (
            f"what answers there does not speak Spark Connect within {_CONNECT_S:g} s; {start}"
        )
        raise EngineError(url, problem) from error
    finally:
        attempt.close()


def _reason(error: Exception) -> str:
    """The first line of what went wrong: what the server said, or gRPC of it."""
    said = str(error).strip()
    call = error if isinstance(error, grpc.RpcError) else error.__context__
    if isinstance(call, grpc.Call) and (not said or said.startswith("<")):
        said = f"{call.code().name.lower()}: {call.details()}"
    return said.partition("\n")[0]
