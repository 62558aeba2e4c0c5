import msgspec
import pytest

from agent.snapshots import (
    Snapshot,
    excuse,
    judge,
    lock_agrees,
    lock_over,
    rat_class_of,
    summarise,
)
from drivers.modem.standard import SimState
from wire.cells import Cell, Rat, RatClass, TestRadio
from wire.kinds.radio import Payload, RegistrationState, Unread
from wire.messages import Modem, Outcome, RatLock, RatMode

ANCHOR = Cell(rat=Rat.LTE, mcc="452", mnc="04", cell_id=7, pci=11, rsrp_dbm=-90.0, sinr_db=12.0)
LEG = Cell(rat=Rat.NR, pci=500, rsrp_dbm=-95.0)
LTE = Payload(serving=ANCHOR, plmn="45204", registration=RegistrationState.HOME)
NSA = Payload(serving=ANCHOR, nr=LEG, plmn="45204", registration=RegistrationState.HOME)
SA = Payload(serving=LEG, registration=RegistrationState.HOME)
GSM = Payload(serving=Cell(rat=Rat.GSM), registration=RegistrationState.HOME)
WCDMA = Payload(serving=Cell(rat=Rat.WCDMA), registration=RegistrationState.HOME)
BUSY_LTE = Payload(serving=ANCHOR, rrc_state="connect", registration=RegistrationState.HOME)
UNREAD = Unread(command='AT+QENG="servingcell"', text="+QENG: garbage")
NOTHING = Payload(registration=RegistrationState.SEARCHING, rrc_state="search")


SECOND = 10**9


def summary(*payloads):
    """Of a test that began with the first look and lasted a second for each."""
    return summarise(looks(*payloads), start_ns=0, end_ns=len(payloads) * SECOND)


def looks(*payloads, lock=None):
    return tuple(
        Snapshot(
            second * 10**9,
            Outcome.MODEM_GONE if payload is None else judge(payload).outcome,
            payload,
            Modem(usb_path="1-1"),
            rat_lock=lock,
        )
        for second, payload in enumerate(payloads)
    )


@pytest.mark.parametrize(
    ("payload", "outcome", "reason"),
    [
        (LTE, Outcome.OK, None),
        (Payload(serving=ANCHOR, registration=RegistrationState.ROAMING), Outcome.OK, None),
        (Payload(serving=ANCHOR), Outcome.OK, None),
        (
            Payload(registration=RegistrationState.UNKNOWN),
            Outcome.NO_SERVICE,
            "registration: unknown",
        ),
        (
            Payload(registration=RegistrationState.HOME, rrc_state="search"),
            Outcome.NO_SERVICE,
            "modem: search",
        ),
        (NOTHING, Outcome.NO_SERVICE, "registration: searching"),
        (Payload(serving=ANCHOR, rrc_state="limsrv"), Outcome.NO_SERVICE, "modem: limsrv"),
        (
            Payload(serving=ANCHOR, registration=RegistrationState.DENIED),
            Outcome.NO_SERVICE,
            "registration: denied",
        ),
    ],
)
def test_service_is_a_cell_that_takes_us(payload, outcome, reason):
    assert judge(payload) == (outcome, reason)


@pytest.mark.parametrize(
    "payload",
    [
        Payload(),
        Payload(unread=(UNREAD,)),
        Payload(registration=RegistrationState.HOME, unread=(UNREAD,)),
        Payload(registration=RegistrationState.HOME, rrc_state="noconn", unread=(UNREAD,)),
    ],
)
def test_a_modem_that_does_not_say_proves_no_gap(payload):
    assert judge(payload).outcome is Outcome.INVALID


@pytest.mark.parametrize("card", [SimState.ABSENT, SimState.PIN, SimState.FAILED, SimState.BUSY])
def test_no_network_takes_a_modem_without_a_usable_card(card):
    assert judge(NOTHING, card) == (Outcome.INVALID, f"SIM: {card}")
    assert judge(LTE, card).outcome is Outcome.OK
    assert judge(NOTHING, SimState.UNKNOWN).outcome is Outcome.NO_SERVICE


