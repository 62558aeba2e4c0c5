"""A real broker with the field's access rules, and the collector's parts on real files."""

import contextlib
import shutil
import threading
import time

import pytest

from collector.config import Ingest, Mqtt
from collector.geo.boundaries import Boundaries
from collector.geo.locate import Locator
from collector.geo.roads import Roads
from collector.ingest.intake import Intake
from collector.ingest.link import Link
from collector.ingest.time_teller import TimeTeller
from collector.ingest.worker import Worker
from collector.store.lake import Lake
from collector.store.ledger import Ledger
from sim.broker import Broker
from sim.certificates import COLLECTOR, PLANNER, Authority, files

TIMEOUT_S = 20.0
PROBES = ("dn-01", "dn-02")


def wait_until(true, what, timeout_s=TIMEOUT_S):
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    authority = Authority(tmp_path_factory.mktemp("tls") / "keys")
    for name in (*PROBES, COLLECTOR, PLANNER):
        authority.client(name)
    return authority


@pytest.fixture
def keys(authority):
    return authority.certificate.parent


@pytest.fixture
def broker(tmp_path, authority):
    with Broker(tmp_path / "broker", authority) as broker:
        yield broker


@pytest.fixture
def lake_folder(tmp_path):
    return tmp_path / "lake"


@pytest.fixture(scope="session")
def empty_lake(tmp_path_factory):
    """Made once: a dozen commits that every test would flush again."""
    folder = tmp_path_factory.mktemp("lake") / "empty"
    Lake(folder)
    return folder


@pytest.fixture
def lake(lake_folder, empty_lake):
    shutil.copytree(empty_lake, lake_folder)
    return Lake(lake_folder)


@pytest.fixture
def ledger(tmp_path):
    with Ledger(tmp_path / "collector.db") as ledger:
        yield ledger


@pytest.fixture
def intake(lake, ledger):
    return Intake(lake, ledger, Locator(Boundaries([]), Roads([])))


@pytest.fixture
def mqtt_config(broker, keys):
    identity = files(keys, COLLECTOR)
    return Mqtt(
        port=broker.port,
        ca_file=keys / "ca.crt",
        cert_file=identity.certificate,
        key_file=identity.key,
    )


@contextlib.contextmanager
def running(link, intake, ledger, ingest):
    """The link and what serves it in their threads, as `dosong-collector run` has them."""
    stop = threading.Event()
    parts = [link, Worker(link, intake, ledger, ingest), TimeTeller(link)]
    threads = [threading.Thread(target=part.run, args=(stop,)) for part in parts]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: link.connected, "the collector connects")
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(TIMEOUT_S)
        assert not any(thread.is_alive() for thread in threads)


@pytest.fixture
def ingest_config():
    return Ingest(batch_s=0.1)


@pytest.fixture
def collecting(mqtt_config, intake, ledger, ingest_config):
    """The collector at work; the value is its link."""
    link = Link(mqtt_config, receive_maximum=ingest_config.receive_maximum)
    with running(link, intake, ledger, ingest_config):
        yield link
