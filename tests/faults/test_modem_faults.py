"""What goes wrong with modems in a vehicle, by the numbers of the list of faults."""

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import agent.main
from agent import modem_worker as module
from agent import settling
from agent.config import ModemPlace
from agent.orders import OrderError
from agent.ticks import NS_PER_S
from drivers.modem.errors import ModemError, TimedOutError
from drivers.modem.modem import Modem
from drivers.modem.port import Port
from drivers.modem.usb import Hotplug
from tests.faults.storm import resources
from tests.unit.drivers.modem.far_ends import (
    FarEnd,
    plain_modem,
    running_modem,
    standing_modem,
)
from wire.kinds.radio import RegistrationState
from wire.messages import Outcome

IMEI, OTHER_IMEI = "860000000000041", "860000000000025"
PATH, OTHER_PATH = "1-1", "1-2"
PLACE = ModemPlace(name="viettel", usb_path=PATH)
SOON_S = 20.0
"""A deadline that only a hang misses."""


def heard(row):
    return row.kind == "radio" and row.outcome is Outcome.OK


def gone(row):
    return row.kind == "radio" and row.outcome is Outcome.MODEM_GONE


def event(name):
    return lambda row: row.kind == "event" and row.payload.name == name


def reply(text):
    return f"\r\n{text}\r\n\r\nOK\r\n".encode()


class Mute(dict):
    """A script of a modem that reads and says nothing."""

    def get(self, _command, _default=None):
        return b""


@pytest.fixture
def far_end():
    far_end = FarEnd()
    far_end.script = plain_modem(IMEI)
    yield far_end
    far_end.unplug()


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modem")
    with running_modem(folder / "tty", *standing_modem(folder, "viettel")) as modem:
        yield modem


# 41: unplugged while a command is outstanding


def test_41_a_port_is_let_go_within_a_second_and_the_order_ends_with_a_reason(
    bus, work, records, stop
):
    far_end = bus.plug(PATH, IMEI)
    (worker,) = work(PLACE)
    records.wait(heard)
    bus.on_change = int
    asked, refused = threading.Event(), []

    def scan():
        try:
            worker.request_scan(stop=stop, timeout_s=60)
        except OrderError as error:
            refused.append(error)

    far_end.script["AT+COPS=?"] = lambda: asked.set() or b""
    thread = threading.Thread(target=scan)
    thread.start()
    assert asked.wait(SOON_S)
    pulled_s = time.monotonic()
    bus.unplug(PATH)
    lost = records.wait(event("modem_gone"))
    thread.join(SOON_S)
    assert time.monotonic() - pulled_s < 1.0
    assert "AT+COPS=? is gone" in str(refused[0])
    assert lost.modem.imei == IMEI
    assert far_end.path not in _open_files()


def _open_files():
    files = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            files.append(str(link.readlink()))
        except FileNotFoundError:
            continue
    return files


# 42: comes back under another name (a thousand times: test_hotplug_storm.py)


def test_42_a_modem_that_comes_back_as_another_tty_is_found_by_its_path(
    bus, work, records, monkeypatch
):
    monkeypatch.setattr(module, "REOPEN_AFTER_S", (600,))
    bus.plug(PATH, IMEI)
    work(PLACE)
    first = records.wait(heard)
    # Whoever still holds the old one keeps its number taken.
    held = os.open(bus.port(PATH), os.O_RDWR | os.O_NOCTTY)
    try:
        before = bus.port(PATH)
        bus.unplug(PATH)
        bus.plug(PATH, IMEI)
        assert bus.port(PATH) != before
        back = records.wait(event("modem_back"))
        row = records.wait(lambda row: heard(row) and row.mono_ns > back.mono_ns)
    finally:
        os.close(held)
    assert row.modem == first.modem


# 43: modems or cards are swapped


def test_43_modems_swapped_between_ports_have_their_own_identity_from_that_moment(
    bus, work, records
):
    names = {PATH: "viettel", OTHER_PATH: "mobifone"}
    bus.plug(PATH, IMEI)
    bus.plug(OTHER_PATH, OTHER_IMEI)
    work(*(ModemPlace(name=name, usb_path=path) for path, name in names.items()))
    for path, imei in ((PATH, IMEI), (OTHER_PATH, OTHER_IMEI)):
        records.wait(lambda row, who=(path, imei): heard(row) and _who(row) == who)
    for path in names:
        bus.unplug(path)
    bus.plug(PATH, OTHER_IMEI)
    bus.plug(OTHER_PATH, IMEI)
    for path, imei in ((PATH, OTHER_IMEI), (OTHER_PATH, IMEI)):
        records.wait(lambda row, who=(path, imei): heard(row) and _who(row) == who)
    for path, name in names.items():
        rows = [row for row in records.all("radio") if row.modem.name == name]
        assert {row.modem.usb_path for row in rows} == {path}
        imeis = [row.modem.imei for row in rows if row.modem.imei is not None]
        switched = imeis.index(imeis[-1])
        assert set(imeis[:switched]) == {imeis[0]} != {imeis[-1]}
        assert set(imeis[switched:]) == {imeis[-1]}


