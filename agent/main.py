"""Puts the agent together from its configuration, runs it, and takes it apart again."""

import logging
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType

from agent.activities import activities
from agent.activity import Activity, Ready, UnpreparedError
from agent.clock import Clock
from agent.config import Config, ConfigError, ModemPlace, Problem
from agent.gps_worker import GpsWorker
from agent.health import Health, Sources
from agent.hotplug_worker import HotplugWorker
from agent.misfits import suggestion
from agent.modem_worker import ModemWorker
from agent.parts import (
    SOFTWARE,
    STOP_TIMEOUT_S,
    make_outbox,
    make_publisher,
    make_supervisor,
)
from agent.places import Places
from agent.plan import Entry, modems_of
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

log = logging.getLogger(__name__)

MODEM_STALL_S = 600.0
"""A scan may take six minutes, and three more by another command where that one was refused; a port
that hangs for longer has a driver that hangs."""
TEST_STALL_S = 900.0


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One plan entry on one modem, checked: its activity, profile and server are there."""

    entry: Entry
    place: ModemPlace
    modem_index: int
    activity: Activity
    ready: Ready


def prepare(config: Config, *, name: str) -> tuple[Planned, ...]:
    """Everything the plan asks for; raises `ConfigError` that names the file as `name`."""
    planned: list[Planned] = []
    problems: list[Problem] = []
    known = sorted(family.name for family in families())
    for index, place in enumerate(config.modem):
        if place.family is not None and place.family not in known:
            what = f"no modem family '{place.family}'; {suggestion(place.family, known)}"
            problems.append(Problem(name, f"modem[{index}].family", what))
    for index, entry in enumerate(config.plan):
        try:
            planned += _prepare_entry(config, entry)
        except UnpreparedError as error:
            problems.append(Problem(name, f"plan[{index}]", str(error)))
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(planned)


def _prepare_entry(config: Config, entry: Entry) -> Iterator[Planned]:
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
        config.state_dir.mkdir(parents=True, exist_ok=True)
        config.run_dir.mkdir(parents=True, exist_ok=True)
        clock = self.clock = Clock()
        whereabouts = self.whereabouts = Whereabouts(config.gps.surveyed)
        envelope = Envelope(
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
            )
            for modem in self.modems
        }
        self.scheduler = Scheduler(
            [
                Task(
                    entry=each.entry,
                    activity=each.activity,
                    ready=each.ready,
                    worker=self.traffic[each.place.name],
                    modem_index=each.modem_index,
                )
                for each in planned
            ],
            probe=config.probe,
            clock=clock,
            recorder=self.recorder,
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
            )

    def workers(self) -> Iterator[Worker]:
        """Every thread of the agent, the outbox first as all others need it."""
        yield self.outbox.worker()
        yield Worker(name="gps", run=self.gps.run)
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
        yield Worker(name="health", run=self.health.run)
        if self.publisher is not None:
            yield self.publisher.worker()

    def _uplink(self) -> str | None:
        if self.publisher is None:
            return None
        return "connected" if self.publisher.stats().connected else "offline"


def run(config: Config, planned: tuple[Planned, ...]) -> bool:
    """Run the agent until SIGTERM or SIGINT; whether every thread ended in time."""
    ask_to_end = threading.Event()

    def end(number: int, _: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        ask_to_end.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    agent = Agent(config, planned)
    agent.supervisor.start(agent.workers())
    log.info("probe %s measures with %d modems", config.probe, len(config.modem))
    ask_to_end.wait()
    return not agent.supervisor.stop(STOP_TIMEOUT_S)
