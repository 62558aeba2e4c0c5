"""Puts the agent together from its configuration, runs it, and takes it apart again."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from agent.budget.purse import Purse, Watched
from agent.carry.export import Export
from agent.carry.stick import StickWorker
from agent.clock import Clock
from agent.config import Config, ModemPlace
from agent.demand.worker import DemandWorker
from agent.gps_worker import GpsWorker
from agent.guard import Guard
from agent.health import Health, Sources
from agent.host_watch import HostWatch
from agent.hotplug_worker import HotplugWorker
from agent.modem_worker import ModemWorker
from agent.needs import Needs
from agent.parts import (
    OUTBOX_FILE,
    SOFTWARE,
    STOP_TIMEOUT_S,
    make_outbox,
    make_publisher,
    make_supervisor,
)
from agent.places import Places
from agent.plan_in_force import PlanInForce
from agent.planned import Planned
from agent.publisher import Publisher, PublisherStats
from agent.rat_setting import SavedSettings
from agent.recorder import Envelope, Recorder
from agent.releases import Proof, confirm_running
from agent.remote_plan import Followed
from agent.rungs import RungLog
from agent.runtime import SystemdNotify, Worker
from agent.scheduler import Replaced, Scheduler, Task
from agent.shared_paths import SharedPaths
from agent.traffic_worker import TrafficWorker
from agent.under_test import UnderTest
from agent.whereabouts import Whereabouts
from wire.messages import AnyMeasurement
from wire.messages import Modem as Identity

log = logging.getLogger(__name__)

MODEM_STALL_S = 600.0
"""A scan may take six minutes, and three more by another command where that one was refused; a port
that hangs for longer has a driver that hangs."""
TEST_STALL_S = 900.0
SIGNAL_DELAY_S = 1.0


class Agent:
    """The parts of a running probe."""

    def __init__(self, own: Followed, *, file: Path) -> None:
        """Make all parts of the probe that `file` describes; nothing runs yet."""
        config = own.config
        config.state_dir.mkdir(parents=True, exist_ok=True)
        config.run_dir.mkdir(parents=True, exist_ok=True)
        clock = self.clock = Clock()
        whereabouts = self.whereabouts = Whereabouts(config.gps.surveyed)
        envelope = self._envelope = Envelope(
            probe=config.probe,
            software=SOFTWARE,
            stamp=clock.stamp,
            position=lambda: whereabouts.position_at(clock.mono_ns()),
        )
        self.outbox = make_outbox(config, envelope)
        self.recorder = Recorder(envelope, self.outbox)
        self.plan = PlanInForce(
            own, file=file, clock=clock, recorder=self.recorder, take_up=self._take_up
        )
        self._config, planned = self.plan.at_start
        self.gps = GpsWorker(
            gpsd=config.gps.gpsd, whereabouts=whereabouts, clock=clock, recorder=self.recorder
        )
        saved = SavedSettings(config.state_dir / "rat-settings")
        rungs = RungLog(config.state_dir / "rungs", clock)
        places = Places(config.modem)
        self.modems = tuple(
            ModemWorker(
                place=place,
                open_modem=places.open_modem,
                clock=clock,
                recorder=self.recorder,
                position_at=whereabouts.position_at,
                saved=saved,
                rungs=rungs,
            )
            for place in config.modem
        )
        self.hotplug = HotplugWorker(self.modems)
        self.purse = Purse(
            folder=config.state_dir,
            settings=config.budget,
            watched=[_watched(modem, places) for modem in self.modems],
            clock=clock,
            recorder=self.recorder,
        )
        self.needs = Needs(
            probe=config.probe, folder=config.state_dir, clock=clock, recorder=self.recorder
        )
        host = HostWatch(config.host)
        paths = SharedPaths()
        under_test = UnderTest()
        self.traffic = {
            modem.place.name: TrafficWorker(
                place=modem.place,
                radio=modem,
                clock=clock,
                recorder=self.recorder,
                position_at=whereabouts.position_at,
                paths=paths,
                interface_of=places.interface_of,
                guard=Guard(modem.place.name, purse=self.purse, needs=self.needs, host=host),
                under_test=under_test,
            )
            for modem in self.modems
        }
        self.scheduler = Scheduler(
            self._tasks(planned),
            probe=config.probe,
            clock=clock,
            recorder=self.recorder,
            planning=config.planning,
            fixes_since=whereabouts.since,
        )
        self.demand = DemandWorker(
            run_dir=config.run_dir,
            config=lambda: self._config,
            tests=self.traffic,
            look=self._newest_look,
            clock=clock,
        )
        self.stick = StickWorker(
            Export(
                outbox=config.state_dir / OUTBOX_FILE,
                probe=config.probe,
                software=SOFTWARE,
                utc=lambda: clock.stamp().utc,
            ),
            folders=config.carry.folders,
            record_event=self.recorder.event,
        )
        proof = Proof(
            SystemdNotify(),
            made=lambda: self.outbox.made,
            proven=lambda: confirm_running(config.state_dir),
        )
        self.supervisor = make_supervisor(self.recorder, notify=proof)
        self.publisher: Publisher | None = None
        self.health = Health(
            probe=config.probe,
            software=SOFTWARE,
            state_dir=config.state_dir,
            run_dir=config.run_dir,
            clock=clock,
            recorder=self.recorder,
            sources=Sources(
                modems=self.modems,
                outbox=self.outbox.stats,
                workers=self.supervisor.states,
                uplink=self._uplink,
                position=lambda: whereabouts.position_at(clock.mono_ns()),
                data=self.purse.outlook,
                plan=self.plan.answer,
            ),
        )
        if config.uplink is not None:
            self.publisher = make_publisher(
                config,
                config.uplink,
                outbox=self.outbox,
                recorder=self.recorder,
                clock=clock,
                presence=self.health.presence,
                interface_of=places.interface_of,
                on_needs=self.needs.hear,
                on_plan=self.plan.hear,
                under_test=under_test,
            )

    def workers(self) -> Iterator[Worker]:
        """Every thread of the agent, the outbox first as all others need it."""
        yield self.outbox.worker()
        yield Worker(name="gps", run=self.gps.run)
        yield Worker(name="budget", run=self.purse.run)
        yield Worker(name="needs", run=self.needs.run)
        yield Worker(name="plan", run=self.plan.run)
        for modem in self.modems:
            name = modem.place.name
            yield Worker(
                name=f"modem {name}", run=modem.run, critical=True, stall_limit_s=MODEM_STALL_S
            )
            traffic = self.traffic[name]
            yield Worker(
                name=f"tests {name}", run=traffic.run, critical=True, stall_limit_s=TEST_STALL_S
            )
        yield Worker(name="hotplug", run=self.hotplug.run)
        yield Worker(name="scheduler", run=self.scheduler.run, critical=True)
        yield Worker(name="demand", run=self.demand.run)
        yield Worker(name="health", run=self.health.run)
        yield Worker(name="stick", run=self.stick.run)
        if self.publisher is not None:
            yield self.publisher.worker()

    def _take_up(self, followed: Followed) -> Replaced:
        """Go on with another plan for the same modems."""
        self._config, planned = followed
        return self.scheduler.replace(self._tasks(planned))

    def _tasks(self, planned: tuple[Planned, ...]) -> list[Task]:
        return [
            Task(
                entry=each.entry,
                activity=each.activity,
                ready=each.ready,
                worker=self.traffic[each.place.name],
                modem_index=each.modem_index,
                where=each.where,
            )
            for each in planned
        ]

    def _newest_look(self, place: ModemPlace) -> AnyMeasurement | None:
        """The newest look at a modem's radio as a record; it is in the outbox already."""
        worker = next(each for each in self.modems if each.place.name == place.name)
        look = worker.latest()
        if look is None:
            return None
        return self._envelope.around(
            "radio",
            look.payload,
            outcome=look.outcome,
            mono_ns=look.mono_ns,
            position=self.whereabouts.position_at(look.mono_ns),
            modem=look.modem,
            sim=look.sim,
            rat_lock=look.rat_lock,
        )

    def _uplink(self) -> PublisherStats | None:
        return None if self.publisher is None else self.publisher.stats()