def test_modem_that_does_not_listen_blames_no_network():
    assert judge(NOTHING, radio_is_off=True) == (Outcome.INVALID, "the radio is off")
    assert judge(LTE, radio_is_off=True).outcome is Outcome.OK


@pytest.mark.parametrize(
    ("payloads", "rat_class", "nr_share"),
    [
        ([LTE] * 10, RatClass.G4, 0.0),
        ([NSA] * 10, RatClass.G5, 1.0),
        ([SA] * 10, RatClass.G5, 1.0),
        ([NSA] * 9 + [LTE], RatClass.G5, 0.9),
        ([NSA] * 8 + [LTE] * 2, RatClass.MIXED, 0.8),
        ([LTE] * 9 + [NSA], RatClass.MIXED, 0.1),
        ([GSM] * 3, RatClass.G2, 0.0),
        ([WCDMA] * 3, RatClass.G3, 0.0),
        ([LTE, WCDMA], RatClass.MIXED, 0.0),
        ([LTE, NOTHING, LTE], RatClass.G4, 0.0),
    ],
)
def test_the_class_is_of_the_seconds_with_service(payloads, rat_class, nr_share):
    radio = summary(*payloads)
    assert radio.rat_class is rat_class
    assert radio.nr_share == pytest.approx(nr_share)


def test_a_summary_names_the_block_at_the_start_and_the_median_level():
    levels = [-100.0, -80.0, -90.0]
    payloads = [
        Payload(
            serving=Cell(rat=Rat.LTE, cell_id=index, pci=index, rsrp_dbm=level),
            plmn="45204",
            registration=RegistrationState.HOME,
        )
        for index, level in enumerate(levels)
    ]
    radio = summary(*payloads, NOTHING, None)
    assert (radio.plmn, radio.cell_id, radio.pci) == ("45204", 0, 0)
    assert radio.rsrp_dbm == -90.0
    assert radio.sinr_db is None
    # The last look found no modem: that is no second without service.
    assert (radio.snapshots, radio.snapshots_without_service) == (5, 1)


def test_without_service_nothing_is_known_but_the_count():
    assert summary(NOTHING, NOTHING) == TestRadio(
        seconds=2.0, coverage=1.0, snapshots=2, snapshots_without_service=2
    )
    assert summary() == TestRadio(seconds=0.0, coverage=0.0)


@pytest.mark.parametrize(
    ("seen", "rat_class"),
    [
        ("ooooooooooooo", RatClass.G4),
        ("oooooxooooxoo", RatClass.G4),
        ("ooxxxooooxxoo", None),
        ("ooooooo", None),
        ("o-------ooooo", RatClass.G4),
    ],
)
def test_a_test_of_which_too_little_was_seen_has_no_class(seen, rat_class):
    """`x` is a second nobody looked, `-` one without service."""
    payloads = {"o": LTE, "x": None, "-": NOTHING}
    radio = summarise(looks(*(payloads[second] for second in seen)), start_ns=0, end_ns=13 * SECOND)
    assert radio.rat_class is rat_class
    assert radio.seconds == 13.0
    assert (radio.coverage >= 0.8) == (rat_class is not None)
    assert radio.cell_id == 7


def test_looks_before_and_after_the_test_prove_nothing_about_it():
    before, during, after = looks(NSA, LTE, NSA)
    start_ns, end_ns = 13 * SECOND // 10, 19 * SECOND // 10
    radio = summarise((before, during, after), start_ns=start_ns, end_ns=end_ns)
    assert (radio.rat_class, radio.snapshots, radio.nr_share) == (RatClass.G4, 1, 0.0)
    assert radio.coverage == 1.0
    alone = summarise((before,), start_ns=start_ns, end_ns=end_ns)
    assert (alone.rat_class, alone.snapshots, alone.coverage) == (None, 0, 0.0)


