import shutil
import threading
from dataclasses import replace

import pytest

from agent.activities import activities
from agent.activity import Job, UnpreparedError
from agent.config import ChosenServer, Server
from agent.orders import OrderError, UnableError
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.netpath import NetPath
from drivers.traffic.result import unobserved
from sim.parts import ReservedPort
from sim.server import HttpServer, IperfServer
from sim.server.listener import Services
from sim.server.slots import Slots
from wire.cells import Rat
from wire.kinds import kinds, scan
from wire.messages import Outcome

PROFILES = {
    "quick-iperf": 'kind = "throughput"\nstreams = 2\nwarmup_s = 0\nwindow_s = 1\n',
    "quick-http": 'kind = "throughput"\nmethod = "http"\nstreams = 2\nwarmup_s = 0\nwindow_s = 1\n',
    "quick-ping": 'kind = "latency"\ncount = 3\ninterval_s = 0\n',
    "quick-video": (
        'kind = "video"\nheight = 1080\nmedia_bits_per_second = 5000000\n'
        "target_bits_per_second = 5000000\nsegment_s = 1\nsegments = 5\n"
    ),
}


@pytest.fixture
def folder(tmp_path):
    for name, text in PROFILES.items():
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "broken.toml").write_text('kind = "latency"\ncuont = 3\n')
    return tmp_path


@pytest.fixture(scope="module")
def http_server():
    with HttpServer("127.0.0.1", 0) as running:
        yield Server(name="main", http_url=f"http://127.0.0.1:{running.port}")


@pytest.fixture
def job():
    def refuse(_):
        raise OrderError("a scan: the modem is gone")

    return Job(interface=None, cancel=threading.Event(), on_progress=unobserved, scan=refuse)


@pytest.mark.parametrize("name", sorted(activities()))
def test_each_activity_ends_as_a_known_kind(name):
    assert activities()[name].KIND in kinds()
    assert isinstance(activities()[name].NEEDS_SERVICE, bool)


@pytest.mark.parametrize("name", sorted(set(activities()) - {"scan"}))
def test_each_default_profile_comes_with_the_program(name):
    server = Server(name="main", iperf_host="localhost", http_url="http://localhost:8080/")
    ready = activities()[name].prepare(profile=None, server=server, folder=None)
    assert ready.profile


@pytest.mark.parametrize(
    ("activity", "profile"),
    [("latency", "quick-ping"), ("throughput", "quick-http"), ("video", "quick-video")],
)
def test_a_test_over_http_gives_its_kinds_payload(activity, profile, folder, http_server, job):
    ready = activities()[activity].prepare(profile=profile, server=http_server, folder=folder)
    result = ready.run(job)
    assert result.outcome is Outcome.OK, result.reason
    assert ready.profile == profile
    assert isinstance(result.payload, kinds()[activity].payload)


@pytest.mark.skipif(shutil.which("iperf3") is None, reason="iperf3 is not installed")
def test_a_capacity_test_by_iperf_gives_its_rate(folder, job, tmp_path):
    with ReservedPort() as port:
        number = port.number
    with IperfServer("127.0.0.1", number, log=tmp_path / "iperf.log"):
        ready = activities()["throughput"].prepare(
            profile="quick-iperf",
            server=Server(name="main", iperf_host="127.0.0.1", iperf_port=number),
            folder=folder,
        )
        result = ready.run(job)
    assert result.outcome is Outcome.OK, result.reason
    assert result.payload.bits_per_second > 0


def test_a_capacity_test_falls_back_to_another_server(folder, job, http_server):
    with ReservedPort() as port:
        down = ChosenServer(
            name="down", http_url=f"http://127.0.0.1:{port.number}", others=(http_server,)
        )
        ready = activities()["throughput"].prepare(profile="quick-http", server=down, folder=folder)
        result = ready.run(job)
    assert result.outcome is Outcome.OK, result.reason
    assert result.payload.server_check.name == "main"
    assert result.payload.server_check.tried == ("down: server: refused",)


@pytest.mark.parametrize(
    ("activity", "profile"), [("throughput", "quick-http"), ("video", "quick-video")]
)
def test_a_test_asks_for_its_slot_under_the_probes_name(folder, job, activity, profile):
    asked = []

    class Heard(Slots):
        def take(self, wanted, now_s):
            asked.append(wanted.probe)
            return super().take(wanted, now_s)

    with HttpServer("127.0.0.1", 0, Services(slots=Heard(http=1))) as running:
        server = Server(name="main", http_url=f"http://127.0.0.1:{running.port}")
        ready = activities()[activity].prepare(profile=profile, server=server, folder=folder)
        assert ready.run(replace(job, probe="dn-01")).outcome is Outcome.OK
    assert asked == ["dn-01"]


def test_a_scan_is_what_the_modem_found(job):
    found = scan.Payload(command="AT+COPS=?", duration_s=1.0)
    ready = activities()["scan"].prepare(profile=None, server=None, folder=None)
    asked = []

    def scanned(rats):
        asked.append(rats)
        return found

    again = replace(job, scan=scanned)
    assert ready.run(again) == (Outcome.OK, None, found)
    assert ready.run(job) == (Outcome.INVALID, "a scan: the modem is gone", None)
    gsm = activities()["scan"].prepare(profile="scan-gsm", server=None, folder=None)
    assert (gsm.profile, gsm.run(again).outcome) == ("scan-gsm", Outcome.OK)
    assert asked == [frozenset(), frozenset({Rat.GSM})]


def test_a_scan_the_modem_has_no_radio_for_is_skipped_with_the_reason(job):
    def unable(_):
        raise UnableError("no scan for gsm: this modem knows 4g only")

    ready = activities()["scan"].prepare(profile="scan-gsm", server=None, folder=None)
    result = ready.run(replace(job, scan=unable))
    assert result == (Outcome.SKIPPED, "no scan for gsm: this modem knows 4g only", None)


def test_the_way_out_of_a_test_has_the_modems_name_servers_and_family(job):
    there = replace(
        job, interface="wwan0", dns_servers=("192.0.2.53",), address_family=IpFamily.IPV6
    )
    assert there.path == NetPath(
        interface="wwan0", dns_servers=("192.0.2.53",), family=IpFamily.IPV6
    )


@pytest.mark.parametrize(
    ("activity", "profile", "server", "complaint"),
    [
        ("throughput", "quick-iperf", None, "needs a [[server]] with 'iperf_host'"),
        ("throughput", "quick-iperf", Server(name="s"), "'s' needs 'iperf_host'"),
        ("throughput", "quick-http", Server(name="s"), "'s' needs 'http_url'"),
        ("scan", "quick-ping", None, "is for another activity"),
        ("latency", "quick-pong", None, "did you mean 'quick-ping'?"),
        ("latency", "quick-video", None, "is for another activity"),
        ("latency", "broken", None, "cuont"),
        ("video", "quick-video", Server(name="s", http_url="http://h:99999"), "http_url"),
    ],
)
def test_what_is_missing_is_told_before_the_first_test(
    activity, profile, server, complaint, folder
):
    with pytest.raises(UnpreparedError) as caught:
        activities()[activity].prepare(profile=profile, server=server, folder=folder)
    assert complaint in str(caught.value)
