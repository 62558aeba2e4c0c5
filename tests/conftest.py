"""What every test shares: the hardware bench, and what a test says of itself when it cannot run."""

import logging
import os

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--bench", default=None, help="TOML file naming the modems of a hardware bench"
    )


def pytest_collection_modifyitems(config, items):
    without_root = pytest.mark.skip(reason="needs root: it makes network namespaces")
    without_bench = pytest.mark.skip(reason="needs a hardware bench: --bench FILE")
    for item in items:
        if "root" in item.keywords and os.geteuid() != 0:
            item.add_marker(without_root)
        if "hw" in item.keywords and config.getoption("--bench") is None:
            item.add_marker(without_bench)


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """Commands set the root logger up for themselves; the next test has its own."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
