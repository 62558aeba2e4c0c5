"""Whatever happens to a test, it ends in time, with the right fault, and leaves nothing behind.

No test lasts longer than its profile's deadline and 2 s. Of the acceptance faults of the traffic
tests these are here:

- 18 and 20, a black hole both ways or one way, as a test meets it (of the uplink to the collector:
  `tests/unit/agent/publisher/test_publisher.py`);
- 22, a name server that never answers (of the uplink: `test_resolve.py` beside it; of a lying one:
  `test_publisher.py`);
- 52, an address that changes and an interface that goes in the middle of a test;
- 53, the way of a modem is lost and the traffic could leave by another;
- 54, an iperf3 or HTTP server that is busy, silent, frozen, killed and restarted, or resets;
- 55, a child of a test that hangs, crashes or is killed (too much output, memory and descriptors:
  `tests/unit/drivers/traffic/test_child.py`; the database stays whole: `test_throughput.py` there).

Elsewhere: 56 and 57, a test that raises or hangs inside the agent, in
`tests/unit/agent/workers/test_traffic_worker.py` (other threads and the watchdog:
`tests/unit/agent/runtime/test_supervisor.py`; an agent that stands still: `test_agent_stopped.py`);
19, 21, 23 and 24, faults of the uplink, in `tests/unit/agent/publisher` and `tests/e2e`; 48 to 51,
of modems, in `test_modem_faults.py` and `test_hotplug_storm.py`.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from drivers.traffic import NetPath, Server
from drivers.traffic.netpath import counted_since, read_counters
from sim.network import OperatorNetwork
from tests.faults.traffic import (
    IPERF3,
    NOTHING,
    PROFILES,
    Ended,
    Weathered,
    children,
    command,
    describe,
    drop,
    ends,
    networks,
    serve,
    serve_everywhere,
    serve_oddly,
    signal_all,
    silent_name_server,
    weather,
)
from wire.messages import Outcome

pytestmark = [pytest.mark.root, pytest.mark.alone]

FAILED, INVALID, OK = Outcome.FAILED, Outcome.INVALID, Outcome.OK
BREAK = (FAILED, ("transfer: ", "request: ", "connect: "))
ADDRESS_CHANGED = (FAILED, ("interface: address changed",))
REFUSED = (INVALID, ("server: refused", "server: terminated"))
BUSY = (INVALID, ("server: busy",))
NO_WAY = (INVALID, ("probe: wrong path",))
SOMEWHERE = Server(host="silent.invalid", http_port=80, iperf_port=5201)


class Fault(NamedTuple):
    """What happens in the middle of each test, and how each may end then."""

    happen: Callable[[OperatorNetwork], object]
    ends: tuple[tuple[Outcome, tuple[str, ...]], ...]
    """Outcomes with the beginnings of their reasons."""
    names: tuple[str, ...] = tuple(PROFILES)
    partial: bool = True
    """Whether what was measured before is kept."""


def unplug(net: OperatorNetwork) -> None:
    command("ip", "link", "del", net.interface)


def change_address(net: OperatorNetwork) -> None:
    """As a modem that was given another one; its network routes nothing to it yet."""
    command("ip", "addr", "flush", "dev", net.interface)
    command("ip", "addr", "add", "198.18.7.9/32", "dev", net.interface)


def signal_child(number: signal.Signals) -> Callable[[OperatorNetwork], None]:
    def hit(net: OperatorNetwork) -> None:
        found = list(children(net.server_host))
        assert found, "no child of a test"
        for child in found:
            os.kill(child, number)

    return hit


FAULTS = {
    "black-hole": Fault(lambda net: drop(net, "input", "output"), (BREAK,)),
    "downlink-dead": Fault(lambda net: drop(net, "output"), (BREAK,)),
    "uplink-dead": Fault(lambda net: drop(net, "input"), (BREAK,)),
    "unplugged": Fault(unplug, ((Outcome.MODEM_GONE, ("interface: ", "bind: ")),)),
    "address-changed": Fault(change_address, (BREAK, ADDRESS_CHANGED)),
    "server-frozen": Fault(lambda net: signal_all(net, signal.SIGSTOP), (BREAK,)),
    "child-stopped": Fault(
        signal_child(signal.SIGSTOP), ((INVALID, ("probe: ",)),), names=IPERF3, partial=False
    ),
    "child-crashed": Fault(
        signal_child(signal.SIGSEGV),
        ((INVALID, ("probe: iperf3 child crashed: SIGSEGV",)),),
        names=IPERF3,
        partial=False,
    ),
    "child-killed": Fault(
        signal_child(signal.SIGKILL),
        ((INVALID, ("probe: iperf3 child crashed: SIGKILL",)),),
        names=IPERF3,
        partial=False,
    ),
}


def pairs(faults: dict[str, Fault]) -> list[tuple[str, str]]:
    return [(fault, name) for fault, each in faults.items() for name in each.names]


@pytest.fixture(scope="module")
def weathered() -> Callable[[str, Callable[[], Weathered]], Weathered]:
    """All tests under a fault run at once, for whichever of them is looked at first."""
    kept: dict[str, Weathered] = {}

    def get(fault: str, make: Callable[[], Weathered]) -> Weathered:
        if fault not in kept:
            kept[fault] = make()
        return kept[fault]

    return get


def check(weathered: Weathered, name: str, *allowed: tuple[Outcome, tuple[str, ...]]) -> Ended:
    """It ended, in time, in one of these ways, and nothing is left of it."""
    assert name in weathered.ended, "it never ended"
    ended = weathered.ended[name]
    said = describe(ended)
    assert ended.in_time, f"deadline {ended.deadline_s:.1f} s: {said}"
    result = ended.result
    assert any(
        result.outcome is outcome and str(result.reason).startswith(reasons)
        for outcome, reasons in allowed
    ), said
    assert weathered.left == NOTHING
    if name not in {"video", "latency"} and result.payload.bits_per_second is not None:
        assert result.outcome is OK or result.payload.cut_off, said
    return ended


@pytest.mark.parametrize(("fault", "name"), pairs(FAULTS))
def test_a_fault_in_the_middle_ends_the_test_in_time_with_what_it_has(
    weathered, tmp_path, fault, name
):
    of = FAULTS[fault]

    def make() -> Weathered:
        with networks(of.names) as nets:
            serve(nets, of.names, tmp_path)
            return weather(ends(nets, of.names), lambda each: of.happen(nets[each]))

    ended = check(weathered(fault, make), name, *of.ends)
    assert ended.has_partial_data or not of.partial, describe(ended)


@pytest.mark.parametrize("name", PROFILES)
def test_a_server_that_is_killed_and_comes_back_breaks_the_test_and_nothing_else(
    weathered, tmp_path, name
):
    """A round trip that is lost meanwhile is a loss; the next may find the new server."""

    def make() -> Weathered:
        with networks(tuple(PROFILES)) as nets:
            parts = serve(nets, tuple(PROFILES), tmp_path)

            def restart(each: str) -> None:
                parts[each].kill()
                parts[each].start()

            return weather(ends(nets, tuple(PROFILES)), restart)

    allowed = [BREAK, REFUSED, *([(OK, ("None",))] if name == "latency" else [])]
    ended = check(weathered("restart", make), name, *allowed)
    assert ended.has_partial_data


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("how", ["silent", "resets"])
def test_a_server_that_never_answers_or_resets_is_a_failure_in_time(weathered, tmp_path, how, name):
    def make() -> Weathered:
        with networks(tuple(PROFILES)) as nets:
            serve_oddly(nets, tuple(PROFILES), tmp_path, how)
            return weather(ends(nets, tuple(PROFILES)))

    check(weathered(how, make), name, BREAK)


@pytest.mark.parametrize("name", PROFILES)
def test_a_name_that_nobody_answers_for_is_a_fault_of_dns_in_time(weathered, name):
    def make() -> Weathered:
        with ExitStack() as stack:
            silent_name_server(stack)
            nowhere = {each: (SOMEWHERE, NetPath()) for each in PROFILES}
            found = weather(nowhere)
        # A look-up of the system cannot be ended, only left: it goes when it is answered.
        left = found.left
        waiting = tuple(each for each in left.threads if not each.startswith("resolve-"))
        return found._replace(left=left._replace(threads=waiting))

    check(weathered("dns", make), name, (FAILED, ("dns: ",)), (INVALID, ("dns: ",)))


@pytest.mark.parametrize("name", IPERF3)
def test_a_busy_server_is_told_and_no_failure_of_the_network(weathered, tmp_path, name):
    def make() -> Weathered:
        with networks(IPERF3) as nets, ExitStack() as stack:
            serve(nets, IPERF3, tmp_path)
            for each in IPERF3:
                stack.enter_context(occupied(nets[each]))
            return weather(ends(nets, IPERF3))

    ended = check(weathered("busy", make), name, BUSY)
    assert ended.result.payload.bits_per_second is None


@contextmanager
def occupied(net: OperatorNetwork) -> Iterator[None]:
    """The network's iperf3 server has a client already."""
    address, port = net.server_host, str(net.iperf_port)
    words = ["iperf3", "-c", address, "-p", port, "-t", "60", "-b", "1M", "--forceflush"]
    with subprocess.Popen(words, stdout=subprocess.PIPE) as client:
        try:
            said = iter(client.stdout.readline, b"")
            assert any(b"connected to" in line for line in said)
            yield
        finally:
            client.kill()


