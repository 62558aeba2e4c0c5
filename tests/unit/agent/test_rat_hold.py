"""What is kept of a modem's own setting, and given back to it and to no other."""

import pytest

from agent.lock import Lock
from agent.rat_hold import HoldError, RatHold
from agent.rat_setting import SavedSettings
from drivers.modem.reading import Bands
from wire.messages import Modem as Identity
from wire.messages import RatMode

OWN = {"mode": "AUTO", "bands": "1:3"}
LTE = Lock(mode=RatMode.G4)
BAND_3 = Lock(mode=RatMode.G4, bands=Bands(lte=(3,)))


class OneModem:
    """As much of a modem as is held: two levers."""

    def __init__(self, imei="860000000000017"):
        self.identity = Identity(usb_path="1-1", name="m", imei=imei)
        self.now = dict(OWN)
        self.mute = set()

    def wanted(self, _, *, bands=None, cell=None):
        del cell
        return {"mode": "LTE"} | ({} if bands is None else {"bands": "3"})

    def setting(self):
        return {name: value for name, value in self.now.items() if name not in self.mute}

    def change(self, setting):
        changed = {n: v for n, v in setting.items() if n in self.mute or self.now[n] != v}
        self.now |= changed
        return bool(changed)

    def read_lock(self):
        return {"LTE": RatMode.G4, "AUTO": RatMode.AUTO}[self.now["mode"]]

    def holds(self, _, *, bands=None, cell=None):
        del cell
        return bands is None or self.now["bands"] == "3"


@pytest.fixture
def saved(tmp_path):
    return SavedSettings(tmp_path / "rat-settings")


def test_a_lever_that_does_not_say_its_own_value_is_never_written(saved):
    modem = OneModem()
    modem.mute = {"bands"}
    with pytest.raises(HoldError, match="bands"):
        RatHold(saved, BAND_3).attach(modem)
    assert modem.now == OWN


def test_what_a_first_lock_did_not_read_a_second_one_adds(saved):
    modem = OneModem()
    modem.mute = {"bands"}
    RatHold(saved, LTE).attach(modem)
    modem.mute = set()
    hold = RatHold(saved, BAND_3)
    hold.attach(modem)
    assert saved.find(modem.identity.imei) == OWN
    hold.release()
    assert modem.now == OWN


def test_a_modem_that_says_its_number_late_gets_its_setting_back(saved):
    modem = OneModem(imei=None)
    hold = RatHold(saved, LTE)
    hold.attach(modem)
    modem.identity = OneModem().identity
    assert not hold.is_of_another(modem)
    hold.release()
    assert modem.now == OWN


def test_another_modem_on_the_same_port_is_another(saved):
    modem = OneModem()
    hold = RatHold(saved, LTE)
    hold.attach(modem)
    assert not hold.is_of_another(modem)
    modem.identity = OneModem(imei="350000000000014").identity
    assert hold.is_of_another(modem)


def test_a_disk_that_takes_nothing_is_a_reason_and_no_crash(saved, monkeypatch):
    modem = OneModem()
    RatHold(saved, LTE).attach(modem)

    def refuse(*_, **__):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(SavedSettings, "forget", refuse)
    with pytest.raises(HoldError, match="Read-only"):
        RatHold(saved, None).attach(modem)
    assert modem.now == OWN


def test_what_cannot_be_read_is_not_written_over(saved, monkeypatch):
    modem = OneModem()
    RatHold(saved, LTE).attach(modem)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(SavedSettings, "find", refuse)
    with pytest.raises(HoldError, match="Permission denied"):
        RatHold(saved, LTE).attach(modem)
    monkeypatch.undo()
    assert saved.find(modem.identity.imei) == OWN
