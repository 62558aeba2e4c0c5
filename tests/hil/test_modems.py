"""What every real modem must do before it goes into a vehicle."""

import pytest

from drivers.modem.modem import Modem
from wire.messages import RatMode

pytestmark = pytest.mark.hw


@pytest.fixture
def modem(modem_facts):
    with Modem.open(modem_facts["port"], usb_path=modem_facts["port"]) as modem:
        yield modem


def test_it_is_the_modem_that_the_bench_names(modem, modem_facts):
    assert modem.identity.model == modem_facts["model"]
    assert modem.identity.imei is not None
    assert len(modem.identity.imei) == 15


def test_a_look_at_the_radio_is_understood(modem):
    look = modem.read_radio(neighbours=True)
    assert look.unread == ()
    assert look.registration is not None


def test_a_lock_is_read_back_and_given_back(modem):
    before = modem.setting()
    assert RatMode.G4 in modem.supported_locks
    try:
        modem.lock(RatMode.G4)
        assert modem.read_lock() is RatMode.G4
    finally:
        modem.restore(before)
    assert modem.setting() == before
