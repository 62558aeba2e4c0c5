"""Puts the agent together from its configuration, runs it, and takes it apart again."""

import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

from agent.activities import activities
from agent.activity import Activity, Ready, UnpreparedError
from agent.budget.purse import Purse, Watched
from agent.clock import Clock
from agent.config import Config, ConfigError, ModemPlace, Problem
from agent.demand.worker import DemandWorker
from agent.gps_worker import GpsWorker
from agent.guard import Guard
from agent.health import Health, Sources
from agent.host_watch import HostWatch
from agent.hotplug_worker import HotplugWorker
from agent.misfits import suggestion
from agent.modem_worker import ModemWorker
from agent.needs import Needs
from agent.parts import (
    SOFTWARE,
    STOP_TIMEOUT_S,
    make_outbox,
    make_publisher,
    make_supervisor,
)
from agent.places import Places
from agent.plan.entry import Entry, modems_of
from agent.plan.files import PlanFiles
from agent.plan.triggers import Where
from agent.publisher import Publisher
from agent.rat_setting import SavedSettings
from agent.recorder import Envelope, Recorder
from agent.rungs import RungLog
from agent.runtime import SystemdNotify, Worker
from agent.scheduler import Scheduler, Task
from agent.shared_paths import SharedPaths
from agent.traffic_worker import TrafficWorker
from agent.whereabouts import Whereabouts
from drivers.modem.family import families
from wire.messages import AnyMeasurement
from wire.messages import Modem as Identity

log = logging.getLogger(__name__)

MODEM_STALL_S = 600.0
"""A scan may take six minutes, and three more by another command where that one was refused; a port
that hangs for longer has a driver that hangs."""
TEST_STALL_S = 900.0
REPLACED = ("plan", "area", "server")
"""What of a configuration the agent takes up without a restart."""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One plan entry on one modem, checked: its activity, profile and server are there."""

    entry: Entry
    place: ModemPlace
    modem_index: int
    activity: Activity
    ready: Ready
    where: Where = ()
    """The area of the entry, or its places."""


def prepare(config: Config, *, name: str) -> tuple[Planned, ...]:
    """Everything the plan asks for; raises `ConfigError` that names the file as `name`."""
    planned: list[Planned] = []
    problems: list[Problem] = []
    known = sorted(family.name for family in families())
    for index, place in enumerate(config.modem):
        if place.family is not None and place.family not in known:
            what = f"no modem family '{place.family}'; {suggestion(place.family, known)}"
            problems.append(Problem(name, f"modem[{index}].family", what))
    files = PlanFiles(config.area, config.plan)
    problems += (Problem(name, place, what) for place, what in files.misfits)
    for index, entry in enumerate(config.plan):
        try:
            planned += _prepare_entry(config, entry, files.where(entry))
        except UnpreparedError as error:
            problems.append(Problem(name, f"plan[{index}]", str(error)))
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(planned)


def _prepare_entry(config: Config, entry: Entry, where: Where) -> Iterator[Planned]:
    activity = activities().get(entry.activity)
    if activity is None:
        hint = suggestion(entry.activity, sorted(activities()))
        raise UnpreparedError(f"no activity '{entry.activity}'; {hint}")
    names = modems_of(entry, tuple(place.name for place in config.modem))
    places = [place for place in config.modem if place.name in names]
    for modem_index, place in enumerate(places):
        yield Planned(
            entry=entry,
            place=place,
            modem_index=modem_index,
            activity=activity,
            where=where,
            ready=activity.prepare(
                profile=entry.profile,
                server=config.server_for(place, entry),
                folder=config.profile_dir,
            ),
        )


class Agent:
    """The parts of a running probe."""

    def __init__(self, config: Config, planned: tuple[Planned, ...]) -> None:
        """Make all parts; nothing runs yet."""
        self._config = config
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
        self.supervisor = make_supervisor(self.recorder, notify=SystemdNotify())
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
                on_needs=self.needs.hear,
            )

    def workers(self) -> Iterator[Worker]:
        """Every thread of the agent, the outbox first as all others need it."""
        yield self.outbox.worker()
        yield Worker(name="gps", run=self.gps.run)
        yield Worker(name="budget", run=self.purse.run)
        yield Worker(name="needs", run=self.needs.run)
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
        if self.publisher is not None:
            yield self.publisher.worker()

    def replace_plan(self, config: Config, planned: tuple[Planned, ...]) -> None:
        """Go on with another plan for the same modems, and the configuration it is of."""
        self._config = config
        replaced = self.scheduler.replace(self._tasks(planned))
        kept, begun, ended = replaced
        self.recorder.event("plan_accepted", detail={"kept": kept, "begun": begun, "ended": ended})
        log.info("plan: %d kept, %d begun, %d ended", *replaced)

    def refuse_plan(self, error: ConfigError) -> None:
        """Put on record why another plan is not used; the present one goes on."""
        self.recorder.event(
            "plan_refused",
            severity="warning",
            detail={"problem": str(error.problems[0]), "more": len(error.problems) - 1},
        )
        log.warning("the plan is not changed: %s", error)

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

    def _uplink(self) -> str | None:
        if self.publisher is None:
            return None
        return "connected" if self.publisher.stats().connected else "offline"


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


def run(config: Config, planned: tuple[Planned, ...], *, reread: Callable[[], Config]) -> bool:
    """Run the agent until SIGTERM or SIGINT; whether every thread ended in time.

    On SIGHUP the plan of the configuration that `reread` gives (it may raise `ConfigError`) takes
    the place of the present one, if it is right.
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
    agent = Agent(config, planned)
    agent.supervisor.start(agent.workers())
    log.info("probe %s measures with %d modems", config.probe, len(config.modem))
    while not ends.is_set():
        asked.wait()
        asked.clear()
        if wants_plan.is_set():
            wants_plan.clear()
            try:
                other = reread()
                agent.replace_plan(other, other_plan(config, other))
            except ConfigError as error:
                agent.refuse_plan(error)
    return not agent.supervisor.stop(STOP_TIMEOUT_S)


def other_plan(config: Config, other: Config) -> tuple[Planned, ...]:
    """The plan of another configuration for an agent that runs with `config`.

    Raises `ConfigError`, also where more than plan, areas and servers is different: that takes
    another start.
    """
    problems = tuple(
        Problem("", key, "is different: takes a restart of the service")
        for key in config.__struct_fields__
        if key not in REPLACED and getattr(config, key) != getattr(other, key)
    )
    if problems:
        raise ConfigError(problems)
    return prepare(other, name="")