def test_43_a_place_named_by_its_imei_goes_with_its_modem(bus, work, records):
    bus.plug(PATH, IMEI)
    bus.plug(OTHER_PATH, OTHER_IMEI)
    work(ModemPlace(name="viettel", imei=IMEI), ModemPlace(name="mobifone", imei=OTHER_IMEI))
    for path, imei in ((PATH, IMEI), (OTHER_PATH, OTHER_IMEI)):
        records.wait(lambda row, who=(path, imei): heard(row) and _who(row) == who)
    for path in (PATH, OTHER_PATH):
        bus.unplug(path)
    bus.plug(PATH, OTHER_IMEI)
    bus.plug(OTHER_PATH, IMEI)
    for path, imei in ((PATH, OTHER_IMEI), (OTHER_PATH, IMEI)):
        records.wait(lambda row, who=(path, imei): heard(row) and _who(row) == who)
    imeis = {(row.modem.name, row.modem.imei) for row in records.all("radio")}
    assert imeis <= {
        ("viettel", IMEI),
        ("mobifone", OTHER_IMEI),
        ("viettel", None),
        ("mobifone", None),
    }


def test_43_another_card_is_in_the_rows_from_that_moment(bus, work, records):
    cards = "8984040000000000041", "8984010000000000013"
    far_end = bus.plug(PATH, IMEI)
    work(PLACE)
    records.wait(lambda row: heard(row) and row.sim.iccid == cards[0])
    far_end.script = plain_modem(IMEI, iccid=cards[1])
    far_end.say(b"\r\n+CPIN: READY\r\n")
    records.wait(lambda row: heard(row) and row.sim.iccid == cards[1])
    seen = [row.sim.iccid for row in records.all("radio") if row.sim is not None]
    assert seen == sorted(seen, key=cards.index)


def _who(row):
    return row.modem.usb_path, row.modem.imei


# 44: the AT port is silent (what is done to the modem: test_lock_watch.py, test_rat_ladder.py)


def test_44_a_silent_modem_is_told_as_such_and_opened_anew_until_it_answers(
    bus, work, records, monkeypatch
):
    monkeypatch.setattr(module, "LOOKS_IN_VAIN", 2)
    far_end = bus.plug(PATH, IMEI)
    work(PLACE)
    records.wait(heard)
    talking, far_end.script = far_end.script, Mute()
    silent = records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.INVALID)
    assert silent.reason.startswith("modem silent")
    lost = records.wait(event("modem_gone"))
    assert "no answer" in lost.payload.detail["why"]
    records.wait(lambda row: gone(row) and "AT" in row.reason)
    far_end.script = talking
    records.wait(event("modem_back"))
    assert len([row for row in records.all("event") if row.payload.name == "modem_gone"]) == 1


def test_44_an_answer_that_comes_too_late_answers_nothing_else(far_end):
    far_end.script["AT+CSQ"] = b""
    with Port.open(far_end.path) as port:
        with pytest.raises(TimedOutError):
            port.command("AT+CSQ", 0.1)
        far_end.say(reply("+CSQ: 31,99"))
        assert port.command("AT+CGSN", SOON_S).lines == (IMEI,)
    assert far_end.heard == ["AT+CSQ", "AT", "AT+CGSN"]


# 45: anything but an answer


@pytest.mark.parametrize("fault", ["garbage", "flood", "previous", "split"])
def test_45_nothing_wrong_is_believed_and_afterwards_it_is_as_before(simulated, fault):
    with Modem.open(simulated.path, usb_path=PATH) as modem:
        before = modem.read_radio()
        simulated.fault(fault)
        try:
            _believe_nothing_wrong(modem, before)
        finally:
            simulated.fault()
        after = _first_look(modem)
        assert after.serving is not None
        assert after.serving.plmn == before.serving.plmn
        assert modem.identity.imei == IMEI


def _believe_nothing_wrong(modem, before):
    for _ in range(2):
        try:
            look = modem.read_radio()
        except ModemError:
            continue
        assert look.plmn in {None, before.plmn}
        assert look.serving is None or look.serving.plmn == before.serving.plmn
        assert look.serving is None or -145 < look.serving.rsrp_dbm < -40


def _first_look(modem):
    deadline_s = time.monotonic() + SOON_S
    while time.monotonic() < deadline_s:
        try:
            look = modem.read_radio()
        except TimedOutError:
            continue
        if look.serving is not None:
            return look
    raise AssertionError("it never answered again")


