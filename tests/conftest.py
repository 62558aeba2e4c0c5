"""What every test shares: the hardware bench, and what a test says of itself when it cannot run."""

import logging
import os
import platform
import random
import signal
import sys

import pytest

from tests.faults.tally import Tally, mark_misfit

# A worker of pytest-xdist has no file of its own. PySpark takes a program without one for its
# doctests, and ends it.
if not hasattr(sys.modules["__main__"], "__file__"):
    sys.modules["__main__"].__file__ = pytest.__file__

# What `nohup`, or a shell's `&`, has the tests ignore, all that they start would ignore as well. A
# handler is not inherited.
for number in (signal.SIGHUP, signal.SIGINT):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, lambda *_: None)

OUTCOME = pytest.StashKey[bool]()


def pytest_addoption(parser):
    parser.addoption(
        "--bench", default=None, help="TOML file naming the modems of a hardware bench"
    )


def pytest_collection_modifyitems(config, items):
    without_root = pytest.mark.skip(reason="needs root: it makes network namespaces")
    without_bench = pytest.mark.skip(reason="needs a hardware bench: --bench FILE")
    without_guest = pytest.mark.skip(reason="needs user-mode Linux: there is none but for x86-64")
    for item in items:
        if "root" in item.keywords and os.geteuid() != 0:
            item.add_marker(without_root)
        if "hw" in item.keywords and config.getoption("--bench") is None:
            item.add_marker(without_bench)
        if "guest" in item.keywords and platform.machine() != "x86_64":
            item.add_marker(without_guest)
        wrong = mark_misfit(faults_of(item), item.fixturenames)
        if wrong is not None:
            raise pytest.UsageError(f"{item.nodeid} {wrong}")


def faults_of(item):
    return tuple(number for mark in item.iter_markers("fault") for number in mark.args)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[OUTCOME] = report.passed
    return report


@pytest.fixture
def tally(request):
    """What a test marked with a fault counted; reported when it is over."""
    tally = Tally(faults=faults_of(request.node), test=request.node.nodeid)
    yield tally
    tally.passed = request.node.stash.get(OUTCOME, False)
    tally.report()


@pytest.fixture
def dice():
    """Dice of a seed that a failure shows, and that DOSONG_FAULT_SEED fixes."""
    seed = int(os.environ.get("DOSONG_FAULT_SEED", "0")) or random.SystemRandom().randrange(1 << 31)
    sys.stdout.write(f"DOSONG_FAULT_SEED={seed}\n")
    return random.Random(seed)  # noqa: S311  # moments, no secrets


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """Commands set the root logger up for themselves; the next test has its own."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    yield
    root.setLevel(level)
    root.handlers[:] = handlers
