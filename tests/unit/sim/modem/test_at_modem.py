import re
from functools import lru_cache

import pytest

from sim.modem.answer import Fault
from sim.modem.at_modem import ATTACH_S, AtModem
from sim.modem.persona import load_persona, persona_names
from sim.world import demo_world

T0 = 1_790_000_000.0
WORLD = demo_world(T0)
(GAP,) = WORLD.gaps
IN_GAP = T0 + (GAP.start_m + 700 - WORLD.drive.start_m) / WORLD.drive.speed_m_s
FREE: frozenset[str] = frozenset()


def modem(name: str, persona: str | None = None) -> AtModem:
    card = WORLD.modem(name)
    return AtModem(load_persona(persona or card.persona), card, WORLD)


def ask(device: AtModem, line: str, unix_s: float = T0, *faults: str) -> list[str]:
    text = device.answer(line, unix_s, frozenset(faults)).text.decode()
    return [row for row in text.split("\r\n") if row]


def test_stand_alone_nr_is_one_line():
    rows = ask(modem("viettel"), 'AT+QENG="servingcell"')
    assert re.fullmatch(
        r'\+QENG: "servingcell","NOCONN","NR5G-SA","TDD",452,04,[0-9A-F]+,\d+,[0-9A-F]+,'
        r"510000,41,12,-\d+,-\d+,-?\d+,1,-",
        rows[0],
    )
    assert rows[1:] == ["OK"]


def test_an_nr_leg_is_three_lines_and_its_sinr_stands_before_its_rsrq():
    device = modem("vinaphone")
    rows = ask(device, 'AT+QENG="servingcell"')
    reading = device.reading(T0)
    assert rows[0] == '+QENG: "servingcell","NOCONN"'
    assert rows[1].startswith('+QENG: "LTE","FDD",452,02,')
    leg = rows[2].split(",")
    assert leg[0] == '+QENG: "NR5G-NSA"'
    assert [int(x) for x in leg[4:7]] == [
        round(reading.nr.rsrp_dbm),
        round(reading.nr.sinr_db),
        round(reading.nr.rsrq_db),
    ]


def test_a_lock_searches_then_serves_and_reads_back():
    device = modem("vinaphone")
    assert ask(device, 'AT+QNWPREFCFG="mode_pref",LTE') == ["OK"]
    assert ask(device, 'AT+QENG="servingcell"', T0 + 1)[0] == '+QENG: "servingcell","SEARCH"'
    assert ask(device, "AT+CEREG?", T0 + 1)[0] == "+CEREG: 0,2"
    rows = ask(device, 'AT+QENG="servingcell"', T0 + ATTACH_S)
    assert '"LTE"' in rows[0]
    assert rows[1:] == ["OK"]
    assert ask(device, 'AT+QNWPREFCFG="mode_pref"')[0] == '+QNWPREFCFG: "mode_pref",LTE'


def test_writing_the_same_lock_again_does_not_detach():
    device = modem("vinaphone")
    ask(device, 'AT+QNWPREFCFG="mode_pref",AUTO')
    assert "SEARCH" not in ask(device, 'AT+QENG="servingcell"')[0]


@pytest.mark.parametrize(
    ("mode_pref", "disable", "expected"),
    [
        ("AUTO", "0", "NR5G-SA"),
        ("NR5G", "2", "NR5G-SA"),
        ("LTE:NR5G", "1", '"LTE"'),
        ("LTE", "0", '"LTE"'),
        ("WCDMA", "0", "SEARCH"),
    ],
)
def test_each_lock_changes_what_is_heard(mode_pref, disable, expected):
    device = modem("viettel")
    ask(device, f'AT+QNWPREFCFG="mode_pref",{mode_pref}')
    ask(device, f'AT+QNWPREFCFG="nr5g_disable_mode",{disable}')
    assert expected in ask(device, 'AT+QENG="servingcell"', T0 + 5)[0]


def test_scan_mode_takes_the_lte_modem_to_gsm():
    vinaphone = WORLD.modem("vinaphone")
    device = AtModem(load_persona("quectel_ec25"), vinaphone, WORLD)
    ask(device, 'AT+QCFG="nwscanmode",1,1')
    assert '"GSM",452,02' in ask(device, 'AT+QENG="servingcell"', T0 + 5)[0]
    assert ask(device, 'AT+QCFG="nwscanmode"')[0] == '+QCFG: "nwscanmode",1'


