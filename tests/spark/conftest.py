"""A cluster for all tests of this folder, where its programs are installed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from collector.store.lake import Lake
from sim.parts import MissingCommandError
from tests.spark.cluster import Cluster, spark_home

TIMEOUT_S = 600
"""Of a test, the start of the cluster included, on a busy machine."""


def pytest_collection_modifyitems(items):
    try:
        spark_home()
    except MissingCommandError as missing:
        without = pytest.mark.skip(reason=str(missing))
        for item in items:
            if "cluster" in getattr(item, "fixturenames", ()):
                item.add_marker(without)
    for item in items:
        if "cluster" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("lake") / "empty"
    Lake(folder)
    return folder


@pytest.fixture
def lake_folder(tmp_path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def lake(lake_folder, empty_lake) -> Lake:
    shutil.copytree(empty_lake, lake_folder)
    return Lake(lake_folder)
