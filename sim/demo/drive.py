"""The live part of the demo: one probe drives, loses its uplink and its broker, and delivers."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from sim.demo.dashboard import Dashboard
from sim.demo.installation import Access, Centre, Kept, LiveProbe
from sim.demo.timetable import Timetable, fitted
from sim.demo.toml import Table
from sim.demo.view import Scene, View
from sim.network import OperatorNetworks
from sim.parts import PartError, TooLateError
from sim.world import World

T0_AFTER_S = 7.0
"""From making the world to the start of its drive: time for the parts to come up."""
TICK_S = 0.25
BROKER_DOWN_S = 2.0
DRAIN_TIMEOUT_S = 40.0

RATES_MBIT_S: Mapping[str, tuple[float, float]] = {
    "viettel": (200.0, 60.0),
    "vinaphone": (60.0, 30.0),
    "mobifone": (20.0, 10.0),
}
"""What the network behind each modem carries, down and up."""

PLAN: tuple[Table, ...] = (
    {
        "name": "data-check",
        "activity": "latency",
        "every_s": 30.0,
        "start_after_s": 3.0,
        "stagger_s": 1.0,
    },
    {
        "name": "capacity",
        "activity": "throughput",
        "profile": "tcp-6x10s-down",
        "every_s": 60.0,
        "start_after_s": 5.0,
        "stagger_s": 15.0,
    },
    {
        "name": "video",
        "activity": "video",
        "profile": "video-1080p-short",
        "every_s": 120.0,
        "start_after_s": 105.0,
        "stagger_s": 4.0,
    },
)


class Driven(NamedTuple):
    """What the drive left behind."""

    probe: str
    kept: Kept
    outage_s: float
    broker_kills: int
    broker_down_s: float
    shaped: bool
    note: str | None
    measured_mbit_s: Mapping[str, tuple[float, ...]]
    """Capacity tests that reached a dashboard, by modem."""


def drive(
    folder: Path,
    *,
    centre: Centre,
    networks: OperatorNetworks,
    world: World,
    table: Timetable,
    view: View,
) -> Driven:
    """Drive the world's road by the timetable and deliver everything; shows scenes meanwhile.

    Raises `PartError` when a part does not come up, dies, or is not drained in time.
    """
    accesses = {name: _serve(networks, name, folder.parent) for name in RATES_MBIT_S}
    world = fitted(world, table, time.time() + T0_AFTER_S)
    probe = LiveProbe(folder, centre=centre, world=world, accesses=accesses, plan=PLAN)
    keys = centre.authority.certificate.parent
    with probe, Dashboard(centre.broker.port, keys, probe.name) as dashboard, view:
        stage = _Stage(probe, centre, dashboard, world, view)
        stage.play_until(table.outage_start_s)
        probe.uplink.go_black()
        stage.tell("the uplink goes black")
        stage.play_until(table.outage_end_s)
        probe.uplink.come_back()
        stage.tell("the uplink is back")
        stage.play_until(table.broker_kill_s)
        stage.play_until(table.drive_s, or_until=probe.is_connected)
        centre.broker.kill()
        stage.tell("the broker is killed (SIGKILL)")
        stage.play_until(stage.now_s + BROKER_DOWN_S)
        centre.broker.start()
        stage.tell("the broker is back, and empty")
        stage.play_until(table.drive_s)
        stage.tell("the drive is over; the outbox is drained")
        stage.wait_until_drained(DRAIN_TIMEOUT_S)
        stage.tell("the agent is stopped and its last rows are delivered")
        kept = probe.stop_and_deliver()
        return Driven(
            probe=probe.name,
            kept=kept,
            outage_s=table.outage_s,
            broker_kills=1,
            broker_down_s=BROKER_DOWN_S,
            shaped=networks.shaped,
            note=networks.note,
            measured_mbit_s={name: dashboard.rates_mbit_s(name) for name in RATES_MBIT_S},
        )


class _Stage:
    """The running parts, and what is shown of them."""

    def __init__(
        self, probe: LiveProbe, centre: Centre, dashboard: Dashboard, world: World, view: View
    ) -> None:
        self._probe = probe
        self._centre = centre
        self._dashboard = dashboard
        self._world = world
        self._view = view
        self._news: list[str] = []

    @property
    def now_s(self) -> float:
        """Since the start of the drive."""
        return time.time() - self._world.t0_unix_s

    def play_until(self, at_s: float, *, or_until: Callable[[], bool] = lambda: False) -> None:
        """Show the drive until a time of it, or until something is so."""
        while self.now_s < at_s and not or_until():
            self._show()

    def tell(self, news: str) -> None:
        """Something happened."""
        self._news.append(f"{max(0.0, self.now_s):.0f} s: {news}")

    def wait_until_drained(self, timeout_s: float) -> None:
        """Show how the outbox empties; raises `TooLateError`."""
        self.play_until(self.now_s + timeout_s, or_until=self._probe.is_drained)
        if not self._probe.is_drained():
            raise TooLateError("the outbox is drained", timeout_s)

    def _show(self) -> None:
        for part in (self._probe.agent, self._centre.collector):
            if not part.running:
                raise PartError(f"{part.name} ended:\n{part.log_tail}")
        self._view.show(
            Scene(
                presence=self._probe.presence(),
                chainage_m=self._world.position_at(time.time()).chainage_m,
                since_start_s=max(0.0, self.now_s),
                uplink_black=self._probe.uplink.black,
                broker_up=self._centre.broker.part.running,
                latest=self._dashboard.latest(),
                news=self._news,
            )
        )
        time.sleep(TICK_S)


def _serve(networks: OperatorNetworks, name: str, folder: Path) -> Access:
    network = networks[name]
    network.serve(log=folder / f"server-{name}.log")
    return Access(
        interface=network.interface,
        iperf_host=network.server_host,
        iperf_port=network.iperf_port,
        http_url=f"http://{network.server_host}:{network.http_port}",
    )
