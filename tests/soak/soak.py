"""Two probes, a broker and a collector, random faults, and the judgement.

One probe is the agent as its service starts it, with four simulated modems, gpsd and a receiver,
at the speed of the world. The other one makes the rows of four modems many times faster through
the agent's recorder, outbox and publisher (`tests.soak.days`): there the days pass.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sim.demo.installation import PROBE, Centre, LiveProbe
from sim.demo.toml import toml
from sim.parts import Part, find_command, wait_until
from sim.world import AfterDrive, World, demo_world
from tests.soak.days import ROWS
from tests.soak.watch import Course, Sample, course, look

FAST = "dn-days"
MOST_RSS_MB = 64.0
LOOK_EVERY_S = 1.0
FULL_S = (3.0, 8.0)
LESS_THAN_AN_HOUR = (8.0, 25.0)
USUAL = (30.0, 120.0)
DOWN_S = (2.0, 12.0)
STATE_MB = 96
HEALTHY_WITHIN_S = 240.0
WARM_S = 1200.0
"""The agent keeps the last 450 looks of each modem: before that it has to grow."""
SHORT_WARM_SHARE = 0.3
CALM_S = 25.0
GROWTH_MB_A_DAY = 1.0
GROWTH_MB = 1.0
"""What a slope may be wrong by: a few pages of each thread's heap."""
SHORT_GROWTH_MB = 4.0
"""Before it is warm: looks are not all there yet, and no backlog was ever so long."""
HOUR_S, DAY_S = 3600.0, 86_400.0


class Options(NamedTuple):
    """What is asked for."""

    for_s: float
    speed: float
    seed: int


class Judged(NamedTuple):
    """One probe at the end."""

    course: Course
    simulated_days: float
    made: int
    received: int
    missing: int
    duplicates: int
    dropped: int
    growth_limit_mb: float

    @property
    def faults(self) -> list[str]:
        """What is not as it has to be."""
        wrong = {
            f"{self.missing} rows are missing": self.missing,
            f"{self.duplicates} rows are there twice": self.duplicates,
            f"{self.dropped} rows were given up": self.dropped,
            f"RSS {self.course.max_rss_mb:.1f} MB": self.course.max_rss_mb > MOST_RSS_MB,
            f"RSS grew {self.course.growth_mb:.2f} MB": (
                self.course.growth_mb > self.growth_limit_mb
            ),
            f"threads {self.course.threads}": self.course.threads[1] > self.course.threads[0],
            f"descriptors {self.course.descriptors}": (
                self.course.descriptors[1] > self.course.descriptors[0]
            ),
        }
        return [text for text, is_wrong in wrong.items() if is_wrong]


class Result(NamedTuple):
    """Of a soak."""

    seed: int
    speed: float
    lasted_s: float
    happened: dict[str, int]
    probes: dict[str, Judged]


def four_modems() -> World:
    """The demo's world with one more modem in the vehicle."""
    world = demo_world(time.time() + 5, speed_m_s=20.0, after=AfterDrive.TURN_BACK)
    fourth = msgspec.structs.replace(
        world.modems[0], name="viettel-2", imei="860000000000058", iccid="8984040000000000058"
    )
    return msgspec.structs.replace(world, modems=(*world.modems, fourth))


def soak(options: Options, folder: Path, say: Callable[[str], None]) -> Result:
    """Run it below `folder`; raises `PartError` when something does not come up again."""
    with ExitStack() as stack:
        scene = Scene(folder, options, stack)
        return scene.judge(scene.weather(say))


class Watched:
    """Samples of both probes."""

    def __init__(self, parts: dict[str, Part]) -> None:
        self._parts = parts
        self._began_s = time.monotonic()
        self.begins_s = float("inf")
        """Of what is judged."""
        self.samples: dict[str, list[Sample]] = {name: [] for name in parts}

    @property
    def elapsed_s(self) -> float:
        """Since the soak began."""
        return time.monotonic() - self._began_s

    def look_for(self, seconds: float) -> None:
        """Look again and again for so long."""
        until_s = self.elapsed_s + seconds
        while self.elapsed_s < until_s:
            for name, part in self._parts.items():
                self.samples[name].append(look(part.pid or 0, self.elapsed_s))
            time.sleep(LOOK_EVERY_S)


