"""What is said of a Spark Connect server that is not there, not right, or gone in the midst of it.

The far end is a gRPC server of the test that knows as much of Spark as that takes.
"""

import importlib
import os
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from collector.store.engine import EngineError, check, connect

pytest.importorskip("collector.store.engine.spark", reason="needs dosong[spark]")
grpc = importlib.import_module("grpc")
proto = importlib.import_module("pyspark.sql.connect.proto")
services = importlib.import_module("pyspark.sql.connect.proto.base_pb2_grpc")
retries = importlib.import_module("pyspark.sql.connect.client.retries")
session = importlib.import_module("collector.store.engine.spark_session")

QUICK_S = 5.0


class Server(services.SparkConnectServiceServicer):
    """Answers what a session begins and ends with; a query waits for ever."""

    version = "4.3.0"
    hangs = False

    def __init__(self):
        self.asked = threading.Event()
        self.held = threading.Event()
        self.left = threading.Event()
        self.settings = {}

    def analyze(self, request, _):
        answer = proto.AnalyzePlanResponse(session_id=request.session_id)
        answer.spark_version.version = self.version
        return answer

    def configure(self, request, _):
        pairs = request.operation.set.pairs
        self.settings |= {pair.key: pair.value for pair in pairs}
        return proto.ConfigResponse(session_id=request.session_id, pairs=pairs)

    def execute(self, _, context):
        self.asked.set()
        self.held.wait(QUICK_S)
        context.abort(grpc.StatusCode.UNAVAILABLE, "gone")

    def release(self, request, _):
        if self.hangs:
            self.held.wait(QUICK_S)
        self.left.set()
        return proto.ReleaseSessionResponse(session_id=request.session_id)

    # As the protocol calls them.
    AnalyzePlan = analyze
    Config = configure
    ExecutePlan = execute
    ReleaseSession = release


class Listening:
    """A server on a port of its own."""

    def __init__(self, server):
        self.server = server
        self._grpc = grpc.server(ThreadPoolExecutor(4))
        services.add_SparkConnectServiceServicer_to_server(server, self._grpc)
        self.url = f"sc://127.0.0.1:{self._grpc.add_insecure_port('127.0.0.1:0')}"

    def __enter__(self):
        self._grpc.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self.server.held.set()
        self._grpc.stop(None).wait(QUICK_S)


@pytest.fixture
def hurried(monkeypatch):
    """What takes a minute takes a second."""
    monkeypatch.setattr(session, "_CONNECT_S", 0.5)
    monkeypatch.setattr(session, "_CALL_S", 0.5)
    quick = retries.DefaultPolicy(max_retries=2, initial_backoff=10, max_backoff=10)
    monkeypatch.setattr(session, "_PATIENT", quick)


def said_of(url):
    began_s = time.monotonic()
    with pytest.raises(EngineError) as caught:
        check(url)
    assert time.monotonic() - began_s < QUICK_S
    assert caught.value.url == url.partition(";")[0]
    return str(caught.value)


def test_where_nobody_listens_the_url_and_the_next_step_are_named():
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"sc://127.0.0.1:{nobody.getsockname()[1]}"
        said = said_of(url)
    assert url in said
    assert "Connection refused" in said
    assert "is the Spark Connect server started" in said


@pytest.mark.usefixtures("hurried")
def test_who_listens_but_does_not_speak_is_not_waited_for():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        said = said_of(f"sc://127.0.0.1:{silent.getsockname()[1]}")
    assert "does not speak Spark Connect" in said


@pytest.mark.parametrize("url", ["sc://", "sc://host:port", "sc://host:15002/path", "sc://h/;x"])
def test_a_url_that_is_none_is_told(url):
    assert "sc://host:15002" in said_of(url)


def test_a_token_is_never_told():
    said = said_of("sc://127.0.0.1:1/;use_ssl=true;token=geheim")
    assert "geheim" not in said


def test_without_its_packages_the_command_to_get_them_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "collector.store.engine.spark", None)
    assert "pip install 'dosong[spark]'" in said_of("sc://127.0.0.1:15002")


def test_a_client_of_another_version_is_told(monkeypatch):
    monkeypatch.setattr(session.pyspark, "__version__", "3.5.1")
    assert "pyspark 3.5.1 is installed" in said_of("sc://127.0.0.1:15002")


def test_a_server_of_another_version_is_told():
    server = Server()
    server.version = "3.5.1"
    with Listening(server) as listening:
        assert "the server is Spark 3.5.1; wanted is 4.x" in said_of(listening.url)
    assert server.left.is_set()


def test_a_session_is_in_utc_and_is_given_back():
    server = Server()
    with Listening(server) as listening:
        check(listening.url)
    assert server.settings["spark.sql.session.timeZone"] == "UTC"
    assert server.settings["spark.sql.files.ignoreMissingFiles"] == "false"
    assert server.left.is_set()


@pytest.mark.usefixtures("hurried", "lake")
def test_a_server_that_goes_in_the_midst_of_it_is_told(lake_folder):
    server = Server()
    with Listening(server) as listening:
        killer = threading.Thread(target=lambda: server.asked.wait(QUICK_S) and listening.stop())
        killer.start()
        with pytest.raises(EngineError, match="unavailable"):
            connect(listening.url, lake_folder)
        killer.join(QUICK_S)


@pytest.mark.usefixtures("hurried")
def test_a_server_that_hangs_holds_nobody():
    server = Server()
    server.hangs = True
    with Listening(server) as listening:
        began_s = time.monotonic()
        check(listening.url)
        assert time.monotonic() - began_s < QUICK_S / 2


SCRIPT = """
import sys
from collector.store.engine.spark import start

engine = start(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


def test_a_process_whose_server_is_gone_ends(tmp_path):
    script = tmp_path / "opens.py"
    script.write_text(SCRIPT)
    with Listening(Server()) as listening:
        process = subprocess.Popen(
            [sys.executable, script, listening.url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
            text=True,
        )
        assert process.stdout.readline() == "open\n"
    _, said = process.communicate("\n", timeout=4 * QUICK_S)
    assert process.returncode == 0
    assert "Traceback" not in said
