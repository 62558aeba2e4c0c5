"""Faults 1, 2, 3 and 8: the power goes, and no row that was promised is lost or doubled."""

import os

import pytest

from tests.faults import power, probes
from tests.faults.power import Moment
from tests.faults.promises import compare

CUTS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "1"))
SOON = Moment(0.5, 3.0)

pytestmark = [pytest.mark.root, pytest.mark.guest, pytest.mark.timeout(60 + 30 * CUTS)]


@pytest.fixture(scope="module")
def centre(tmp_path_factory):
    with probes.centre(tmp_path_factory.mktemp("centre")) as running:
        yield running


@pytest.fixture
def survives(centre, dice, tally, tmp_path):
    """Cuts the power of a new probe so many times and compares in the end."""

    def cut(name, moment, cuts, **options):
        with power.powered_probe(tmp_path, centre, name=name) as probe:
            probe.cut_at_random(moment, cuts=cuts, dice=dice, **options)
            while not probe.promises.numbers:  # a slow machine had no time to promise anything
                probe.cut_at_random(SOON, cuts=1, dice=dice, **options)
            probe.drain()
        kept = compare(centre.configuration, [probe.promises])
        tally.tried(times=cuts, **kept._asdict())
        tally.recovery_s += probe.recovery_s
        assert kept.is_good, probe.promises.broken

    return cut


@pytest.mark.fault(1)
def test_power_cuts_while_appending(survives):
    survives("cut-appending", SOON, CUTS, commit_s=0.1)


@pytest.mark.fault(2)
def test_power_cuts_during_checkpoints(survives):
    survives("cut-checkpoint", SOON, CUTS, commit_s=0.1, checkpoint_pages=1)


@pytest.mark.fault(3)
def test_power_cuts_while_acknowledged_rows_are_deleted(survives):
    survives("cut-deleting", Moment(1.5, 3.0), CUTS, commit_s=0.1, linger_s=0.1)


@pytest.mark.fault(8)
def test_power_cuts_in_a_row_as_when_the_engine_is_cranked(survives):
    survives("cut-cranking", power.CRANKING, 3 * CUTS, commit_s=0.1)
