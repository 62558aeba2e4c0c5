"""Spark on a real cluster gives what DuckDB gives: rows cell by cell, and every verdict."""

import shutil
from datetime import timedelta

import ibis
import msgspec
import pyarrow as pa
import pytest

from collector.checker import judge_all
from collector.commands.recount import recount
from collector.config import Config
from collector.extracts import LakeSource
from collector.spectrum.cells import CELL, carriers_seen, cell_hours, left_out
from collector.store.engine import Tables, connect
from collector.store.ledger import Ledger
from collector.targets import judge, load, periods
from collector.targets.shipped import shipped
from tests.spark.expressions import OF_A_ROW, OF_MANY, ROWS
from tests.spark.provinces import NOW, configuration, fill
from tests.unit.collector.attempts import TARGETS, scan
from tests.unit.collector.campaigns import NOW as END_OF_OCTOBER
from tests.unit.collector.campaigns import OCTOBER, VIETTEL, Campaign
from tests.unit.collector.centres import FAR, ground, look, served, unserved
from tests.unit.collector.engine_behaviour import EngineBehaviour
from wire.cells import Cell, Rat
from wire.kinds import kinds
from wire.kinds.radio import Payload as Radio
from wire.kinds.radio import RegistrationState

DUCKDB = "duckdb://?threads=1"


class TestSpark(EngineBehaviour):
    """The contract of every engine."""

    @pytest.fixture
    def engine_url(self, cluster):
        return cluster.url


@pytest.fixture(scope="module")
def province(tmp_path_factory):
    folder = tmp_path_factory.mktemp("province")
    config = configuration(folder / "store", engine=DUCKDB)
    fill(config, probes=4, days=4, passes=2)
    return config


@pytest.fixture(scope="module")
def both(cluster, province):
    with (
        connect(DUCKDB, province.store.lake) as duckdb,
        connect(cluster.url, province.store.lake) as spark,
    ):
        yield duckdb, spark


KEY = [("probe", "ascending"), ("epoch", "ascending"), ("seq", "ascending")]


def same(both: tuple[Tables, Tables], ask) -> pa.Table:
    """The answer, which both give: records in whatever order, all else in its own."""
    duckdb, spark = (tables.read(ask(tables)) for tables in both)
    assert duckdb.schema == spark.schema
    if "seq" in duckdb.column_names:
        duckdb, spark = duckdb.sort_by(KEY), spark.sort_by(KEY)
    for name in duckdb.column_names:
        # Arrow takes NaN for another number than NaN.
        assert duckdb[name].equals(spark[name]) or repr(duckdb[name].to_pylist()) == repr(
            spark[name].to_pylist()
        ), name
    return duckdb


def test_what_may_be_said_of_a_row_means_the_same(both):
    given = ibis.memtable(ROWS)
    said = {name: say(given) for name, say in OF_A_ROW.items()}
    found = same(both, lambda _: given.order_by("row").select("row", **said))
    assert len(found) == len(ROWS)


@pytest.mark.parametrize("name", OF_MANY)
def test_what_may_be_asked_of_many_rows_means_the_same(both, name):
    same(both, lambda _: OF_MANY[name](ibis.memtable(ROWS)))


@pytest.mark.parametrize("kind", kinds())
def test_every_cell_of_every_table_is_the_same(both, kind):
    found = same(both, lambda tables: tables[kind])
    assert len(found) or kind in {"position", "scan"}


def test_some_dates_are_the_same(both):
    dates = ["2026-10-03", "undated"]
    found = same(both, lambda tables: tables.only("radio", dates))
    assert set(found["date"].to_pylist()) == set(dates)


@pytest.mark.parametrize("ask", [left_out, carriers_seen])
def test_what_is_seen_of_the_spectrum_is_the_same(both, ask):
    found = [sorted(map(repr, tables.read(ask(tables.radio)).to_pylist())) for tables in both]
    assert found[0] == found[1]
    assert found[0]