@pytest.mark.parametrize(
    "around",
    [
        lambda command, answer: command + b"\r" + answer,
        lambda command, answer: command + b"\r\r\n" + answer,
        lambda _, answer: b"\r\nRING\r\n" + answer,
        lambda _, answer: answer.replace(b"\r\n\r\nOK", b"\r\n^RSSI: 18\r\n\r\nOK"),
        lambda _, answer: answer + b"\r\n+CGEV: ME DETACH\r\n",
    ],
    ids=["echo", "echo with a line feed", "line before", "line inside", "line after"],
)
def test_45_lines_that_are_no_answer_are_left_out(far_end, around):
    plain = far_end.script
    far_end.script = {
        command: around(command.encode(), answer) for command, answer in plain.items()
    }
    with Modem.open(far_end.path, usb_path=PATH) as modem:
        look = modem.read_radio()
    assert (modem.identity.imei, modem.identity.model) == (IMEI, "M1")
    assert modem.sim.iccid == "8984040000000000041"
    assert (look.plmn, look.registration) == ("45204", RegistrationState.HOME)
    assert look.serving.rsrp_dbm == -90.0


def test_45_a_megabyte_without_a_line_end_is_not_kept(simulated):
    with Port.open(simulated.path) as port:
        simulated.fault("flood")
        try:
            with pytest.raises(TimedOutError):
                port.command("AT", 2.0)
        finally:
            simulated.fault()
        assert port.dropped_bytes > 100_000
        assert len(port._channel._buffer) <= 8192


# 46: the port takes no bytes


def test_46_a_modem_that_takes_no_bytes_is_a_timeout_and_closes_at_once(far_end):
    far_end.deaf = True
    with Port.open(far_end.path) as port:
        started_s = time.monotonic()
        with pytest.raises(TimedOutError, match="takes no bytes"):
            port.command("AT" + "X" * 200_000, 60.0)
        assert time.monotonic() - started_s < 5.0
        closing_s = time.monotonic()
    assert time.monotonic() - closing_s < 1.0
    far_end.deaf = False
    with Modem.open(far_end.path, usb_path=PATH) as modem:
        assert modem.identity.imei == IMEI


# 47: another program reads from the port

THIEF = """
import os, sys, tty
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
tty.setraw(port)
print("there", flush=True)
while os.read(port, 4096):
    pass
"""


def test_47_a_second_reader_is_told_and_the_port_is_tried_again(bus, work, records):
    far_end = bus.plug(PATH, IMEI)
    work(PLACE)
    records.wait(heard)
    thief = subprocess.Popen(
        [sys.executable, "-c", THIEF, far_end.path], stdout=subprocess.PIPE, text=True
    )
    try:
        assert thief.stdout.readline() == "there\n"
        lost = records.wait(event("modem_gone"))
    finally:
        thief.kill()
        thief.communicate()
    assert "used by another program as well" in lost.payload.detail["why"]
    records.wait(event("modem_back"))
    rows = [row for row in records.all("radio") if row.payload and row.payload.serving]
    assert {row.payload.serving.rsrp_dbm for row in rows} <= {-90.0, None}
    assert {row.modem.imei for row in rows} == {IMEI}


def test_47_whoever_heeds_a_lock_does_not_get_in(bus, work, records):
    far_end = bus.plug(PATH, IMEI)
    work(PLACE)
    first = records.wait(heard)
    for _ in range(20):
        with pytest.raises(ModemError, match="held by another program"):
            Port.open(far_end.path)
    records.wait(lambda row: heard(row) and row.mono_ns > first.mono_ns)
    assert records.events() == []


# 48: ModemManager restarts, or is not there


def test_48_nothing_of_the_agent_needs_a_bus_of_messages():
    assert agent.main
    names = {name.partition(".")[0] for name in sys.modules}
    assert names.isdisjoint({"dbus", "dbus_next", "dbus_fast", "gi", "jeepney", "pydbus", "sdbus"})


def test_48_modem_manager_is_kept_off_the_port_that_the_agent_takes():
    rules = Path("config/udev/70-dosong-modems.rules").read_text(encoding="utf-8").splitlines()
    (rule,) = [rule for rule in rules if '=="03"' in rule and "0801" in rule and "2c7c" in rule]
    assert 'ENV{ID_MM_PORT_IGNORE}="1"' in rule


# 49: a storm of events, and the socket overruns

STORM = """
import os, sys
with open("/sys/class/net/lo/uevent", "wb", buffering=0) as event:
    for _ in range(int(sys.argv[1])):
        event.write(b"change")
"""