def test_ws46_locks_the_generic_modem():
    device = modem("vinaphone", "generic")
    before = ask(device, "AT+CESQ")[0].split(",")
    assert before[-1] != "255"
    ask(device, "AT+WS46=28")
    after = ask(device, "AT+CESQ", T0 + 5)[0].split(",")
    assert after[-3:] == ["255", "255", "255"]
    assert int(after[5]) - 141 == pytest.approx(device.reading(T0 + 5).serving.rsrp_dbm, abs=1)
    assert ask(device, "AT+WS46?")[0] == "+WS46: 28"


def test_radio_off_is_no_service_and_on_again_attaches():
    device = modem("mobifone")
    ask(device, "AT+CFUN=4")
    assert ask(device, "AT+CFUN?")[0] == "+CFUN: 4"
    assert ask(device, "AT+CREG?")[0] == "+CREG: 0,0"
    ask(device, "AT+CFUN=1")
    assert "SEARCH" in ask(device, 'AT+QENG="servingcell"', T0 + 1)[0]
    assert "NOCONN" in ask(device, 'AT+QENG="servingcell"', T0 + ATTACH_S)[0]


def test_a_reset_forgets_the_echo_and_keeps_the_lock():
    device = modem("viettel")
    ask(device, "ATE0")
    ask(device, 'AT+QNWPREFCFG="mode_pref",LTE')
    assert not device.echo
    answer = device.answer("AT+CFUN=1,1", T0, FREE)
    assert answer.reset_s is not None
    assert device.echo
    assert ask(device, 'AT+QNWPREFCFG="mode_pref"')[0] == '+QNWPREFCFG: "mode_pref",LTE'


@pytest.mark.parametrize("name", ["viettel", "vinaphone", "mobifone"])
def test_in_the_gap_there_is_no_service(name):
    device = modem(name)
    assert ask(device, 'AT+QENG="servingcell"', IN_GAP)[0] == '+QENG: "servingcell","SEARCH"'
    assert ask(device, "AT+COPS?", IN_GAP)[0] == "+COPS: 0"
    assert ask(device, "AT+CSQ", IN_GAP)[0] == "+CSQ: 99,99"
    assert ask(device, "AT+COPS=?", IN_GAP) == ["OK"]


def test_right_after_the_gap_there_is_service_again():
    device = modem("mobifone")
    end = T0 + (GAP.end_m + 10 - WORLD.drive.start_m) / WORLD.drive.speed_m_s
    assert ask(device, "AT+CEREG?", end)[0] == "+CEREG: 0,1"


def test_registration_names_the_cell_that_serves():
    device = modem("mobifone")
    ask(device, "AT+CEREG=2")
    serving = device.reading(T0).serving
    assert ask(device, "AT+CEREG?")[0] == (f'+CEREG: 2,1,"{serving.tac:X}","{serving.cell_id:X}",7')


def test_the_operator_is_printed_as_the_format_says():
    device = modem("viettel")
    assert ask(device, "AT+COPS?")[0] == '+COPS: 0,0,"Viettel",11'
    ask(device, "AT+COPS=3,2")
    assert ask(device, "AT+COPS?")[0] == '+COPS: 0,2,"45204",11'


def test_a_scan_finds_all_operators_and_knows_its_own():
    (row, final) = ask(modem("mobifone"), "AT+QOPS")[0], "OK"
    assert final == "OK"
    rows = [r for r in ask(modem("mobifone"), "AT+COPS=?") if r != "OK"]
    assert {re.search(r'"(\d{5})"', r)[1] for r in rows} == {"45201", "45202", "45204"}
    assert all(("(2," in r) == ("45201" in r) for r in rows)
    assert row.startswith("+QOPS:")


def test_the_first_neighbour_is_the_serving_cell():
    device = modem("mobifone")
    rows = ask(device, 'AT+QENG="neighbourcell"')
    serving = device.reading(T0).serving
    assert rows[0].startswith(f'+QENG: "neighbourcell intra","LTE",{serving.arfcn},{serving.pci},')
    assert len(rows) > 3


