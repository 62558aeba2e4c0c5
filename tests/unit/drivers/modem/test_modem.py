import pytest

from drivers.modem.errors import GoneError, ModemError, TimedOutError, UnreadableError
from drivers.modem.modem import IDENTITY_EVERY_S, Modem, serving_agrees
from drivers.modem.standard import SimState
from tests.descriptors import open_descriptors
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.kinds.radio import RegistrationState
from wire.messages import RatMode, Sim

TRIES = 200
"""Looks until an event must have been seen."""


@pytest.fixture
def modem(simulated):
    with Modem.open(simulated.path, usb_path="1-1.3", name="vinaphone") as modem:
        yield modem


@pytest.fixture
def scripted(far_end):
    """A modem of the standard's least, on a scripted pty, and its far end."""
    far_end.script = {
        command: f"\r\n{line}\r\n\r\nOK\r\n".encode()
        for command, line in {
            "AT+CGMI": "Somebody",
            "AT+CGMM": "M1",
            "AT+CGSN": "350000000000006",
            "AT+CPIN?": "+CPIN: READY",
            "AT+CCID": "+CCID: 8984040000000000041",
            "AT+CIMI": "452040000000047",
            "AT+CREG?": "+CREG: 2,1",
        }.items()
    }
    clock = Clock()
    with Modem.open(far_end.path, usb_path="1-1", clock=clock) as modem:
        yield far_end, modem, clock


class Clock:
    """Time that only tests move on; it advances by a hair so that waits still end."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        self.now_s += 0.001
        return self.now_s


def test_modem_says_who_it_is(modem):
    assert modem.family == "quectel"
    assert (modem.identity.usb_path, modem.identity.name) == ("1-1.3", "vinaphone")
    assert (modem.identity.model, modem.identity.imei) == ("RM520N-GL", "860000000000025")
    assert modem.sim == Sim(iccid="8984020000000000029", home_plmn="45202")
    assert modem.sim_state is SimState.READY


def test_look_at_the_radio_is_complete(modem):
    look = modem.read_radio(neighbours=True)
    assert (look.mode, look.plmn, look.registration) == ("nr-nsa", "45202", RegistrationState.HOME)
    assert look.serving is not None
    assert look.nr is not None
    assert look.neighbours
    assert look.unread == ()


def test_family_can_be_named(simulated):
    with Modem.open(simulated.path, usb_path="1", family="generic") as modem:
        assert modem.family == "generic"
        assert modem.read_radio().plmn == "45202"


def test_unknown_family_is_refused_before_the_port_is_touched():
    with pytest.raises(ValueError, match=r"there are .*generic.*quectel"):
        Modem.open("/nowhere", usb_path="1", family="nokia")


def test_missing_modem_is_gone():
    with pytest.raises(GoneError):
        Modem.open("/nowhere", usb_path="1")


def test_silent_modem_does_not_open_and_leaves_the_port_free(far_end):
    far_end.script = {"AT": b""}
    with pytest.raises(TimedOutError):
        Modem.open(far_end.path, usb_path="1")
    far_end.script = {}
    Modem.open(far_end.path, usb_path="1").close()


@pytest.mark.parametrize("fault", ["silent", "flood"])
def test_modem_is_usable_again_after(simulated, modem, fault):
    simulated.fault(fault)
    with pytest.raises(ModemError):
        look_often(modem)
    simulated.fault()
    assert next(look for look in looks(modem) if look.serving).plmn == "45202"


def look_often(modem: Modem) -> None:
    for _ in range(TRIES):
        modem.read_radio()


def looks(modem: Modem):
    """Looks at the radio, as the agent's thread takes them: an error is no look."""
    for _ in range(TRIES):
        try:
            yield modem.read_radio()
        except TimedOutError:
            continue


def test_answers_that_come_one_command_late_are_never_believed(simulated, modem):
    good = modem.read_radio()
    simulated.fault("previous")
    try:
        seen = [modem.read_radio() for _ in range(3)]
        with pytest.raises(UnreadableError):
            modem._identify()
    finally:
        simulated.fault()
    assert any(look.unread for look in seen)
    for look in seen:
        assert look.plmn in {None, good.plmn}
        assert look.serving is None or look.serving.plmn == "45202"
    assert modem.identity.imei == "860000000000025"


def test_denied_registration_is_a_state(simulated, modem):
    simulated.fault("denied")
    try:
        states = (look.registration for look in looks(modem))
        assert RegistrationState.DENIED in states
    finally:
        simulated.fault()


