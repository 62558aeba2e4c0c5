"""`dosong-collector run` as a service: it collects, serves its page, and ends when told to."""

import signal
import subprocess
import sys
import threading
import urllib.request
from uuid import UUID

import pytest

from collector.main import Crew
from collector.store.ledger import Ledger
from sim.certificates import COLLECTOR, files
from sim.fleet.delivery import Delivery
from sim.parts import ReservedPort, accepts

from .conftest import TIMEOUT_S, wait_until
from .records import radio_record

EPOCH = UUID(int=7)
PAGE_TIMEOUT_S = 90.0
"""The first request waits for verdicts, half a minute at the most, and the machine is busy."""
COMMAND = [sys.executable, "-c", "from collector.cli import main; raise SystemExit(main())"]


@pytest.fixture
def page_port():
    with ReservedPort() as port:
        yield port.number


@pytest.fixture
def config(tmp_path, broker, keys, page_port):
    identity = files(keys, COLLECTOR)
    file = tmp_path / "collector.toml"
    file.write_text(
        f"""
        [mqtt]
        port = {broker.port}
        ca_file = "{keys / "ca.crt"}"
        cert_file = "{identity.certificate}"
        key_file = "{identity.key}"
        [store]
        folder = "store"
        [web]
        port = {page_port}
        """
    )
    return file


def test_the_service_collects_shows_a_page_and_ends_cleanly(
    config, broker, keys, page_port, tmp_path
):
    with (tmp_path / "log").open("wb") as log:
        service = subprocess.Popen([*COMMAND, "run", "--config", config], stderr=log)
    try:
        wait_until(lambda: accepts(page_port), "the page is served")
        with Delivery(broker.port, keys, [("dn-01", EPOCH)]) as delivery:
            delivery.send([radio_record(seq, epoch=EPOCH) for seq in range(1, 101)])
            delivery.drain()
        address = f"http://127.0.0.1:{page_port}/"
        with urllib.request.urlopen(address, timeout=PAGE_TIMEOUT_S) as page:
            assert page.status == 200
    finally:
        service.send_signal(signal.SIGTERM)
        code = service.wait(TIMEOUT_S)
    assert code == 0, (tmp_path / "log").read_text()
    with Ledger(tmp_path / "store" / "collector.db", read_only=True) as ledger:
        assert ledger.ledger()[0].received == 100


def test_a_port_that_is_taken_is_said_before_anything_runs(config, page_port):
    listener = subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(page_port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: accepts(page_port), "somebody else listens")
        done = subprocess.run(
            [*COMMAND, "run", "--config", config],
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    finally:
        listener.kill()
        listener.wait()
    assert done.returncode == 1
    assert "Address already in use" in done.stderr


def test_where_one_thread_fails_all_stop_and_it_is_named(caplog):
    stop = threading.Event()
    crew = Crew(stop)

    def fail(_stop):
        raise RuntimeError("broken by the test")

    crew.start("patient", lambda stop: stop.wait(TIMEOUT_S))
    crew.start("faulty", fail)
    assert crew.join(TIMEOUT_S) == []
    assert crew.failed == ["faulty"]
    assert "broken by the test" in caplog.text


def test_who_does_not_stop_in_time_is_named():
    crew = Crew(threading.Event())
    release = threading.Event()
    crew.start("stubborn", lambda _stop: release.wait(TIMEOUT_S))
    assert crew.join(0.05) == ["stubborn"]
    release.set()
    assert crew.join(TIMEOUT_S) == []