@pytest.mark.parametrize(
    ("fault", "line", "row"),
    [
        (Fault.NO_SIM, "AT+CPIN?", "+CME ERROR: 10"),
        (Fault.NO_SIM, "AT+CIMI", "+CME ERROR: 10"),
        (Fault.NO_SIM, "AT+CEREG?", "+CEREG: 0,0"),
        (Fault.SIM_PIN, "AT+CPIN?", "+CPIN: SIM PIN"),
        (Fault.SIM_PIN, "AT+CIMI", "+CME ERROR: 11"),
        (Fault.DENIED, "AT+CPIN?", "+CPIN: READY"),
        (Fault.DENIED, "AT+CEREG?", "+CEREG: 0,3"),
        (Fault.DENIED, "AT+COPS?", "+COPS: 0"),
    ],
)
def test_faults_of_the_card_and_of_the_network(fault, line, row):
    assert ask(modem("mobifone"), line, T0, fault)[0] == row


def test_a_refused_modem_camps_with_limited_service():
    rows = ask(modem("mobifone"), 'AT+QENG="servingcell"', T0, Fault.DENIED)
    assert rows[0].startswith('+QENG: "servingcell","LIMSRV","LTE"')


def test_an_unknown_command_is_an_error():
    assert ask(modem("mobifone"), 'AT+QNWPREFCFG="mode_pref"') == ["ERROR"]
    assert ask(modem("mobifone"), "AT+CESQ") == ["ERROR"]


def test_unasked_lines_come_in_their_rhythm():
    device = modem("mobifone")
    assert device.unasked(T0 - 100) == b""
    assert device.unasked(T0 - 90) == b""
    assert device.unasked(T0 - 69).startswith(b'\r\n+QIND: "csq",')
    assert device.unasked(T0 - 68) == b""


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("viettel", FREE),
        ("vinaphone", FREE),
        ("vinaphone", {Fault.NO_SIM}),
        ("mobifone", {Fault.SIM_PIN}),
        ("viettel", {Fault.DENIED}),
    ],
)
@pytest.mark.parametrize("persona", persona_names())
def test_every_command_has_an_answer_in_every_state(persona, name, faults):
    device = modem(name, persona)
    radio = device._radio
    # Many questions at each of a few moments: the radio is worked out once for all of them.
    radio.radio_at = lru_cache(radio.radio_at)
    radio.cells_at = lru_cache(radio.cells_at)
    reads = [pattern for pattern in _patterns(persona) if "(" not in pattern]
    locks = {
        "generic": "AT+WS46=12",
        "quectel_ec25": 'AT+QCFG="nwscanmode",1',
        "quectel_rm520n": 'AT+QNWPREFCFG="mode_pref",LTE',
    }
    states = [
        ("", T0),
        ("", IN_GAP),
        ("AT+CFUN=4", T0),
        ("AT+CFUN=1", T0 + 1),
        (locks.get(persona, ""), T0 + 6),
    ]
    for line, unix_s in states:
        if line:
            assert ask(device, line, unix_s - 5) == ["OK"]
        for read in reads:
            text = device.answer(read, unix_s, frozenset(faults)).text
            assert text.endswith(b"\r\n")
            assert b"{" not in text


def _patterns(persona):
    return [re.sub(r"\\(.)", r"\1", c.pattern) for c in load_persona(persona).commands]


LOCK = 'AT+QNWPREFCFG="mode_pref",LTE'
READ = 'AT+QNWPREFCFG="mode_pref"'
SERVING = 'AT+QENG="servingcell"'
STANDING = T0 - 1000


@pytest.mark.parametrize(("fault", "radio_helps"), [("stubborn", True), ("obstinate", False)])
def test_a_lock_may_be_read_back_and_have_no_effect(fault, radio_helps):
    device = modem("viettel")
    assert ask(device, LOCK, STANDING, fault) == ["OK"]
    assert ask(device, READ, STANDING + 60, fault)[0].endswith(",LTE")
    assert "NR5G-SA" in ask(device, SERVING, STANDING + 60, fault)[0]
    ask(device, "AT+CFUN=4", STANDING + 61, fault)
    assert "SEARCH" in ask(device, SERVING, STANDING + 62, fault)[0]
    ask(device, "AT+CFUN=1", STANDING + 63, fault)
    assert ('"LTE"' in ask(device, SERVING, STANDING + 80, fault)[0]) is radio_helps
    ask(device, "AT+CFUN=1,1", STANDING + 81, fault)
    assert '"LTE"' in ask(device, SERVING, STANDING + 120, fault)[0]