def test_one_second_of_another_technology_makes_a_test_mixed():
    assert summary(*[LTE] * 12, NSA).rat_class is RatClass.MIXED
    assert summary(*[LTE] * 12, WCDMA).rat_class is RatClass.MIXED


def test_one_look_says_its_technology():
    assert [rat_class_of(each) for each in (LTE, NSA, SA, GSM, NOTHING)] == [
        *(RatClass.G4, RatClass.G5, RatClass.G5, RatClass.G2, None)
    ]


def test_a_failed_test_is_the_networks_only_if_the_modem_was_there_and_heard():
    assert excuse(looks(LTE, NOTHING)) is None
    assert excuse(looks(LTE, Payload())) is None
    assert excuse(looks(LTE, None, LTE)).outcome is Outcome.MODEM_GONE
    assert excuse(looks(Payload(), Payload())).outcome is Outcome.INVALID
    assert excuse(()).outcome is Outcome.INVALID


def test_a_failed_test_is_ours_if_the_modem_was_set_anew_meanwhile():
    (first, second) = looks(LTE, NOTHING)
    settling = second._replace(outcome=Outcome.SKIPPED, unsettled=True)
    assert excuse((first, settling)) == (Outcome.INVALID, "the modem was set anew meanwhile")


@pytest.mark.parametrize(
    ("mode", "agreeing", "contradicting"),
    [
        (RatMode.G2, GSM, LTE),
        (RatMode.G3, WCDMA, GSM),
        (RatMode.G4, LTE, NSA),
        (RatMode.G5_NSA, NSA, SA),
        (RatMode.G5_SA, SA, NSA),
        (RatMode.G5, NSA, WCDMA),
        (RatMode.G5, SA, BUSY_LTE),
    ],
)
def test_the_serving_cell_agrees_with_a_lock_or_not(mode, agreeing, contradicting):
    assert lock_agrees(mode, agreeing) is True
    assert lock_agrees(mode, contradicting) is False
    assert lock_agrees(mode, NOTHING) is None
    assert lock_agrees(mode, None) is None


def test_an_idle_anchor_says_nothing_of_nsa():
    idle = Payload(serving=ANCHOR, rrc_state="noconn")
    busy = Payload(serving=ANCHOR, rrc_state="connect")
    assert lock_agrees(RatMode.G5_NSA, idle) is None
    assert lock_agrees(RatMode.G5_NSA, busy) is False


def test_a_lock_holds_over_a_test_only_if_it_held_in_each_second():
    held = RatLock(asked=RatMode.G4, read_back=RatMode.G4)
    lost = RatLock(asked=RatMode.G4, read_back=RatMode.AUTO)
    whole = lock_over(RatMode.G4, looks(LTE, LTE, lock=held))
    broken = lock_over(RatMode.G4, looks(LTE, lock=held) + looks(LTE, NSA, lock=lost))
    assert whole == RatLock(asked=RatMode.G4, read_back=RatMode.G4, serving_agreed=True)
    assert broken == RatLock(asked=RatMode.G4, read_back=RatMode.AUTO, serving_agreed=False)
    assert lock_over(None, looks(LTE)) is None
    assert lock_over(RatMode.G4, ()) == RatLock(asked=RatMode.G4)


def test_a_test_is_as_narrow_as_its_looks():
    narrow = RatLock(
        asked=RatMode.G4,
        read_back=RatMode.G4,
        serving_agreed=True,
        narrowed_to="bands lte 3",
        narrowed_read_back=True,
    )
    lost = msgspec.structs.replace(narrow, serving_agreed=False, narrowed_read_back=False)
    assert lock_over(RatMode.G4, looks(LTE, LTE, lock=narrow)) == narrow
    assert lock_over(RatMode.G4, looks(LTE, lock=narrow) + looks(LTE, lock=lost)) == lost
