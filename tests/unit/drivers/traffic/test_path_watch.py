import socket
import struct
import subprocess
import threading
from pathlib import Path

import msgspec
import pytest

from drivers.traffic import NetPath, TestResult, path_watch
from drivers.traffic.path_watch import MIN_TELLING_BYTES, PathWatch
from drivers.traffic.rtnetlink import (
    Change,
    Changes,
    Group,
    Kind,
    changes,
    default_routes,
    leading_out,
)
from wire.kinds.latency import Payload
from wire.messages import Outcome

CLAIMED = 10 << 20
OK = TestResult(outcome=Outcome.OK, payload=Payload(method="tcp", sent=1, received=1))
ASTRAY = (Outcome.INVALID, "probe: wrong path")


class Interfaces:
    """Counters of some interfaces in a folder, as sysfs has them."""

    def __init__(self, folder: Path, *names: str) -> None:
        self.folder = folder
        for name in names:
            (folder / name / "statistics").mkdir(parents=True)
            (folder / name / "ifindex").write_text(str(list(names).index(name) + 1))
            self.carry(name, 0)

    def carry(self, name: str, rx_bytes: int, tx_bytes: int = 0) -> None:
        counters = self.folder / name / "statistics"
        (counters / "rx_bytes").write_text(str(rx_bytes))
        (counters / "tx_bytes").write_text(str(tx_bytes))

    def path(self, name: str) -> NetPath:
        return NetPath(interface=name, statistics=self.folder)


@pytest.fixture
def interfaces(tmp_path, monkeypatch) -> Interfaces:
    """All but the last two lead out."""
    monkeypatch.setattr(path_watch, "leading_out", lambda: frozenset({1, 2, 3}))
    return Interfaces(tmp_path, "wwan0", "wwan1", "eth0", "docker0", "lo")


def ended(watch: PathWatch, claimed_bytes=CLAIMED, result=OK, *, upwards=False):
    end = watch.proven(result, claimed_bytes=claimed_bytes, upwards=upwards)
    return end.outcome, end.reason


@pytest.mark.parametrize("direction", ["rx_bytes", "tx_bytes"])
def test_a_test_that_went_over_another_modem_is_told_although_ours_was_busy(interfaces, direction):
    watch = PathWatch(interfaces.path("wwan0"))
    interfaces.carry("wwan0", 2 * CLAIMED, 2 * CLAIMED)
    interfaces.carry("wwan1", **{"rx_bytes": 0, direction: round(1.06 * CLAIMED)})
    assert ended(watch, upwards=direction == "tx_bytes") == ASTRAY


@pytest.mark.parametrize("upwards", [True, False])
def test_what_another_modem_carries_the_other_way_is_no_sign(interfaces, upwards):
    """As when the agent brings its records to the collector."""
    watch = PathWatch(interfaces.path("wwan0"))
    interfaces.carry("wwan1", **{"rx_bytes": 0, "rx_bytes" if upwards else "tx_bytes": CLAIMED})
    assert ended(watch, upwards=upwards) == (Outcome.OK, None)


