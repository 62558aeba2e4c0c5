"""A control test against a real server, whole: measured, told, and read back."""

import json
import shutil
import urllib.request

import pytest

from agent.cli import main
from sim.parts import ReservedPort
from sim.server import HttpServer, IperfServer
from sim.server.control import Control
from sim.server.listener import Services

TOKEN = "0123456789abcdef"  # noqa: S105 - a test's

pytestmark = pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")


@pytest.fixture(scope="module")
def far_end(tmp_path_factory):
    log = tmp_path_factory.mktemp("iperf") / "log"
    with (
        ReservedPort() as port,
        IperfServer("127.0.0.1", port.number, log=log) as iperf,
        HttpServer("127.0.0.1", services=Services(control=Control(TOKEN))) as http,
        HttpServer("127.0.0.1") as plain,
    ):
        yield iperf.port, http.port, plain.port


@pytest.fixture
def control(tmp_path, far_end):
    iperf, http, plain = far_end
    for way in ("down", "up"):
        (tmp_path / f"quick-{way}.toml").write_text(
            f'kind = "throughput"\ndirection = "{way}"\nstreams = 2\nwarmup_s = 0\nwindow_s = 1\n'
        )
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    (tmp_path / "other").write_text("fedcba9876543210\n")
    config = tmp_path / "probe.toml"
    servers = {"main": (iperf, http), "plain": (iperf, plain), "dead": (1, http)}
    config.write_text(
        'probe = "wired-1"\nprofile_dir = "."\n'
        + "".join(
            f'[[server]]\nname = "{name}"\niperf_host = "127.0.0.1"\niperf_port = {iperf_port}\n'
            f'http_url = "http://127.0.0.1:{http_port}"\n'
            for name, (iperf_port, http_port) in servers.items()
        )
    )

    def run(server="main", token="token", **options):  # noqa: S107 - a file's name
        named = {"--down-profile": "quick-down", "--up-profile": "quick-up"} | options
        words = ["control", "--config", str(config), "--server", server, "--json"]
        words += ["--token-file", str(tmp_path / token)]
        return main([*words, *(word for pair in named.items() for word in pair)])

    return run


def state(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/status") as answer:
        return json.load(answer)["control"]


def without_age(state):
    return None if state is None else {**state, "age_s": None}


def test_what_was_measured_is_what_the_server_tells(control, far_end, capsys):
    assert control() == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["server"], said["reported"], said["error"]) == ("main", True, None)
    told = state(far_end[1])
    for way in ("down", "up"):
        assert said[way]["outcome"] == "ok"
        assert told[f"{way}_bits_per_second"] == said[way]["bits_per_second"] > 1e6
    assert told["age_s"] < 30


def test_a_test_that_failed_is_not_reported(control, far_end, capsys):
    before = state(far_end[1])
    assert control("dead") == 1
    printed = capsys.readouterr()
    said = json.loads(printed.out)
    assert not said["reported"]
    assert "down: server: refused; nothing is reported" in printed.err
    after = state(far_end[1])
    assert without_age(after) == without_age(before)


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"token": "other"}, "knows another token"),
        ({"server": "plain"}, "takes no control tests"),
    ],
)
def test_a_server_that_does_not_take_it_is_told_with_what_to_do(control, capsys, how, what):
    assert control(**how) == 1
    printed = capsys.readouterr()
    assert what in printed.err
    assert not json.loads(printed.out)["reported"]
    assert TOKEN not in printed.err + printed.out


@pytest.mark.parametrize(
    ("how", "what"),
    [
        ({"server": "mai"}, "did you mean 'main'"),
        ({"token": "absent"}, "No such file"),
        ({"token": "probe.toml"}, "holds no token"),
        ({"--up-profile": "quick-down"}, "profile 'quick-down' goes down, not up"),
        ({"--up-profile": "quick"}, "no profile 'quick'"),
    ],
)
def test_what_cannot_begin_says_why(control, capsys, how, what):
    assert control(**how) == 1
    assert what in capsys.readouterr().err
