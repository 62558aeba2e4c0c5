"""Agent, broker, collector and modems are killed at random: no accepted row is lost or doubled."""

import os
import random
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from sim.demo.installation import Centre, LiveProbe
from sim.parts import wait_until
from sim.world import AfterDrive, World, demo_world

LASTS_S = 55.0
PAUSE_S = (1.0, 4.0)
DOWN_S = (0.0, 2.0)
RECOVERY_TIMEOUT_S = 60.0
SEED = int(os.environ.get("DOSONG_KILL_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)


@pytest.fixture
def world() -> World:
    return demo_world(time.time() + 5, speed_m_s=20.0, after=AfterDrive.TURN_BACK)


@pytest.fixture
def centre(tmp_path, world) -> Iterator[Centre]:
    with Centre(tmp_path / "centre", world) as centre:
        yield centre


@pytest.fixture
def probe(tmp_path, centre, world) -> Iterator[LiveProbe]:
    with LiveProbe(tmp_path / "probe", centre=centre, world=world) as probe:
        yield probe


def faults(centre: Centre, probe: LiveProbe, dice: random.Random) -> dict[str, Callable[[], None]]:
    """What can happen, each with its repair."""

    def pause() -> None:
        time.sleep(dice.uniform(*DOWN_S))  # how long the part is down, not a wait for anything

    def agent() -> None:
        probe.agent.kill()
        pause()
        probe.start_agent()

    def broker() -> None:
        centre.broker.kill()
        pause()
        centre.broker.start()

    def collector() -> None:
        centre.collector.kill()
        pause()
        centre.start_collector()

    def modem() -> None:
        part = dice.choice(list(probe.modems.values()))
        part.kill()
        pause()
        part.start()

    def uplink() -> None:
        probe.uplink.go_black()
        pause()
        probe.uplink.come_back()

    return {each.__name__: each for each in (agent, broker, collector, modem, uplink)}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_no_accepted_row_is_lost_or_doubled(centre, probe):
    sys.stdout.write(f"DOSONG_KILL_SEED={SEED}\n")
    dice = random.Random(SEED)  # noqa: S311  # faults, not secrets
    possible = faults(centre, probe, dice)
    order = dice.sample(list(possible), len(possible))
    happened = []
    ends_s = time.monotonic() + LASTS_S
    while time.monotonic() < ends_s:
        time.sleep(dice.uniform(*PAUSE_S))  # the moment of the fault is what is random here
        # Each fault once, in any order, and then whatever comes.
        name = order.pop() if order else dice.choice(list(possible))
        possible[name]()
        happened.append(name)
    sys.stdout.write(" ".join(happened) + "\n")
    assert set(happened) == set(possible)

    def healthy() -> bool:
        presence = probe.presence()
        return (
            presence is not None
            and all(modem.state in {"ok", "no_service"} for modem in presence.modems)
            and probe.is_connected()
            and probe.is_drained()
        )

    wait_until(healthy, "everything works again", RECOVERY_TIMEOUT_S)
    kept = probe.stop_and_deliver()
    assert kept.waiting == 0
    assert kept.dropped == 0
    assert kept.made > 3 * LASTS_S / 2, "the probe hardly measured"

    (row,) = centre.ask("ledger")
    assert (row["probe"], row["epoch"]) == (probe.name, str(kept.epoch))
    assert (row["made"], row["received"], row["missing"]) == (kept.made, kept.made, 0)
    assert row["rejected"] == 0
    counted = centre.ask("recount")
    assert (counted["rows"], counted["duplicates_visible"]) == (kept.made, 0)
    assert counted["differing"] == 0