def test_hours_of_cells_are_the_same_but_for_the_last_bit_of_a_quantile(both):
    cell = [(name, "ascending") for name in (*CELL, "hour", "band", "bandwidth_mhz")]
    duckdb, spark = (tables.read(cell_hours(tables.radio)).sort_by(cell) for tables in both)
    assert duckdb.schema == spark.schema
    assert [*map(blunted, duckdb.to_pylist())] == [*map(blunted, spark.to_pylist())]


def blunted(hour):
    """Without the order of what was collected and the last digits of a number."""
    return {
        name: round(value, 9)
        if isinstance(value, float)
        else sorted(value)
        if isinstance(value, list)
        else value
        for name, value in hour.items()
    }


def objects(config: Config) -> set[str]:
    """Hashes of all extracted records. Notes on boots have no order that they need to keep."""
    files = (config.store.extracts / "objects").glob("*/*")
    return {file.stem for file in files if "seq" in pa.ipc.open_file(file).schema.names}


@pytest.fixture(scope="module")
def a_target_of_each_kpi(tmp_path_factory):
    """A folder with as few targets as ask all that any target asks; `make spark` judges all."""
    folder = tmp_path_factory.mktemp("targets")
    for target in {target.kpi.name: target for target in load()}.values():
        shutil.copy(shipped("targets") / f"{target.id.lower()}.toml", folder)
    return folder


def test_verdicts_are_the_same_to_the_last_byte(cluster, province, a_target_of_each_kpi, tmp_path):
    configurations = [
        configuration(
            tmp_path / name, engine=engine, lake=province.store.lake, targets=a_target_of_each_kpi
        )
        for name, engine in (("duckdb", DUCKDB), ("spark", cluster.url))
    ]
    duckdb, spark = (
        [msgspec.json.encode(one) for one in judge_all(config, now=NOW)]
        for config in configurations
    )
    assert len(duckdb) > 1000
    assert spark == duckdb
    kept, kept_by_spark = map(objects, configurations)
    assert len(kept) > 20
    assert kept_by_spark == kept


def test_the_count_of_the_lake_is_the_same(both, province):
    with Ledger(province.store.ledger) as ledger:
        counts = [recount(tables, ledger) for tables in both]
    assert counts[0] == counts[1]
    assert counts[0].rows > 1000


MONTH = periods.month(2026, 10)


@pytest.fixture(scope="module")
def rare_rows(tmp_path_factory):
    """What the simulated province has none of: GSM scans and 5G."""
    campaign = Campaign()
    for day in range(2):
        served(campaign, day=day)
    look(campaign, at=OCTOBER, modem="1-1.4", **FAR)
    unserved(campaign, count=20, modem="1-1.4")
    unserved(campaign, count=5, rrc_state=None)
    scan(campaign, [("45204", 31, 4711, 70)], at=OCTOBER + timedelta(days=1))
    scan(campaign, unread="+QSCAN: what")
    gsm = Cell(rat=Rat.GSM, mcc="452", mnc="04", lac=31, cell_id=4711)
    radio = Radio(registration=RegistrationState.HOME, plmn="45204", serving=gsm)
    campaign.add("radio", radio, at=OCTOBER)
    folder = tmp_path_factory.mktemp("lake")
    campaign.store(folder).close()
    return folder


@pytest.mark.parametrize("target", ["T4", "T7A"])
def test_verdicts_on_rare_rows_are_the_same_to_the_last_byte(cluster, rare_rows, target):
    operator = msgspec.structs.replace(VIETTEL, technologies=("gsm", "lte", "nr-nsa"))
    found = []
    for url in ("duckdb://?threads=1", cluster.url):
        source = LakeSource(connect(url, rare_rows))
        place = ground(operators=(operator,))
        verdicts = judge(source, [TARGETS[target]], ground=place, now=END_OF_OCTOBER, period=MONTH)
        source.close()
        found.append([msgspec.structs.replace(one, evidence=None) for one in verdicts])
    duckdb, spark = (msgspec.json.encode(one) for one in found)
    assert duckdb == spark
    assert sum(one.n for one in found[0]) > 0
