"""What happens to each contestant, and what is read off meanwhile."""

import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.delivery.accepted import Accepted
from benchmarks.delivery.contestant import Contestant, Program, Uplink
from benchmarks.delivery.process import ProbeSide
from sim.disk import Disk
from sim.guest import Cable, Guest
from sim.parts import Part, ReservedPort, accepts, find_command
from sim.proxy import Proxy

BROKER = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 1000000
max_inflight_messages 100
log_dest stderr
log_type error
"""
START_TIMEOUT_S = 60.0
STORING_TIMEOUT_S = 120.0
BACKLOG_TIMEOUT_S = 30.0
"""What is not accepted within this is not part of the backlog."""
CALM_S = 20.0
"""Nothing that was accepted came for so long: what is missing now does not come any more."""
POLL_S = 0.02
FAULT_EVERY_S = (2.0, 5.0)
DOWN_S = 0.5
ROWS_A_LIFE = 1_000_000
DISK_BYTES = 512 << 20


@dataclass(frozen=True, kw_only=True)
class Course:
    """How much of everything."""

    steady_s: float = 30.0
    kills: int = 10
    broker_kills: int = 3
    outage_s: float = 35.0
    backlog_rows: int = 20_000
    power_cuts: int = 10


QUICK = Course(
    steady_s=10.0, kills=3, broker_kills=1, outage_s=10.0, backlog_rows=2_000, power_cuts=2
)


@dataclass(frozen=True, kw_only=True)
class Count:
    """Rows that were accepted, and what the database shows of them."""

    accepted: int
    lost: int
    duplicates: int


@dataclass(frozen=True, kw_only=True)
class Finish:
    """How a contestant did. `None`: never."""

    name: str
    accepts: str
    kills: Count
    """Over its own kills, the broker's and the outages."""
    power_cuts: Count
    recovery_s: float | None
    """From the uplink's return until the next row is stored."""
    drained_rows_s: float | None
    """Rows stored per second while a backlog drained; the link itself sets no limit."""
    rss_mb: float
    cpu_ms_row: float
    disk_bytes_row: float


@dataclass(frozen=True, kw_only=True)
class Steady:
    """What an undisturbed contestant takes."""

    rss_mb: float
    cpu_ms_row: float
    disk_bytes_row: float


def race(
    contestant: Callable[..., Contestant], folder: Path, course: Course, *, seed: int
) -> Finish:
    """Run the course once; needs root."""
    folder.mkdir()
    with ExitStack() as stack:
        port = stack.enter_context(ReservedPort())
        broker = stack.enter_context(_broker(folder, port.number))
        broker.wait_until(lambda: accepts(port.number), "the broker", START_TIMEOUT_S)
        one = contestant(folder, broker_port=port.number)
        one.open()
        stack.callback(one.close)
        field = _Field(one, broker, random.Random(seed))  # noqa: S311  # moments of faults
        uplink = stack.enter_context(Proxy(port.number))
        disk = stack.enter_context(Disk(folder / "probe", size_bytes=DISK_BYTES, options="noatime"))
        steady, recovery_s, drained, kills = field.killed(disk, uplink, course)
        cable = stack.enter_context(Cable())
        away = stack.enter_context(Proxy(port.number, host=cable.host_address))
        cuts = field.cut(Guest(folder / "guest", cable=cable, disk_mb=256), away, course.power_cuts)
        return Finish(
            name=one.name,
            accepts=one.accepts,
            kills=kills,
            power_cuts=cuts,
            recovery_s=recovery_s,
            drained_rows_s=drained,
            rss_mb=steady.rss_mb,
            cpu_ms_row=steady.cpu_ms_row,
            disk_bytes_row=steady.disk_bytes_row,
        )


def _broker(folder: Path, port: int) -> Part:
    configuration = folder / "broker.conf"
    user = "user root\n" if os.geteuid() == 0 else ""
    configuration.write_text(BROKER.format(port=port) + user)
    command = [find_command("mosquitto"), "-c", str(configuration)]
    return Part("broker", command, log=folder / "broker.log")


