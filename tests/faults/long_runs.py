"""The long runs of the campaign: power cuts, kills and outages, each with all its rows compared."""

import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from sim.demo.installation import Centre
from sim.parts import wait_until
from tests.faults import power, probes
from tests.faults.kills import Killed, Stored, kill_at_random, watched
from tests.faults.power import ANY_MOMENT, CRANKING, Moment
from tests.faults.promises import Promises, compare
from tests.faults.reliability import Figure
from tests.faults.tally import Tally

GUESTS_AT_ONCE = 2
OUTAGE_S = 35.0
BETWEEN_OUTAGES_S = 8.0
STORED_WITHIN_S = 120.0
ROWS_PER_SECOND = (4.0, 50.0)
"""Of four modems at 1 Hz, and of the campaign."""
KILLED = (25, 59)


class Cuts(NamedTuple):
    """One guest's fifth of the power cuts."""

    fault: int
    what: str
    moment: Moment
    options: dict[str, float]


CUTS = (
    Cuts(1, "power cut while appending", ANY_MOMENT, {}),
    Cuts(1, "power cut while appending, ten commits a second", ANY_MOMENT, {"commit_s": 0.1}),
    Cuts(2, "power cut during checkpoints", ANY_MOMENT, {"checkpoint_pages": 4}),
    Cuts(3, "power cut while deleting", Moment(1.5, 8.0), {"linger_s": 0.1}),
    Cuts(8, "power cuts in a row, within a second", CRANKING, {"commit_s": 0.1}),
)


def say(*words: object) -> None:
    """A line of progress."""
    sys.stderr.write(f"{datetime.now(tz=UTC):%H:%M:%S} {' '.join(map(str, words))}\n")


def cut_power(folder: Path, *, cuts: int, dice: random.Random) -> list[Figure]:
    """All kinds of cuts, two guests at a time."""
    times = max(1, round(cuts / len(CUTS)))
    seeds = [dice.randrange(1 << 31) for _ in CUTS]

    def cut(kind: Cuts, seed: int) -> Figure:
        with power.powered_probe(folder, centre, name=f"cut-{seed}") as probe:
            own = random.Random(seed)  # noqa: S311  # moments, no secrets
            probe.cut_at_random(kind.moment, cuts=times, dice=own, **kind.options)
            probe.drain()
        figure = _figure(kind.what, (kind.fault,), times, centre, probe.promises)
        figure.tally.recovery_s += probe.recovery_s
        return figure

    with probes.centre(folder / "centre") as centre, ThreadPoolExecutor(GUESTS_AT_ONCE) as pool:
        return list(pool.map(cut, CUTS, seeds))


def kill(folder: Path, *, kills: int, dice: random.Random) -> list[Figure]:
    """SIGKILL of agent, broker and collector, until there are so many."""

    def enough(killed: Sequence[Killed]) -> bool:
        if len(killed) % 50 == 0:
            say(f"{len(killed)} of {kills} kills")
        return len(killed) >= kills

    with (
        probes.centre(folder / "centre") as centre,
        probes.LooseProbe(folder, centre, name="killed") as probe,
    ):
        with watched(centre.configuration) as stored:
            killed = kill_at_random(probes.victims(centre, probe), dice=dice, enough=enough)
            probe.drain()
        whole = _figure("SIGKILL", KILLED, len(killed), centre, probe.promises())
    names = sorted({each.name for each in killed})
    return [whole, *(_recoveries(name, killed, stored) for name in names)]


def black_out(folder: Path, *, outages: int, dice: random.Random) -> list[Figure]:
    """Outages of the uplink of a slow and of a fast probe, at the same time."""

    def outages_of(probe: probes.LooseProbe, seed: int) -> list[float]:
        own = random.Random(seed)  # noqa: S311  # moments, no secrets
        with watched(centre.configuration, probe.name) as stored:
            return [_outage(probe, stored, own) for _ in range(outages)]

    with ExitStack() as stack:
        centre = stack.enter_context(probes.centre(folder / "centre"))
        running = [
            stack.enter_context(
                probes.LooseProbe(folder, centre, name=f"dark-{rate:g}", per_second=rate)
            )
            for rate in ROWS_PER_SECOND
        ]
        seeds = [dice.randrange(1 << 31) for _ in running]
        with ThreadPoolExecutor(len(running)) as pool:
            recoveries = list(pool.map(outages_of, running, seeds))
        for probe in running:
            probe.drain()
        figures = [
            _figure(
                f"uplink dark for 35 s, {rate:g} rows/s", (18,), outages, centre, probe.promises()
            )
            for rate, probe in zip(ROWS_PER_SECOND, running, strict=True)
        ]
    for figure, recovery_s in zip(figures, recoveries, strict=True):
        figure.tally.recovery_s += recovery_s
        say(f"{figure.what}: recovered in", *(f"{each:.1f} s" for each in recovery_s))
    return figures


def _outage(probe: probes.LooseProbe, stored: Stored, dice: random.Random) -> float:
    """Seconds from the return of the uplink until the next row is stored."""
    _wait_for_row(stored, time.monotonic())
    # How long it shines and how long it is dark, not a wait for anything.
    time.sleep(dice.uniform(0.0, BETWEEN_OUTAGES_S))
    probe.uplink.go_black()
    time.sleep(OUTAGE_S)
    back_s = time.monotonic()
    probe.uplink.come_back()
    return _wait_for_row(stored, back_s)


def _wait_for_row(stored: Stored, since_s: float) -> float:
    wait_until(lambda: stored.after(since_s) is not None, "a row is stored", STORED_WITHIN_S)
    took_s = stored.after(since_s)
    assert took_s is not None
    return took_s


def _figure(
    what: str, faults: tuple[int, ...], times: int, centre: Centre, promises: Promises
) -> Figure:
    """What became of the promises of one probe."""
    kept = compare(centre.configuration, [promises])
    tally = Tally(faults=faults, test="campaign", passed=kept.is_good)
    tally.tried(times=times, **kept._asdict())
    say(f"{what}: {times} times, {kept}", *promises.broken)
    return Figure(what=what, tally=tally)


def _recoveries(name: str, killed: Sequence[Killed], stored: Stored) -> Figure:
    tally = Tally(faults=KILLED, test="campaign", passed=True)
    for each in killed:
        if each.name == name:
            tally.tried(recovery_s=stored.after(each.back_s))
    return Figure(what=f"... of the {name}", tally=tally)
