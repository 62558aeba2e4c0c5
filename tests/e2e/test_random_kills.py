"""Agent, broker, collector and modems are killed at random: no accepted row is lost or doubled."""

import sys
import time
from collections.abc import Iterator, Sequence

import pytest

from sim.demo.installation import Centre, LiveProbe
from sim.parts import wait_until
from sim.world import AfterDrive, World, demo_world
from tests.faults.kills import Killed, Victim, kill_at_random

LASTS_S = 30.0
RECOVERY_TIMEOUT_S = 60.0


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


def victims(centre: Centre, probe: LiveProbe) -> list[Victim]:
    """Whatever an installation consists of; what happens to its uplink is an outage."""
    up_s, down_s = (2.0, 10.0), (0.0, 2.0)
    uplink = probe.uplink
    return [
        Victim("agent", probe.agent.kill, probe.start_agent, up_s, down_s),
        Victim("broker", centre.broker.kill, centre.broker.start, up_s, down_s),
        Victim("collector", centre.collector.kill, centre.start_collector, up_s, down_s),
        Victim("uplink", uplink.go_black, uplink.come_back, up_s, down_s),
        *(
            Victim(f"modem {name}", part.kill, part.start, up_s, down_s)
            for name, part in probe.modems.items()
        ),
    ]


@pytest.mark.slow
@pytest.mark.fault(25, 59)
@pytest.mark.timeout(300)
def test_no_accepted_row_is_lost_or_doubled(centre, probe, dice, tally):
    happening = victims(centre, probe)
    ends_s = time.monotonic() + LASTS_S

    def enough(killed: Sequence[Killed]) -> bool:
        names = {kill.name for kill in killed}
        return len(names) == len(happening) and time.monotonic() > ends_s

    killed = kill_at_random(happening, dice=dice, enough=enough)
    sys.stdout.write(" ".join(kill.name for kill in killed) + "\n")
    all_back_s = time.monotonic()

    def healthy() -> bool:
        presence = probe.presence()
        return (
            presence is not None
            and all(modem.state in {"ok", "no_service"} for modem in presence.modems)
            and probe.is_connected()
            and probe.is_drained()
        )

    wait_until(healthy, "everything works again", RECOVERY_TIMEOUT_S)
    recovery_s = time.monotonic() - all_back_s
    kept = probe.stop_and_deliver()
    assert kept.waiting == 0
    assert kept.dropped == 0
    assert kept.made > LASTS_S, "the probe hardly measured"

    (row,) = centre.ask("ledger")
    counted = centre.ask("recount")
    tally.tried(
        times=len(killed),
        rows=kept.made,
        lost=row["missing"],
        duplicates=counted["duplicates_visible"],
        corrupt=counted["differing"],
        recovery_s=recovery_s,
    )
    assert (row["probe"], row["epoch"]) == (probe.name, str(kept.epoch))
    assert (row["made"], row["received"], row["missing"]) == (kept.made, kept.made, 0)
    assert row["rejected"] == 0
    assert (counted["rows"], counted["duplicates_visible"]) == (kept.made, 0)
    assert counted["differing"] == 0