def _watched(modem: ModemWorker, places: Places) -> Watched:
    """A modem as the data budget asks it."""
    place = modem.place

    def iccid() -> str | None:
        look = modem.latest()
        return None if look is None or look.sim is None else look.sim.iccid

    return Watched(
        modem=Identity(usb_path=place.place, name=place.name),
        name=place.name,
        interface=lambda: places.interface_of(place),
        iccid=iccid,
    )


def run(config: Config, planned: tuple[Planned, ...], *, file: Path) -> bool:
    """Run the agent until SIGTERM or SIGINT; whether every thread ended in time.

    On SIGHUP the plan of the configuration in `file` takes the place of the present one, if it is
    right.
    """
    ends = threading.Event()
    asked = threading.Event()
    wants_plan = threading.Event()

    def end(number: int, _: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        ends.set()
        asked.set()

    def read_again(_: int, __: FrameType | None) -> None:
        wants_plan.set()
        asked.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    # By hand it says that the terminal is gone; a service is told so to read its files again.
    signal.signal(signal.SIGHUP, end if sys.stderr.isatty() else read_again)
    agent = Agent(Followed(config, planned), file=file)
    agent.supervisor.start(agent.workers())
    log.info("probe %s measures with %d modems", config.probe, len(config.modem))
    while not ends.is_set():
        # The kernel may give a signal to another thread; Python handles it when this one wakes.
        asked.wait(SIGNAL_DELAY_S)
        asked.clear()
        if wants_plan.is_set():
            wants_plan.clear()
            agent.plan.read_again()
    return not agent.supervisor.stop(STOP_TIMEOUT_S)
