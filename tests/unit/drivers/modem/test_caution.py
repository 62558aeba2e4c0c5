import pytest

from drivers.modem.caution import Danger, caution, is_secret, shown, timeout_s, whole_line


@pytest.mark.parametrize(
    "line",
    [
        "AT",
        "ATI",
        "ATE0",
        "AT&F",
        "AT&W",
        "AT+CSQ",
        "AT+CPIN?",
        "AT+CPIN=?",
        "AT+CFUN?",
        "AT+CFUN=?",
        "AT+CFUN=4",
        "AT+CFUN=1",
        "AT+CFUN=1,0",
        "AT+COPS=?",
        'AT+CLCK="SC",2',
        "AT+CRSM=176,28589,0,0,4",
        "AT+CRSM=242",
        'AT+QENG="servingcell"',
        'AT+QCFG="usbnet"',
        'AT+QNWPREFCFG="mode_pref",LTE',
        "AT+QPRTPARA=?",
        "AT!RESET=?",
        "AT!GSTATUS?",
        "AT!USBCOMP?",
        "AT^SYSCFGEX?",
        "AT^RESETCOUNT?",
        "AT#FWSWITCH?",
        "AT+CGDCONT?",
        "AT+CUSD=0",
    ],
)
def test_a_question_or_a_plain_setting_is_sent(line):
    assert caution(line) is None


@pytest.mark.parametrize(
    ("line", "danger", "words"),
    [
        ('AT+CPIN="1234"', Danger.PIN, "lock the card"),
        ("at+cpin = 1234", Danger.PIN, "lock the card"),
        ('AT+CPIN="12345678","1234"', Danger.PIN, "lock the card"),
        ('AT^CPIN="1234"', Danger.PIN, "lock the card"),
        ('AT+CLCK="SC",0,"1234"', Danger.CONFIRM, "a wrong one locks it"),
        ('AT+CPWD="SC","1","2"', Danger.CONFIRM, "a wrong one locks it"),
        ('AT^CARDLOCK="12345678"', Danger.CONFIRM, "for good"),
        ("AT+CRSM=214,28589,0,0,4,00", Danger.CONFIRM, "writes to the card"),
        ('AT+CSIM=10,"00A4"', Danger.CONFIRM, "raw commands"),
        ("AT+CFUN=1,1", Danger.CONFIRM, "restarts"),
        ("AT+CFUN=16", Danger.CONFIRM, "restarts"),
        ("AT^RESET", Danger.CONFIRM, "restarts"),
        ("AT!RESET", Danger.CONFIRM, "restarts"),
        ("AT+QPOWD", Danger.CONFIRM, "switches itself off"),
        ("AT+CPOF", Danger.CONFIRM, "switches itself off"),
        ("AT+QPRTPARA=3", Danger.CONFIRM, "wipes"),
        ("AT!RMARESET=1", Danger.CONFIRM, "wipes"),
        ("AT+QFASTBOOT", Danger.CONFIRM, "firmware"),
        ("AT!BOOTHOLD", Danger.CONFIRM, "firmware"),
        ('AT+QCFG="usbnet",1', Danger.CONFIRM, "USB ports"),
        ('AT+QCFG="usbcfg",0x2C7C,0x0801,1,1,1,1,1,0,0', Danger.CONFIRM, "USB ports"),
        ("AT+CUSBPIDSWITCH=9011,1,1", Danger.CONFIRM, "USB ports"),
        ("AT!USBCOMP=1,1,10D", Danger.CONFIRM, "USB ports"),
        ('AT^SETPORT="A1,A2;12"', Danger.CONFIRM, "USB ports"),
        ("AT#USBCFG=2", Danger.CONFIRM, "USB ports"),
        ('AT+EGMR=1,7,"860000000000017"', Danger.NEVER, "identity"),
        ("AT+CMGS=20", Danger.NEVER, "cannot be typed"),
        ("ATD*99#", Danger.CONFIRM, "money"),
        ("AT+XFACTORYWIPE", Danger.CONFIRM, "sounds like"),
        ("AT+XRESET=1", Danger.CONFIRM, "sounds like"),
    ],
)
def test_what_does_harm_is_held_back_with_the_reason(line, danger, words):
    found = caution(line)
    assert found is not None
    assert found.danger is danger
    assert words in found.why


def test_the_worst_of_several_commands_counts():
    assert caution('AT+CSQ;+CFUN=1,1;+CPIN="1234"').danger is Danger.PIN
    assert caution("AT+CSQ;+CFUN=1,1").danger is Danger.CONFIRM
    assert caution('AT+QENG="a;+CFUN=1,1"') is None


@pytest.mark.parametrize(
    ("line", "danger"),
    [
        ("ATE0+CPIN=1234", Danger.PIN),
        ("ATS0=0+CPIN=1234", Danger.PIN),
        ("AT+CSQ;E0V1+CPIN=1234", Danger.PIN),
        ('ATE1&C1+EGMR=1,7,"860000000000017"', Danger.NEVER),
        ("AT&F+CFUN=1,1", Danger.CONFIRM),
        ("ATE0D0900", Danger.CONFIRM),
        ("ATE0+CSQ", None),
        ("ATQ0V1E1S0=0&C1&D2", None),
    ],
)
def test_what_stands_behind_basic_commands_counts_too(line, danger):
    found = caution(line)
    assert (None if found is None else found.danger) is danger


@pytest.mark.parametrize(
    "line",
    [
        'AT+CPIN="1234"',
        'AT+CPWD="SC","1","2"',
        'AT+QICSGP=1,1,"apn","me","secret",1',
        'AT+CGAUTH=1,1,"a","b"',
        "+CPIN 1234",
    ],
)
def test_codes_and_passwords_are_shown_to_nobody(line):
    assert is_secret(line)
    assert shown(line).endswith("...")
    assert "1234" not in shown(line)


def test_questions_hold_no_secret():
    assert not is_secret("AT+CPIN?")
    assert shown("AT+CSQ") == "AT+CSQ"


def test_scans_are_given_minutes():
    assert timeout_s("AT+COPS=?") > 180
    assert timeout_s("AT+QSCAN=3,1") > 300
    assert timeout_s("AT^NETSCAN=20,-110,2") > 300
    assert timeout_s("AT#CSURV") > 300
    assert timeout_s("AT+CSQ") == 10
    assert timeout_s("AT+CSQ;+COPS=?") > 180


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (" at+csq ", "at+csq"),
        ("+CSQ", "AT+CSQ"),
        ("^HCSQ?", "AT^HCSQ?"),
        ("I", "ATI"),
        ("&F", "AT&F"),
        ("hello", None),
        ("", None),
        ("AT+CSQ\r", "AT+CSQ"),
        ("AT+CSQ\x00", None),
        ("AT+CSQ²", None),
    ],
)
def test_a_line_may_leave_its_beginning_out(words, line):
    assert whole_line(words) == line