class Scene:
    """Everything that runs; ended by the stack it is given."""

    def __init__(self, folder: Path, options: Options, stack: ExitStack) -> None:
        self._options = options
        self._dice = random.Random(options.seed)  # noqa: S311  # faults, not secrets
        world = four_modems()
        self._state = folder / "probe" / "state"
        self._disk = _small_disk(self._state, stack)
        self.centre = stack.enter_context(Centre(folder / "centre", world))
        self.centre.authority.client(FAST)
        self.probe = stack.enter_context(
            LiveProbe(folder / "probe", centre=self.centre, world=world)
        )
        self._days_file = self._fast_configuration(folder)
        self.days = stack.enter_context(
            Part(
                "days",
                [
                    *(sys.executable, "-m", "tests.soak.days"),
                    *(str(self._days_file), f"{options.speed}"),
                ],
                log=folder / "days.log",
            )
        )
        self.happened: Counter[str] = Counter()

    def weather(self, say: Callable[[str], None]) -> Watched:
        """Faults until the time is over, with a calm where the judged part begins and ends."""
        watched = Watched({PROBE: self.probe.agent, FAST: self.days})
        for until_s in (self._warm_s(), self._options.for_s):
            self._rage(watched, until_s - CALM_S, say)
            self.await_health()
            watched.begins_s = min(watched.begins_s, watched.elapsed_s)
            watched.look_for(CALM_S + LOOK_EVERY_S)
        return watched

    def _rage(self, watched: Watched, until_s: float, say: Callable[[str], None]) -> None:
        pause = USUAL if self._options.for_s >= HOUR_S else LESS_THAN_AN_HOUR
        faults = self._faults(watched)
        while watched.elapsed_s < until_s:
            watched.look_for(min(self._dice.uniform(*pause), until_s - watched.elapsed_s))
            name = self._dice.choice(list(faults))
            say(f"{watched.elapsed_s:7.0f} s  {name}")
            faults[name]()
            self.happened[name] += 1

    def await_health(self) -> None:
        """Until all works again."""

        def healthy() -> bool:
            presence = self.probe.presence()
            return (
                presence is not None
                and all(modem.state in {"ok", "no_service"} for modem in presence.modems)
                and self.probe.is_connected()
                and self.probe.is_drained()
            )

        wait_until(healthy, "everything works again", HEALTHY_WITHIN_S)

    def judge(self, watched: Watched) -> Result:
        """Stop, deliver what is left, and compare with what the collector has."""
        lasted_s = watched.elapsed_s
        kept = self.probe.stop_and_deliver()
        self.days.stop()
        delivery = [find_command("dosong-agent"), "deliver", "--config", str(self._days_file)]
        subprocess.run(delivery, check=True, capture_output=True, timeout=600)
        ledger = {row["probe"]: row for row in self.centre.ask("ledger")}
        visible = self.centre.ask("recount")["duplicates_visible"]
        dropped = {PROBE: kept.dropped, FAST: 0}
        return Result(
            seed=self._options.seed,
            speed=self._options.speed,
            lasted_s=lasted_s,
            happened=dict(self.happened),
            probes={
                name: self._judged(
                    ledger[name],
                    course(samples, begins_s=watched.begins_s, calm_s=CALM_S),
                    lasted_s=lasted_s,
                    duplicates=visible,
                    dropped=dropped[name],
                )
                for name, samples in watched.samples.items()
            },
        )

    def _judged(
        self, row: dict[str, Any], seen: Course, *, lasted_s: float, duplicates: int, dropped: int
    ) -> Judged:
        speed = self._options.speed if row["probe"] == FAST else 1.0
        limit_mb = GROWTH_MB + GROWTH_MB_A_DAY * seen.judged_s * speed / DAY_S
        if self._warm_s() < WARM_S:
            limit_mb += SHORT_GROWTH_MB
        return Judged(
            course=seen,
            simulated_days=lasted_s * speed / DAY_S,
            made=row["made"],
            received=row["received"],
            missing=row["missing"],
            duplicates=duplicates,
            dropped=dropped,
            growth_limit_mb=limit_mb,
        )

    def _warm_s(self) -> float:
        return min(WARM_S, SHORT_WARM_SHARE * self._options.for_s)

    def _fast_configuration(self, folder: Path) -> Path:
        """For a probe without modems, over the same uplink."""
        tls = self.centre.authority.certificate.parent
        head = {"probe": FAST, "state_dir": self._state / FAST, "run_dir": folder / FAST}
        (self._state / FAST).mkdir(parents=True)
        uplink = {
            "host": "127.0.0.1",
            "port": self.probe.uplink.port,
            "ca": self.centre.authority.certificate,
            "cert": tls / f"{FAST}.crt",
            "key": tls / f"{FAST}.key",
            "ack_timeout_s": 8.0,
            "keepalive_s": 10,
        }
        file = folder / f"{FAST}.toml"
        file.write_text(toml(head, {"uplink": uplink}, {}), encoding="utf-8")
        return file

    def _faults(self, watched: Watched) -> dict[str, Callable[[], None]]:
        """What can happen, each with its repair."""
        dice = self._dice

        def wait(seconds: tuple[float, float]) -> None:
            watched.look_for(dice.uniform(*seconds))

        def uplink_black() -> None:
            self.probe.uplink.go_black()
            wait((5.0, 40.0))
            self.probe.uplink.come_back()

        def modem_replugged() -> None:
            part = dice.choice(list(self.probe.modems.values()))
            part.kill()
            wait(DOWN_S)
            part.start()

        def broker_killed() -> None:
            self.centre.broker.kill()
            wait(DOWN_S)
            self.centre.broker.start()

        def collector_killed() -> None:
            self.centre.collector.kill()
            wait(DOWN_S)
            self.centre.start_collector()

        def receiver_silent() -> None:
            pid = self.probe.receiver.pid or 0
            os.kill(pid, signal.SIGSTOP)
            wait(DOWN_S)
            os.kill(pid, signal.SIGCONT)

        def disk_full() -> None:
            filling = self._state / "filling"
            with filling.open("wb") as file, suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), 1 << 16)
                    file.seek(0, os.SEEK_END)
            wait(FULL_S)
            filling.unlink()

        faults = [uplink_black, modem_replugged, broker_killed, collector_killed, receiver_silent]
        if self._disk:
            faults.append(disk_full)
        return {each.__name__: each for each in faults}


def _small_disk(folder: Path, stack: ExitStack) -> bool:
    """Mount a disk that is soon full; False without root."""
    folder.mkdir(parents=True)
    if os.geteuid() != 0:
        return False
    mount = [find_command("mount"), "-t", "tmpfs", "-o", f"size={STATE_MB}m", "soak", str(folder)]
    subprocess.run(mount, check=True, capture_output=True)  # arguments are ours
    unmount = [find_command("umount"), "--lazy", str(folder)]
    stack.callback(subprocess.run, unmount, check=True)
    return True


def rows_a_second(speed: float) -> float:
    """What the fast probe makes."""
    return ROWS * speed
