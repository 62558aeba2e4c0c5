"""Several uplinks, real interfaces into another namespace: the link goes where it can, whole."""

import contextlib
import time
from pathlib import Path

import pytest

from agent import publisher
from agent.publisher import Pace
from sim.uplinks import Rate, Uplinks
from tests.faults.delivering import PACE, Centre, Probe, acknowledged_rows, at, settle, until

pytestmark = [pytest.mark.root, pytest.mark.alone]

RECOVERY_S = 5.0
PLENTY = Rate(down_mbit=20.0, up_mbit=20.0)
SLOW_MBIT = 0.032


@pytest.fixture(scope="module")
def uplinks():
    slow = Rate(down_mbit=SLOW_MBIT, up_mbit=SLOW_MBIT)
    with Uplinks({"eth": PLENTY, "lte": PLENTY, "gprs": slow}) as uplinks:
        yield uplinks


@pytest.fixture(scope="module")
def centre(tmp_path_factory, uplinks):
    folder = tmp_path_factory.mktemp("centre")
    with Centre(folder, address=uplinks.address, inside=uplinks.inside) as centre:
        yield centre


@pytest.fixture
def name(request):
    """Of a probe that no other test has."""
    return "p-" + "".join(filter(str.isalnum, request.node.name.lower()))[-40:]


@pytest.fixture
def connect(centre, name, tmp_path, uplinks):
    """A probe with these uplinks, connected."""
    with contextlib.ExitStack() as stack:

        def start(*paths, **options):
            port = centre.broker.port
            probe = stack.enter_context(
                Probe(
                    name,
                    tmp_path,
                    centre.authority,
                    port=port,
                    resolver=at(uplinks.address, port),
                    paths=tuple(path_of(uplinks, each) for each in paths),
                    **options,
                )
            )
            until(lambda: probe.publisher.stats().connected, "the link")
            return probe

        yield start


def path_of(uplinks, name):
    return publisher.Path(name=name, interface=lambda: uplinks[name].name)


def path(probe):
    return probe.publisher.stats().path


@contextlib.contextmanager
def black(shaper, **ways):
    shaper.black_hole(**ways)
    try:
        yield
    finally:
        shaper.come_back(**ways)


@pytest.mark.fault(18, 20)
@pytest.mark.parametrize(
    "ways", [{}, {"up": False}, {"down": False}], ids=["both ways", "down only", "up only"]
)
def test_a_path_that_goes_black_is_left_for_the_next_one_and_taken_again(
    *, connect, uplinks, centre, tally, ways
):
    probe = connect("eth", "lte")
    assert path(probe) == "eth"
    probe.sow(20)
    with black(uplinks["eth"].shaper, **ways):
        probe.sow(20)
        stored = acknowledged_rows(probe)
        until(lambda: path(probe) == "lte", "the other path is taken", timeout_s=15.0)
        recovery_s = until(lambda: acknowledged_rows(probe) > stored, "a row is stored")
        probe.sow(20)
        until(probe.is_empty, "the other path delivers")
    until(lambda: path(probe) == "eth", "the better path is taken again", timeout_s=30.0)
    probe.sow(20)
    settle(tally, centre, probe, recovery_s=recovery_s)
    assert recovery_s < RECOVERY_S


@pytest.mark.fault(18, 20)
@pytest.mark.parametrize("ways", [{}, {"up": False}], ids=["both ways", "down only"])
@pytest.mark.parametrize("out_s", [7.0, 14.0])
def test_the_only_path_delivers_soon_after_it_is_back(
    *, connect, uplinks, centre, tally, ways, out_s
):
    probe = connect("eth")
    with black(uplinks["eth"].shaper, **ways):
        until_s = time.monotonic() + out_s
        while time.monotonic() < until_s:
            probe.sow(5)
    stored = acknowledged_rows(probe)
    recovery_s = until(lambda: acknowledged_rows(probe) > stored, "a row is stored")
    settle(tally, centre, probe, recovery_s=recovery_s)
    assert recovery_s < RECOVERY_S


def test_an_interface_that_is_gone_is_passed_over_at_once(connect, uplinks, centre, tally):
    uplinks.take_down("eth")
    try:
        began_s = time.monotonic()
        probe = connect("eth", "lte")
        assert time.monotonic() - began_s < 2.0
        assert path(probe) == "lte"
        probe.sow(5)
        settle(tally, centre, probe)
    finally:
        uplinks.bring_up("eth")


@pytest.mark.fault(21)
def test_a_slow_and_lossy_link_gets_small_batches_and_no_storm(*, connect, uplinks, centre, tally):
    # The keepalive is shorter than a full batch would take: 64 KiB are 16 s of this link.
    uplinks.lose(3)
    try:
        probe = connect("gprs", pace=Pace(linger_s=0.2, presence_every_s=1.0))
        probe.sow(2000)
        until(lambda: acknowledged_rows(probe) > 500, "some rows are stored")
        stats = probe.publisher.stats()
    finally:
        uplinks.lose(0)
        uplinks["gprs"].shaper.set_rate(down_mbit=PLENTY.down_mbit, up_mbit=PLENTY.up_mbit)
    assert (stats.connections, stats.batches_resent) == (1, 0)
    assert stats.bytes_per_s < 2 * SLOW_MBIT * 1e6 / 8
    settle(tally, centre, probe)


def test_a_test_on_the_same_interface_leaves_the_records_a_small_share(
    *, connect, uplinks, centre, tally
):
    device = uplinks["eth"].name
    tests = {device}
    probe = connect("eth", under_test=tests.__contains__, pace=PACE)
    sent = counter(device)
    probe.sow(3000)
    began_s = time.monotonic()
    until(lambda: acknowledged_rows(probe) > 100, "they are not starved")
    while time.monotonic() - began_s < 10.0:
        probe.sow(1)
    kbit_s = (counter(device) - sent) * 8 / 1000 / (time.monotonic() - began_s)
    tests.clear()
    settle(tally, centre, probe)
    # Presence, keepalive, acknowledgements and headers come on top of 16 kbit/s.
    assert kbit_s < 40


def counter(device):
    return int(Path("/sys/class/net", device, "statistics", "tx_bytes").read_text())
