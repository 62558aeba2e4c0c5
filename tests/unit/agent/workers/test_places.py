import threading

import pytest

from agent import places as module
from agent.config import ModemPlace
from agent.places import NoInterfaceError, Places, device_of
from drivers.modem.errors import BusyPortError, GoneError, StrangerError, TimedOutError
from drivers.modem.port import Port
from tests.unit.drivers.modem.bus import Bus
from tests.unit.drivers.modem.far_ends import plain_modem

IMEI_A, IMEI_B, IMEI_C = "860000000000041", "860000000000025", "860000000000017"


def asked(bus, usb_path):
    return "AT+CGSN" in bus.ends[usb_path].heard


class Clock:
    now_s = 1000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def bus(tmp_path):
    bus = Bus(tmp_path)
    yield bus
    bus.unplug_all()


@pytest.fixture
def clock():
    return Clock()


def named(imei, name="a"):
    return ModemPlace(name=name, imei=imei)


def test_a_modem_named_by_its_imei_is_found_wherever_it_is(bus, clock):
    bus.plug("1-1", IMEI_B)
    bus.plug("1-2", IMEI_A)
    place = named(IMEI_A)
    places = Places((place,), scan=bus.scan, clock=clock)
    with places.open_modem(place) as modem:
        assert modem.identity.usb_path == "1-2"
        assert (modem.identity.name, modem.identity.imei) == ("a", IMEI_A)
        assert places.interface_of(place) == "wwan2"
    bus.unplug("1-2")
    with pytest.raises(GoneError, match="no modem with IMEI 860000000000041 is plugged in"):
        places.open_modem(place)
    bus.plug("1-4", IMEI_A)
    with places.open_modem(place) as modem:
        assert modem.identity.usb_path == "1-4"


def test_a_stranger_is_asked_once_and_nothing_else_is_done_to_it(bus, clock):
    bus.plug("1-1", IMEI_B)
    places = Places((named(IMEI_A),), scan=bus.scan, clock=clock)
    for _ in range(3):
        with pytest.raises(GoneError):
            places.open_modem(named(IMEI_A))
    heard = bus.ends["1-1"].heard
    assert heard.count("AT+CGSN") == 1
    assert not [command for command in heard if "COPS" in command or "CREG" in command]


def test_whoever_was_asked_is_known_to_the_next_search(bus, clock):
    bus.plug("1-1", IMEI_B)
    bus.plug("1-2", IMEI_A)
    places = Places((named(IMEI_A), named(IMEI_B, "b")), scan=bus.scan, clock=clock)
    with places.open_modem(named(IMEI_A)), places.open_modem(named(IMEI_B, "b")) as other:
        assert other.identity.usb_path == "1-1"


def test_a_stranger_is_asked_again_after_a_while_or_at_another_port(bus, clock):
    bus.plug("1-1", IMEI_B)
    places = Places((named(IMEI_A),), scan=bus.scan, clock=clock)
    with pytest.raises(GoneError):
        places.open_modem(named(IMEI_A))
    bus.ends["1-1"].script = plain_modem(IMEI_A)
    with pytest.raises(GoneError):
        places.open_modem(named(IMEI_A))
    clock.now_s += module.BELIEVED_FOR_S
    places.open_modem(named(IMEI_A)).close()
    bus.unplug("1-1")
    bus.plug("1-1", IMEI_B)
    with pytest.raises(GoneError):
        places.open_modem(named(IMEI_A))
    assert asked(bus, "1-1")


def test_a_modem_of_another_place_is_never_asked(bus, clock, tmp_path):
    bus.plug("1-1", IMEI_A)
    bus.plug("1-2", IMEI_B)
    link = tmp_path / "at-b"
    link.symlink_to(bus.port("1-2"))
    bus.plug("1-3", IMEI_C)
    places = Places(
        (
            ModemPlace(name="path", usb_path="1-1"),
            ModemPlace(name="port", port=link),
            named(IMEI_C, "held"),
            named(IMEI_A),
        ),
        scan=bus.scan,
        clock=clock,
    )
    with places.open_modem(named(IMEI_C, "held")):
        heard = len(bus.ends["1-3"].heard)
        with pytest.raises(GoneError, match="no modem with IMEI"):
            places.open_modem(named(IMEI_A))
        assert len(bus.ends["1-3"].heard) == heard
    assert not asked(bus, "1-1")
    assert not asked(bus, "1-2")