class _Field:
    """A contestant in front of a broker."""

    def __init__(self, one: Contestant, broker: Part, dice: random.Random) -> None:
        self._one = one
        self._broker = broker
        self._dice = dice
        self._lives = itertools.count(1)

    def killed(
        self, disk: Disk, uplink: Proxy, course: Course
    ) -> tuple[Steady, float | None, float | None, Count]:
        """SIGKILLs of either side, an outage, a backlog."""
        accepted = Accepted()

        def start() -> ProbeSide:
            program = self._program(disk.path, Uplink("127.0.0.1", uplink.port))
            return ProbeSide(program, log=self._one.folder / "probe.log", accepted=accepted)

        side = start()
        try:
            self._await_more(START_TIMEOUT_S)
            steady = self._steady(side, disk, accepted, course.steady_s)
            for _ in self._moments(course.kills):
                side.kill()
                time.sleep(DOWN_S)
                side = start()
                accepted.wait(accepted.count + 1, START_TIMEOUT_S)
            self._await_more(STORING_TIMEOUT_S)
            for _ in self._moments(course.broker_kills):
                self._broker.kill()
                time.sleep(DOWN_S)
                self._broker.start()
                self._await_more(STORING_TIMEOUT_S)
            uplink.go_black()
            time.sleep(course.outage_s)
            uplink.come_back()
            recovery_s = self._await_more(STORING_TIMEOUT_S)
            drained = self._drain(side, accepted, uplink, course.backlog_rows)
            side.kill()
            side = start()  # whatever a last start still brings
            return steady, recovery_s, drained, self._settled(accepted, {})
        finally:
            side.kill()

    def cut(self, guest: Guest, uplink: Proxy, cuts: int) -> Count:
        """Power cuts, and one last run in which everything may come."""
        accepted, before = Accepted(), dict(self._one.database())
        where = Uplink("localhost", uplink.port)
        for _ in range(cuts):
            program = self._program(guest.disk, where)
            with guest.boot(program.command, environment=program.environment) as session:
                deadline_s = time.monotonic() + START_TIMEOUT_S
                while not accepted.hear(session.lines(POLL_S)) and time.monotonic() < deadline_s:
                    pass
                accepted.hear(session.lines(self._dice.uniform(*FAULT_EVERY_S)))
                accepted.hear(session.cut())
        program = self._program(guest.disk, where)
        with guest.boot(program.command, environment=program.environment):
            self._await_more(START_TIMEOUT_S)
            return self._settled(accepted, before)

    def _program(self, disk: Path, uplink: Uplink) -> Program:
        return self._one.program(disk, uplink, next(self._lives) * ROWS_A_LIFE)

    def _moments(self, number: int) -> Iterator[int]:
        """So many moments of faults, each reached when it is given out."""
        for moment in range(number):
            time.sleep(self._dice.uniform(*FAULT_EVERY_S))
            yield moment

    def _steady(self, side: ProbeSide, disk: Disk, accepted: Accepted, lasts_s: float) -> Steady:
        disk.sync()
        before, written, rows = side.usage(self._one.keeper), disk.written_bytes, accepted.count
        time.sleep(lasts_s)
        after = side.usage(self._one.keeper)
        made = max(accepted.count - rows, 1)
        disk.sync()
        return Steady(
            rss_mb=after.rss_bytes / 1e6,
            cpu_ms_row=1000 * (after.cpu_s - before.cpu_s) / made,
            disk_bytes_row=(disk.written_bytes - written) / made,
        )

    def _await_more(self, timeout_s: float) -> float | None:
        """Seconds until one more row is stored."""
        since_s, before = time.monotonic(), self._one.stored()
        while self._one.stored() <= before:
            if time.monotonic() - since_s > timeout_s:
                return None
            time.sleep(POLL_S)
        return time.monotonic() - since_s

    def _drain(self, side: ProbeSide, accepted: Accepted, uplink: Proxy, rows: int) -> float | None:
        """Make a backlog behind a black uplink; rows stored per second once it is back."""
        uplink.go_black()
        made = accepted.count
        side.burst(rows)
        accepted.wait(made + rows, BACKLOG_TIMEOUT_S)
        backlog, before, since_s = accepted.count - made, self._one.stored(), time.monotonic()
        uplink.come_back()
        while self._one.stored() < before + backlog:
            if time.monotonic() - since_s > STORING_TIMEOUT_S:
                return None
            time.sleep(POLL_S)
        return backlog / (time.monotonic() - since_s)

    def _settled(self, accepted: Accepted, before: dict[int, int]) -> Count:
        """Once all that was accepted by now is stored, or nothing of it comes any more."""
        wanted = accepted.numbers()
        missing, since_s = len(wanted), time.monotonic()
        while missing and time.monotonic() - since_s < CALM_S:
            time.sleep(0.5)
            found = self._one.database()
            if (now := sum(number not in found for number in wanted)) < missing:
                missing, since_s = now, time.monotonic()
        found = self._one.database()
        return Count(
            accepted=len(wanted),
            lost=sum(number not in found for number in wanted),
            duplicates=sum(times - 1 for times in found.values())
            - sum(times - 1 for times in before.values()),
        )
