"""What every modem family must do, against every persona of the simulator that is of its kind.

A persona `sim/transcripts/<family>.txt` or `<family>_<model>.txt` belongs to the family.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

import sim
from drivers.modem.errors import TimedOutError, UnsupportedLockError
from drivers.modem.family import families
from drivers.modem.modem import Modem, serving_agrees
from tests.unit.drivers.modem.far_ends import SimulatedModem, running_modem, standing_modem
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode

PERSONAS = sorted(path.stem for path in Path(sim.__file__).with_name("transcripts").glob("*.txt"))
CARD = "mobifone"
LOOKS = 50


def family_name(persona: str) -> str:
    return persona.partition("_")[0]


@pytest.fixture(scope="module", params=PERSONAS)
def persona(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def simulated(persona, tmp_path_factory) -> Iterator[SimulatedModem]:
    folder = tmp_path_factory.mktemp(persona)
    options = standing_modem(folder, CARD, persona=persona)
    with running_modem(folder / "tty", *options) as simulated:
        yield simulated


@pytest.fixture
def modem(simulated) -> Iterator[Modem]:
    with Modem.open(simulated.path, usb_path="1-1") as modem:
        yield modem


def test_every_family_has_a_persona():
    assert {family.name for family in families()} <= {family_name(name) for name in PERSONAS}


def test_names_are_unique():
    names = [family.name for family in families()]
    assert len(names) == len(set(names))


def test_modem_is_identified(modem, persona):
    assert modem.family == family_name(persona)
    assert modem.identity.imei == "860000000000017"
    assert modem.identity.model
    assert modem.identity.firmware
    assert (modem.sim.iccid, modem.sim.home_plmn) == ("8984010000000000013", "45201")


def test_look_finds_the_cell_and_leaves_nothing_unread(modem):
    look = modem.read_radio(neighbours=True)
    assert (look.registration, look.plmn) == (RegistrationState.HOME, "45201")
    assert look.mode == "lte"
    assert look.serving is not None
    assert look.serving.cell_id
    assert look.serving.tac
    assert look.serving.rsrp_dbm is not None
    assert look.unread == ()


def test_every_claimed_lock_is_read_back_and_given_back(modem):
    before = modem.setting()
    assert before
    assert modem.supported_locks
    for mode in modem.supported_locks:
        modem.lock(mode)
        assert modem.read_lock() is mode
        assert serving_agrees(modem.read_radio(), mode) is not False
    modem.restore(before)
    assert modem.setting() == before


def test_lock_that_is_not_claimed_changes_nothing(modem):
    before = modem.setting()
    for mode in set(RatMode) - modem.supported_locks:
        with pytest.raises(UnsupportedLockError):
            modem.lock(mode)
    assert modem.setting() == before


def test_bytes_one_at_a_time_are_the_same_look(simulated, modem):
    whole = modem.read_radio()
    simulated.fault("split")
    try:
        pieces = modem.read_radio()
    finally:
        simulated.fault()
    assert whole.serving is not None
    assert pieces.serving is not None
    assert pieces.serving.cell_id == whole.serving.cell_id
    assert pieces.unread == ()


def look_often(modem: Modem) -> None:
    for _ in range(LOOKS):
        modem.read_radio()


def test_garbage_is_survived(simulated, modem):
    simulated.fault("garbage")
    with pytest.raises(TimedOutError):
        look_often(modem)
    simulated.fault()
    for _ in range(LOOKS):
        try:
            if modem.read_radio().serving is not None:
                return
        except TimedOutError:
            continue
    pytest.fail("no cell after the garbage")