@pytest.mark.parametrize(
    ("fault", "state"), [("no-sim", SimState.ABSENT), ("sim-pin", SimState.PIN)]
)
def test_unusable_card_is_a_state_and_no_pin_is_tried(simulated, fault, state, monkeypatch):
    sent = []
    write = Modem._send
    monkeypatch.setattr(Modem, "_send", lambda self, c, t: sent.append(c) or write(self, c, t))
    simulated.fault(fault)
    try:
        with Modem.open(simulated.path, usb_path="1") as modem:
            assert modem.sim_state is state
            assert modem.sim.home_plmn is None
            modem.read_radio()
    finally:
        simulated.fault()
    assert sent
    assert not [command for command in sent if command.startswith("AT+CPIN=")]


def test_changed_card_is_noticed_on_the_open_port(scripted):
    far_end, modem, clock = scripted
    assert modem.sim == Sim(iccid="8984040000000000041", home_plmn="45204")
    far_end.script["AT+CCID"] = b"\r\n+CCID: 8984010000000000013\r\n\r\nOK\r\n"
    far_end.script["AT+CIMI"] = b"\r\n452010000000013\r\n\r\nOK\r\n"
    clock.now_s += IDENTITY_EVERY_S
    modem.read_radio()
    assert modem.sim == Sim(iccid="8984010000000000013", home_plmn="45201")


def test_card_that_announces_itself_is_read_at_once(scripted):
    far_end, modem, _ = scripted
    modem.read_radio()
    modem.read_radio()
    far_end.script["AT+CCID"] = b"\r\n+CCID: 8984010000000000013\r\n\r\nOK\r\n"
    far_end.script["AT+CESQ"] = b"\r\n+CPIN: READY\r\n\r\nERROR\r\n"
    far_end.say(b"\r\n+CPIN: NOT READY\r\n")
    modem.read_radio()
    modem.read_radio()
    assert modem.sim.iccid == "8984010000000000013"


def test_changed_modem_is_noticed_on_the_open_port(scripted):
    far_end, modem, clock = scripted
    far_end.script["AT+CGSN"] = b"\r\n350000000000014\r\n\r\nOK\r\n"
    far_end.script["AT+CGMM"] = b"\r\nM2\r\n\r\nOK\r\n"
    clock.now_s += IDENTITY_EVERY_S
    modem.read_radio()
    assert (modem.identity.imei, modem.identity.model) == ("350000000000014", "M2")


def test_changed_modem_that_stops_short_is_asked_again_and_is_nobody_until_then(
    scripted, monkeypatch
):
    far_end, modem, clock = scripted
    before = modem.identity
    far_end.script["AT+CGSN"] = b"\r\n350000000000014\r\n\r\nOK\r\n"
    clock.now_s += IDENTITY_EVERY_S

    def cut_short(_):
        raise TimedOutError("interrupted")

    with monkeypatch.context() as patch:
        patch.setattr(type(modem._family), "configure", cut_short)
        with pytest.raises(TimedOutError):
            modem.read_radio()
    assert modem.identity == before
    modem.read_radio()
    assert modem.identity.imei == "350000000000014"


def test_unplugged_modem_is_gone(far_end):
    with Modem.open(far_end.path, usb_path="1") as modem:
        far_end.unplug()
        with pytest.raises(GoneError):
            modem.read_radio()


def test_closing_leaves_no_descriptor_open(simulated):
    before = open_descriptors()
    for _ in range(3):
        Modem.open(simulated.path, usb_path="1").close()
    assert open_descriptors() == before


def payload(rat: Rat | None, *, nr: bool = False, state: str | None = "connect") -> radio.Payload:
    return radio.Payload(
        serving=None if rat is None else Cell(rat=rat),
        nr=Cell(rat=Rat.NR) if nr else None,
        rrc_state=state,
    )


@pytest.mark.parametrize(
    ("mode", "look", "agrees"),
    [
        (RatMode.G4, payload(Rat.LTE), True),
        (RatMode.G4, payload(Rat.LTE, nr=True), False),
        (RatMode.G4, payload(Rat.GSM), False),
        (RatMode.G4, payload(None), None),
        (RatMode.G5, payload(Rat.NR), True),
        (RatMode.G5, payload(Rat.LTE, nr=True), True),
        (RatMode.G5, payload(Rat.LTE), False),
        (RatMode.G5, payload(Rat.LTE, state="noconn"), None),
        (RatMode.G5, payload(Rat.LTE, state=None), None),
        (RatMode.G5_NSA, payload(Rat.LTE, nr=True), True),
        (RatMode.G5_NSA, payload(Rat.NR), False),
        (RatMode.G5_SA, payload(Rat.NR), True),
        (RatMode.G5_SA, payload(Rat.LTE, nr=True), False),
        (RatMode.G2, payload(Rat.GSM), True),
        (RatMode.G3, payload(Rat.WCDMA), True),
        (RatMode.AUTO, payload(Rat.GSM), True),
        (RatMode.AUTO, payload(None), None),
    ],
)
def test_whether_the_serving_cell_agrees_with_the_lock(mode, look, agrees):
    assert serving_agrees(look, mode) is agrees
