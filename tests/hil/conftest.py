"""The hardware bench: a TOML file with a `[[modem]]` for each one that is plugged in.

    [[modem]]
    port = "/dev/serial/by-path/...-if02-port0"
    model = "RM520N-GL"

`pytest tests/hil --bench bench.toml` runs on it; the bench is written to the JUnit file.
"""

import tomllib
from pathlib import Path

import pytest


def _modems(config):
    bench = config.getoption("--bench")
    return [] if bench is None else tomllib.loads(Path(bench).read_text())["modem"]


def pytest_generate_tests(metafunc):
    if "modem_facts" in metafunc.fixturenames:
        modems = _modems(metafunc.config) or [{"port": "none", "model": "none"}]
        metafunc.parametrize("modem_facts", modems, ids=lambda facts: facts["model"])


@pytest.fixture(scope="session", autouse=True)
def bench_in_report(request, record_testsuite_property):
    for number, facts in enumerate(_modems(request.config), 1):
        record_testsuite_property(f"bench_modem_{number}", f"{facts['model']} at {facts['port']}")