def test_a_modem_that_does_not_say_who_it_is_is_asked_again_a_little_later(bus, clock):
    bus.plug("1-1", IMEI_A)
    del bus.ends["1-1"].script["AT+CGSN"]
    places = Places((named(IMEI_A),), scan=bus.scan, clock=clock)
    with pytest.raises(GoneError, match="1 there did not say who they are"):
        places.open_modem(named(IMEI_A))
    bus.ends["1-1"].script = plain_modem(IMEI_A)
    with pytest.raises(GoneError, match="1 there did not say"):
        places.open_modem(named(IMEI_A))
    clock.now_s += module.ASK_AGAIN_S
    places.open_modem(named(IMEI_A)).close()


def test_the_right_modem_that_falls_silent_is_told_as_such(bus, clock):
    bus.plug("1-1", IMEI_A)
    places = Places((named(IMEI_A),), scan=bus.scan, clock=clock)
    places.open_modem(named(IMEI_A)).close()
    bus.ends["1-1"].script = {"AT": b""}
    with pytest.raises(TimedOutError):
        places.open_modem(named(IMEI_A))
    bus.ends["1-1"].script = plain_modem(IMEI_A)
    with Port.open(bus.ends["1-1"].path), pytest.raises(BusyPortError):
        places.open_modem(named(IMEI_A))


def test_one_search_waits_for_the_other_and_not_for_ever(bus, clock, monkeypatch):
    monkeypatch.setattr(module, "WAIT_FOR_SEARCH_S", 0.05)
    bus.plug("1-1", IMEI_B)
    places = Places((named(IMEI_A),), scan=bus.scan, clock=clock)
    asked, go_on = threading.Event(), threading.Event()

    def slow():
        asked.set()
        go_on.wait(20)
        return plain_modem(IMEI_B)["AT+CGSN"]

    bus.ends["1-1"].script["AT+CGSN"] = slow
    found = []

    def search():
        try:
            places.open_modem(named(IMEI_B, "b")).close()
        except GoneError as error:
            found.append(error)

    thread = threading.Thread(target=search)
    thread.start()
    assert asked.wait(20)
    with pytest.raises(GoneError, match="another modem is being looked for"):
        places.open_modem(named(IMEI_A))
    go_on.set()
    thread.join(20)
    assert found == []


def test_an_open_modem_that_was_replaced_is_a_stranger(bus, monkeypatch):
    monkeypatch.setattr("drivers.modem.modem.IDENTITY_EVERY_S", 0.0)
    bus.plug("1-1", IMEI_A)
    places = Places((named(IMEI_A),), scan=bus.scan)
    with places.open_modem(named(IMEI_A)) as modem:
        modem.read_radio()
        bus.ends["1-1"].script = plain_modem(IMEI_B)
        with pytest.raises(StrangerError) as caught:
            modem.read_radio()
    assert caught.value.imei == IMEI_B


def test_a_place_named_by_its_path_takes_whoever_stands_there(bus):
    place = ModemPlace(name="a", usb_path="1-1")
    places = Places((place,), scan=bus.scan)
    with pytest.raises(GoneError, match="no modem at USB path 1-1"):
        places.open_modem(place)
    for imei in (IMEI_A, IMEI_B):
        bus.plug("1-1", imei)
        with places.open_modem(place) as modem:
            assert (modem.identity.imei, modem.identity.usb_path) == (imei, "1-1")
        bus.unplug("1-1")


def test_tests_go_by_the_interface_of_the_modem_or_not_at_all(bus, tmp_path):
    bus.plug("1-1", IMEI_A)
    path = ModemPlace(name="p", usb_path="1-1")
    given = ModemPlace(name="g", usb_path="1-2", interface="eth7")
    port = ModemPlace(name="o", port=tmp_path / "tty")
    away = ModemPlace(name="w", usb_path="1-3")
    places = Places((path, given, port, away, named(IMEI_B)), scan=bus.scan)
    assert places.interface_of(path) == "wwan1"
    assert places.interface_of(given) == "eth7"
    assert places.interface_of(port) is None
    for missing in (away, named(IMEI_B)):
        with pytest.raises(NoInterfaceError):
            places.interface_of(missing)


def test_a_link_that_vanishes_between_two_looks_is_its_own_name(tmp_path, monkeypatch):
    """As udev's links do when a modem is pulled: still a link, and it leads nowhere."""
    link = tmp_path / "ttyUSB7"
    link.symlink_to("/dev/null")

    def vanished(_):
        link.unlink()
        raise FileNotFoundError(link)

    monkeypatch.setattr("os.readlink", vanished)
    assert device_of(link) == link