@pytest.mark.parametrize("elsewhere", [0, CLAIMED // 2, 4 * CLAIMED])
def test_other_traffic_elsewhere_is_none_of_ours(interfaces, elsewhere):
    watch = PathWatch(interfaces.path("wwan0"))
    interfaces.carry("eth0", elsewhere)
    interfaces.carry("lo", CLAIMED)
    interfaces.carry("docker0", CLAIMED)
    assert ended(watch) == (Outcome.OK, None)


@pytest.mark.parametrize("still_runs", [True, False])
def test_a_test_on_the_other_modem_explains_what_that_carried(interfaces, still_runs):
    watch, other = (PathWatch(interfaces.path(name)) for name in ("wwan0", "wwan1"))
    interfaces.carry("wwan1", CLAIMED)
    if not still_runs:
        other.close()
    assert ended(watch) == (Outcome.OK, None)
    other.close()


def test_what_runs_over_any_interface_is_no_sign(interfaces):
    watch = PathWatch(interfaces.path("wwan0"))
    interfaces.carry("eth0", MIN_TELLING_BYTES)
    assert ended(watch, MIN_TELLING_BYTES - 1) == (Outcome.OK, None)


def test_an_interface_above_ours_carries_the_same(interfaces, tmp_path):
    (tmp_path / "eth0" / "lower_wwan0").mkdir()
    watch = PathWatch(interfaces.path("wwan0"))
    interfaces.carry("eth0", CLAIMED)
    assert ended(watch) == (Outcome.OK, None)


def test_an_interface_that_is_gone_is_a_modem_gone_with_what_there_is(tmp_path):
    watch = PathWatch(Interfaces(tmp_path, "wwan0").path("wwan7"))
    end = watch.proven(OK, claimed_bytes=0)
    assert (end.outcome, end.reason) == (Outcome.MODEM_GONE, "interface: wwan7 is gone")
    assert end.payload is OK.payload


def test_without_an_interface_nothing_is_proven():
    assert ended(PathWatch(NetPath())) == (Outcome.OK, None)


def test_an_end_may_be_told_twice(interfaces):
    watch = PathWatch(interfaces.path("wwan0"))
    watch.close()
    watch.close()


def message(type_: int, body: bytes) -> bytes:
    whole = struct.pack("=IHHII", 16 + len(body), type_, 0, 0, 0) + body
    return whole + bytes(-len(whole) % 4)


def address(index: int, *, flags=0, scope=0) -> bytes:
    return struct.pack("=BBBBI", socket.AF_INET, 30, flags, scope, index)


def link(index: int, family=socket.AF_UNSPEC) -> bytes:
    return struct.pack("=BxHiII", family, 1, index, 0, 0)


def test_what_vanished_is_read_from_the_kernels_messages():
    data = message(21, address(7)) + message(20, address(7)) + message(17, link(9))
    assert changes(data) == [Change(Kind.ADDRESS_GONE, 7), Change(Kind.LINK_GONE, 9)]


def route(index: int, *, length=0, kind=1) -> bytes:
    attributes = struct.pack("=HHI", 8, 15, 93_000_007) + struct.pack("=HHI", 8, 4, index)
    return struct.pack("=BBBBBBBBI", socket.AF_INET, length, 0, 0, 254, 2, 0, kind, 0) + attributes


def test_a_way_out_has_a_default_route_in_whatever_table():
    data = message(24, route(7)) + message(24, route(8, length=24)) + message(24, route(9, kind=2))
    assert list(default_routes(data)) == [7]
    assert list(default_routes(message(24, b"\2") + message(24, route(7)[:-2]))) == []


def test_the_kernel_tells_its_ways_out():
    said = subprocess.run(["ip", "-j", "route", "show", "default"], capture_output=True, check=True)
    named = {each["dev"] for each in msgspec.json.decode(said.stdout or b"[]")}
    assert {socket.if_nametoindex(name) for name in named} <= leading_out()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        message(21, address(7, flags=0x01)),
        message(21, address(7, scope=253)),
        message(17, link(9, socket.AF_BRIDGE)),
        message(21, b"\2"),
        struct.pack("=IHHII", 0, 21, 0, 0, 0),
        message(21, address(7))[:-2],
        b"\xff" * 40,
    ],
)
def test_what_is_of_no_interest_or_no_message_tells_nothing(data):
    assert changes(data) == []


def test_a_subscription_that_hears_nothing_waits_no_longer_than_asked():
    heard = Changes(Group.LINK)
    assert heard.drain() == ()
    assert heard.wait(0.01) in {True, False}
    heard.close()


def test_the_result_of_a_cancelled_test_stays_what_it_is(interfaces):
    cancelled = msgspec.structs.replace(OK, outcome=Outcome.INVALID, reason="probe: cancelled")
    watch = PathWatch(interfaces.path("wwan0"))
    watch._index, heard = 7, threading.Event()

    class Vanished:
        def drain(self):
            heard.set()
            return (Change(Kind.ADDRESS_GONE, 7),)

        def close(self):
            heard.set()

    watch._changes.close()
    watch._changes = Vanished()
    assert ended(watch, result=cancelled) == (Outcome.INVALID, "probe: cancelled")