@pytest.mark.root
def test_49_a_socket_that_overran_is_replaced_and_a_scan_is_asked_for(tmp_path):
    control = tmp_path / "control"
    Hotplug(udev_control=control).close()
    before = resources()
    with Hotplug(udev_control=control, buffer_bytes=8192) as hotplug:
        assert hotplug.wait(0)
        try:
            _storm(1)
        except subprocess.CalledProcessError:
            pytest.skip("needs a sysfs that can be written to")
        if not hotplug.wait(2.0):
            pytest.skip("needs the kernel's events, which do not reach a container")
        _storm(20_000)
        hints = 0
        while hotplug.wait(1.0):
            hints += 1
        assert hotplug.failures > 0
        assert 0 < hints < 10
        _storm(1)
        assert hotplug.wait(SOON_S), "the new socket hears nothing"
    assert resources() == before


def _storm(count):
    subprocess.run([sys.executable, "-c", STORM, str(count)], check=True, capture_output=True)


# 50: udev's daemon does not run


def test_50_without_udev_the_kernel_is_listened_to(tmp_path):
    with Hotplug(udev_control=tmp_path / "control") as hotplug:
        assert hotplug.source in {"kernel", ""}
        assert hotplug.wait(0)


def test_50_without_any_event_a_scan_finds_the_modem(bus, work, records):
    work(PLACE)
    bus.on_change = int
    records.wait(gone)
    bus.plug(PATH, IMEI)
    records.wait(event("modem_back"))
    assert records.wait(heard).modem.imei == IMEI


# 51: no card, a PIN, a network that refuses, a radio that is off

NO_CARD = dict.fromkeys(("AT+CPIN?", "AT+CCID", "AT+CIMI"), b"\r\n+CME ERROR: 10\r\n")
IDLE = {"AT+CEREG?": reply("+CEREG: 2,0")}


class Case(NamedTuple):
    answers: dict
    outcome: Outcome
    reason: str | None


@pytest.mark.parametrize(
    "case",
    [
        Case(NO_CARD | IDLE, Outcome.INVALID, "SIM: absent"),
        Case({"AT+CPIN?": reply("+CPIN: SIM PIN")} | IDLE, Outcome.INVALID, "SIM: pin"),
        Case({"AT+CPIN?": reply("+CPIN: SIM PUK")} | IDLE, Outcome.INVALID, "SIM: puk"),
        Case({"AT+CEREG?": reply("+CEREG: 2,3")}, Outcome.NO_SERVICE, "registration: denied"),
        Case({"AT+CEREG?": reply('+CEREG: 2,5,"1F40","012A4B01",7')}, Outcome.OK, None),
    ],
    ids=["no card", "PIN", "PUK", "denied", "roaming"],
)
def test_51_the_state_is_recorded_and_nothing_is_forced(bus, work, records, case):
    far_end = bus.plug(PATH, IMEI)
    far_end.script |= case.answers
    work(PLACE)
    first = records.wait(lambda row: row.kind == "radio" and row.outcome is case.outcome)
    later_ns = first.mono_ns + 2 * NS_PER_S
    records.wait(
        lambda row: row.kind == "radio" and row.outcome is case.outcome and row.mono_ns > later_ns
    )
    assert first.reason == case.reason
    assert not _sent(far_end, "AT+CPIN=", "AT+CLCK", "AT+CPWD", "AT+CPIN2")
    assert not _sent(far_end, "AT+COPS=0", "AT+COPS=1", "AT+CGATT", "AT+CGACT", "AT+CFUN=")


def test_51_a_radio_that_is_off_is_switched_on_once_and_no_gap_of_the_network(bus, work, records):
    far_end = bus.plug(PATH, IMEI)
    on = far_end.script

    def switch_on():
        far_end.script = on
        return b"\r\nOK\r\n"

    far_end.script = on | IDLE | {"AT+CFUN?": reply("+CFUN: 4"), "AT+CFUN=1": switch_on}
    work(PLACE)
    records.wait(heard)
    assert _sent(far_end, "AT+CFUN=") == ["AT+CFUN=1"]
    assert not [row for row in records.all("radio") if row.outcome is Outcome.NO_SERVICE]


def test_51_a_radio_that_stays_off_is_not_switched_on_without_an_end(
    bus, work, records, monkeypatch
):
    monkeypatch.setattr(settling, "SETTLE_S", 1)
    far_end = bus.plug(PATH, IMEI)
    far_end.script |= IDLE | {"AT+CFUN?": reply("+CFUN: 4")}
    work(PLACE)
    for _ in range(5):
        since_ns = records.all("radio")[-1].mono_ns if records.all("radio") else 0
        row = records.wait(
            lambda row, since_ns=since_ns: row.kind == "radio" and row.mono_ns > since_ns
        )
        assert row.outcome is not Outcome.OK
    assert len(_sent(far_end, "AT+CFUN=")) <= 1


def _sent(far_end, *beginnings):
    return [line for line in far_end.heard if line.startswith(beginnings)]
