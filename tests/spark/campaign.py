"""`make spark`: a large lake, every query on both engines, and a cluster that loses its parts."""

import argparse
import hashlib
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from collector.checker import judge_all
from collector.config import Config
from collector.store import columns
from collector.store.engine import EngineError, Tables, connect
from collector.store.lake import Lake
from collector.targets import load
from tests.spark.cluster import Cluster
from tests.spark.extracts import extracts_of
from tests.spark.provinces import NOW, configuration, fill

ROWS = 1_000_000
DUCKDB = "duckdb://"
KILL_AFTER_S = 2.0
GONE_WITHIN_S = 90.0
_DAYS = 28
"""Copies of drives are spread over so many."""

Query = Callable[[Tables], Any]


class Answer(NamedTuple):
    """What one engine made of one query."""

    rows: int
    sha256: str
    seconds: float


class Campaign:
    """Steps over one lake and one cluster; `wrong` are those that went wrong."""

    def __init__(self, config: Config, cluster: Cluster) -> None:
        self._config = config
        self._cluster = cluster
        self.wrong: list[str] = []

    def compare(self) -> None:
        """Every extract of every target, the raw rows of some days, and a count of all."""
        with self._duckdb() as duckdb, self._spark() as spark:
            for name, query in self._queries(duckdb).items():
                self._note(name, _answer(duckdb, query), _answer(spark, query))

    def lose_a_worker(self) -> None:
        """`kill -9` of a worker with its executor in the midst of a query."""
        with self._duckdb() as duckdb, self._spark() as spark, ThreadPoolExecutor(1) as pool:
            spark.read(spark.event.count())  # both executors are there
            answer = pool.submit(_answer, spark, _weakest)
            time.sleep(KILL_AFTER_S)
            in_time = not answer.done()
            self._cluster.workers[-1].kill()
            self._note("with a worker killed", _answer(duckdb, _weakest), answer.result())
        if not in_time:
            self.wrong.append("the query was over before the worker was killed: more --rows")
        self._cluster.workers[-1].start()

    def judge(self, folder: Path) -> None:
        """All verdicts, with nothing extracted before."""
        spark = configuration(folder, engine=self._cluster.url, lake=self._config.store.lake)
        answers = []
        for config in (self._config, spark):
            began_s = time.monotonic()
            verdicts = judge_all(config, now=NOW)
            encoded = msgspec.json.encode(verdicts)
            seconds = time.monotonic() - began_s
            answers.append(Answer(len(verdicts), hashlib.sha256(encoded).hexdigest(), seconds))
        self._note("verdicts", *answers)

    def lose_the_server(self) -> None:
        """`kill -9` of the Spark Connect server in the midst of a query: an error, and soon."""
        began_s = time.monotonic()
        with self._spark() as spark, ThreadPoolExecutor(1) as pool:
            answer = pool.submit(_answer, spark, _weakest)
            time.sleep(KILL_AFTER_S)
            self._cluster.server.kill()
            try:
                answer.result(GONE_WITHIN_S)
                self.wrong.append("an answer without a server")
            except EngineError as error:
                _say(f"with the server killed: {error}")
            except TimeoutError:
                self.wrong.append(f"no error within {GONE_WITHIN_S:g} s of the server's end")
        _say(f"    {time.monotonic() - began_s:.1f} s")

    def _queries(self, tables: Tables) -> dict[str, Query]:
        found: dict[str, Query] = {}
        for target in load():
            for extract in extracts_of(target, tables, self._config):
                found[f"{target.id}: {extract.name}"] = lambda tables, extract=extract: (
                    extract.build(tables[extract.kind])
                )
        dates = list(tables.partitions("radio"))[:3]
        found["radio of three days"] = lambda tables: tables.only("radio", dates)
        found["weakest by cell and day"] = _weakest
        return found

    def _note(self, name: str, duckdb: Answer, spark: Answer) -> None:
        same = (duckdb.rows, duckdb.sha256) == (spark.rows, spark.sha256)
        if not same:
            self.wrong.append(f"{name}: not the same")
        _say(
            f"{name:32} {spark.rows:9} rows  DuckDB {duckdb.seconds:6.2f} s  "
            f"Spark {spark.seconds:6.2f} s  {'same' if same else 'NOT THE SAME'}"
        )

    def _duckdb(self) -> Tables:
        return connect(DUCKDB, self._config.store.lake)

    def _spark(self) -> Tables:
        return connect(self._cluster.url, self._config.store.lake)


def main() -> int:
    """Run it all; 1 where anything went wrong."""
    parser = argparse.ArgumentParser(prog="make spark", description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS, help="default: %(default)s")
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="dosong-spark-") as name:
        folder = Path(name)
        config = configuration(folder / "store", engine=DUCKDB)
        _say(f"{grow(config, rows)} rows in the lake")
        with Cluster(folder / "cluster") as cluster:
            campaign = Campaign(config, cluster)
            campaign.compare()
            campaign.judge(folder / "spark")
            campaign.lose_a_worker()
            campaign.lose_the_server()
    for problem in campaign.wrong:
        _say(f"wrong: {problem}")
    return 1 if campaign.wrong else 0


def grow(config: Config, rows: int) -> int:
    """Fill the lake with a month of tests, and with as many copies of drives as it takes."""
    stored = fill(config, probes=24, days=31, passes=3)
    lake = Lake(config.store.lake)
    with connect(DUCKDB, config.store.lake) as tables:
        drives = {
            kind: tables.read(table.filter(table.probe.startswith("road-"))).drop("utc_source")
            for kind, table in (("event", tables.event), ("radio", tables.radio))
        }
    copy = 0
    while stored < rows:
        copy += 1
        stored += sum(lake.merge(kind, _copied(table, copy)) for kind, table in drives.items())
    return stored


def _copied(drives: pa.Table, copy: int) -> pa.Table:
    """The same drives by other probes on another day."""
    earlier = pa.scalar(timedelta(days=copy % _DAYS), pa.duration("us"))
    changed = {
        "probe": pc.binary_join_element_wise(drives["probe"], f"-{copy}", ""),
        "utc": pc.subtract(drives["utc"], earlier),
    }
    changed[columns.DATE] = columns.partition_dates(changed["utc"])
    for name, column in changed.items():
        drives = drives.set_column(drives.schema.get_field_index(name), name, column)
    return drives


def _weakest(tables: Tables) -> Any:
    """Something that looks at every row and is the same in whatever order they come."""
    radio = tables.radio
    return radio.group_by("probe", "date", "serving_cell_id").aggregate(
        rows=radio.count(),
        first=radio.utc.min(),
        last=radio.utc.max(),
        weakest_dbm=radio.serving_rsrp_dbm.min(),
        offset_m=radio.road_offset_m.max(),
    )


def _answer(tables: Tables, query: Query) -> Answer:
    began_s = time.monotonic()
    found = tables.read(query(tables))
    seconds = time.monotonic() - began_s
    keys = [
        name
        for name in ("probe", "epoch", "seq", "date", "serving_cell_id")
        if name in found.column_names
    ]
    ordered = found.sort_by([(name, "ascending") for name in keys]).combine_chunks()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, ordered.schema) as writer:
        writer.write_table(ordered)
    return Answer(len(found), hashlib.sha256(sink.getvalue()).hexdigest(), seconds)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