OTHER = "other-modem"
STRAY_BYTES = 20_000
"""What the kernel says on a link of its own accord."""


@pytest.mark.parametrize("name", PROFILES)
def test_a_test_whose_way_is_lost_ends_and_never_leaves_by_another_modem(weathered, tmp_path, name):
    """The same servers stand behind both modems, as the Internet does."""
    names = tuple(PROFILES)
    remote = {each: f"198.51.100.{number}" for number, each in enumerate(names, 1)}

    def make() -> Weathered:
        with networks((*names, OTHER)) as nets:
            other = nets[OTHER]
            for each, address in remote.items():
                put_behind(nets[each], address)
                put_behind(other, address)
                command("ip", "route", "add", f"{address}/32", *via(nets[each]))
            for net in (other, *(nets[each] for each in names)):
                serve_everywhere(net, tmp_path)

            def lose(each: str) -> None:
                command("ip", "route", "replace", f"{remote[each]}/32", *via(other))

            stray = read_counters(NetPath(interface=other.interface))
            far = {
                each: (replace(server, host=remote[each]), path)
                for each, (server, path) in ends(nets, names).items()
            }
            found = weather(far, lose)
            stray = counted_since(NetPath(interface=other.interface), stray)
            assert stray.rx_bytes + stray.tx_bytes < STRAY_BYTES
            return found

    ended = check(weathered("way-lost", make), name, BREAK, NO_WAY)
    assert ended.has_partial_data, describe(ended)


def put_behind(net: OperatorNetwork, address: str) -> None:
    """A host behind the network's gateway, which answers for nobody else on the link itself."""
    command("ip", "addr", "add", f"{address}/32", "dev", "lo", inside=net)
    command("sysctl", "-q", "-w", "net.ipv4.conf.all.arp_ignore=1", inside=net)


def via(net: OperatorNetwork) -> tuple[str, ...]:
    return ("via", net.server_host, "dev", net.interface)
