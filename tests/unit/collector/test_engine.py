"""DuckDB keeps what every engine must; and what does not depend on the engine."""

import multiprocessing
import re
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from collector.store.engine import EngineError, connect
from collector.store.lake import LakeError

from .engine_behaviour import EngineBehaviour
from .records import radio_record

COLLECTOR = Path(__file__).parents[3] / "collector"


class TestDuckDB(EngineBehaviour):
    """In this process, and in others beside it."""

    @pytest.fixture
    def engine_url(self):
        return "duckdb://"

    def test_readers_in_other_processes_see_what_is_stored(self, store, lake_folder):
        store(radio_record(1), radio_record(2))
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(2, mp_context=context) as pool:
            assert list(pool.map(count_rows, [lake_folder] * 2)) == [2, 2]


def count_rows(folder):
    with connect("duckdb://?threads=1", folder) as tables:
        return tables.read(tables.radio.count().name("rows"))["rows"][0].as_py()


@pytest.mark.parametrize("url", ["mysql://localhost", "", "duckdb://?thread=1"])
def test_an_unknown_engine_is_an_error_that_names_it(url, lake_folder):
    with pytest.raises(EngineError) as caught:
        connect(url, lake_folder)
    assert caught.value.url == url


def test_without_a_lake_there_is_nothing_to_read(tmp_path):
    with pytest.raises(LakeError):
        connect("duckdb://", tmp_path)


def test_no_query_goes_through_pandas():
    """There ibis turns null into NaN on Spark."""
    around = re.compile(r"\.(to_pandas|execute)\(\)")
    files = set(COLLECTOR.rglob("*.py")) - set((COLLECTOR / "store").rglob("*.py"))
    assert [file for file in files if around.search(file.read_text())] == []
