import pytest

from drivers.modem import standard
from drivers.modem.errors import UnreadableError
from drivers.modem.standard import Identification, SimState
from wire.cells import Rat
from wire.kinds.radio import RegistrationState

HOME, ROAMING, DENIED = (
    RegistrationState.HOME,
    RegistrationState.ROAMING,
    RegistrationState.DENIED,
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('+CEREG: 2,1,"22A7","9762001",7', (HOME, Rat.LTE, 0x22A7, 0x9762001)),
        ("+CEREG: 2,1, 22A7, 9762001 ,7", (HOME, Rat.LTE, 0x22A7, 0x9762001)),
        # The routing area, two hex digits, before the cell.
        ("+CEREG: 2,1, 22A7, 20 ,9762001 ,7", (HOME, Rat.LTE, 0x22A7, 0x9762001)),
        ("+CEREG:002,005", (ROAMING, None, None, None)),
        ("+CEREG: 3,5,,,,1,2", (ROAMING, None, None, None)),
        ("+CEREG: 0,3", (DENIED, None, None, None)),
        ('+CEREG: 2,1,"FFFF","FFFFFFF",7', (HOME, Rat.LTE, None, None)),
    ],
)
def test_registration_is_read_in_every_shape(line, expected):
    found = standard.registration([line], "+CEREG")
    assert (found.counted, found.cell_rat, found.area_code, found.cell_id) == expected


@pytest.mark.parametrize(
    ("line", "causes"),
    [
        ("+CEREG: 3,5,,,,1,2", (1, 2)),
        ('+CEREG: 5,10,"22A7","9762001",7,1,3,"00100001","01000011"', (1, 3)),
        ('+CEREG: 2,1,"22A7","9762001",7', (None, None)),
    ],
)
def test_cause_of_a_refusal_stands_behind_the_technology(line, causes):
    found = standard.registration([line], "+CEREG")
    assert (found.cause_type, found.reject_cause) == causes


def test_routing_area_and_slices_are_no_causes():
    packet = standard.registration(['+CGREG: 2,1,"22A7","9762001",7,"01"'], "+CGREG")
    fifth = standard.registration(["+C5GREG: 2,1,22A7,9762001,11,6,A1B2C3"], "+C5GREG")
    assert packet.cause_type is None
    assert fifth.cause_type is None


def test_cell_of_stand_alone_nr_has_36_bits():
    found = standard.registration(['+C5GREG: 2,1,"004297","FA1B2C3D4",11,1,"01"'], "+C5GREG")
    assert (found.cell_id, found.cell_rat) == (0xFA1B2C3D4, Rat.NR)


@pytest.mark.parametrize("value", ['1,"22A7","9762001",7', "1, 22A7, 9762001 ,7", "2", "11"])
def test_unsolicited_form_is_no_answer(value):
    assert standard.solicited_registration(value, "+CEREG") is None


def test_unsolicited_line_among_the_answer_is_passed_over():
    lines = ['+CREG: 1,"22A7","9762001",7', "+CREG: 2,3"]
    assert standard.registration(lines, "+CREG").counted is DENIED


def test_best_domain_wins():
    answers = [standard.registration([f"+CREG: 2,{stat}"], "+CREG") for stat in (3, 5, 0)]
    assert standard.best(answers) is ROAMING
    assert standard.best([]) is None


def test_reply_without_registration_is_unreadable():
    with pytest.raises(UnreadableError) as caught:
        standard.registration(["+CEREG: yes"], "+CEREG")
    assert caught.value.text == "+CEREG: yes"


@pytest.mark.parametrize(
    ("line", "plmn", "act"),
    [
        ('+COPS: 0,2,"45204",7', "45204", 7),
        ('+COPS: 0,2,"310 260",11', "310260", 11),
        ('+COPS: 0,0,"OK",7', None, 7),
    ],
)
def test_operator_is_a_plmn_with_its_leading_zeros(line, plmn, act):
    found = standard.operator([line])
    assert (found.plmn, found.act) == (plmn, act)


def test_no_operator_is_a_mode_alone():
    found = standard.operator(["+COPS: 0"])
    assert (found.mode, found.plmn, found.name) == (0, None, None)


def test_scan_keeps_commas_inside_names():
    line = '+COPS: (2,"Net, One","N1","45204",7),(1,"Two (II)","T","45201",0),,(0-4),(0-2)'
    found = standard.operators([line])
    assert [(each.status, each.long, each.plmn, each.rat) for each in found] == [
        ("current", "Net, One", "45204", "lte"),
        ("available", "Two (II)", "45201", "gsm"),
    ]


@pytest.mark.parametrize(("line", "dbm"), [("+CSQ: 0,0", -113), ("+CSQ: 31,92", -51)])
def test_csq_steps_are_two_db(line, dbm):
    assert standard.csq([line]).rssi_dbm == dbm


def test_unknown_csq_is_none_and_not_zero():
    assert standard.csq(["+CSQ: 99,99"]).rssi_dbm is None


def test_cesq_triple_is_rsrq_rsrp_sinr():
    found = standard.quality(["+CESQ: 99,99,255,255,20,56,65,70,90"])
    assert found.lte is not None
    assert found.nr is not None
    assert (found.lte.rsrq_db, found.lte.rsrp_dbm) == (-10, -85)
    assert (found.nr.rsrq_db, found.nr.rsrp_dbm, found.nr.sinr_db) == (-11, -87, 21.5)
    assert (found.gsm, found.wcdma) == (None, None)


def test_ranges_are_spelt_out():
    assert standard.numbers_in_ranges("(12,22,(29-31))") == {12, 22, 29, 30, 31}


@pytest.mark.parametrize(
    ("line", "iccid"),
    [
        ("+QCCID: 8984040000000000041", "8984040000000000041"),
        ('"984840000000000000F1"', "8984040000000000001"),
        ("+CCID: 898600A0B00000000001", "898600A0B00000000001"),
        ("+CCID: ", None),
    ],
)
def test_card_number_is_turned_round_where_its_nibbles_are_swapped(line, iccid):
    assert standard.iccid([line]) == iccid


def test_imei_is_fifteen_digits_in_or_out_of_quotes():
    assert standard.imei(["869000000000006"]) == "869000000000006"
    assert standard.imei(['+CGSN: "350000000000006"']) == "350000000000006"
    assert standard.imei(["8984040000000000041"]) is None


@pytest.mark.parametrize(
    ("lines", "final", "state"),
    [
        (["+CPIN: READY"], "OK", SimState.READY),
        (['+CPIN: "SIM PIN"'], "OK", SimState.PIN),
        (["+CPIN: PH-NET PIN"], "OK", SimState.LOCKED),
        ([], "+CME ERROR: 10", SimState.ABSENT),
        ([], "+CME ERROR: SIM busy", SimState.BUSY),
        ([], "+CME ERROR: 13", SimState.FAILED),
        ([], "ERROR", SimState.UNKNOWN),
    ],
)
def test_state_of_the_card(lines, final, state):
    assert standard.sim_state(lines, final) is state


def test_length_of_the_home_mnc_is_on_the_card():
    assert standard.mnc_digits(['+CRSM: 144,0,"00000003"']) == 3
    assert standard.mnc_digits(["+CRSM: 106,130"]) is None


def test_ati_is_read_by_place_or_by_name():
    by_place = ["Quectel", "EC25", "Revision: EC25EFAR06A06M4G"]
    by_name = ["Manufacturer: Inseego Corp.", "Model: M2000A", "Revision: 1.36", "+GCAP: +CGSM"]
    nothing = {"manufacturer": None, "model": None, "firmware": None}
    assert standard.identification(by_place, **nothing) == Identification(
        "Quectel", "EC25", "EC25EFAR06A06M4G"
    )
    assert standard.identification(by_name, **nothing) == Identification(
        "Inseego Corp.", "M2000A", "1.36"
    )


def test_prefix_with_nothing_behind_it_is_nothing():
    assert standard.bare(["+CGMR: "], "+CGMR") is None


def test_answer_without_n_is_one_where_an_area_follows_the_state():
    found = standard.registration(['+C5GREG: 1,"1964","260768000",11,4,"01"'], "+C5GREG")
    assert (found.n, found.stat, found.tac, found.act) == (None, 1, 0x1964, 11)
    with pytest.raises(UnreadableError):
        standard.registration(["+C5GREG: 2"], "+C5GREG")


def test_text_of_two_digits_is_no_cause():
    line = '+CEREG: 4,5,"C350","0001766A",9,"00",,,"00000001","00001100"'
    assert standard.registration([line], "+CEREG").cause_type is None


def test_names_in_ucs2_are_text():
    line = '+COPS: (2,"004D006F00620069","004D006F00620069","00340035003200300031",7)'
    (found,) = standard.operators([line])
    assert (found.long, found.plmn) == ("Mobi", "45201")
    assert standard.operator(['+COPS: 0,2,"00340035003200300031",7']).plmn == "45201"
    assert standard.operator(['+COPS: 0,0,"00560069006500740074",7']).name == "Viett"
    assert standard.operator(['+COPS: 0,0,"2345",7']).name == "2345"


def test_name_and_number_on_one_line_are_one_operator():
    found = standard.operator(['+COPS: 0,0,"Mobifone",7', '+COPS: 0,2,"45201",7'])
    assert (found.name, found.plmn, found.format) == ("Mobifone", "45201", 0)


def test_bearer_has_nothing_of_another():
    rows = ['+CGCONTRDP: 2,6,"ims","10.6.1.2",,"10.1.1.9"', '+CGCONTRDP: 1,5,"m","10.5.1.2"']
    found = standard.bearer(rows)
    assert found is not None
    assert (found.cid, found.ipv4, found.dns) == (2, "10.6.1.2", ("10.1.1.9",))


SIX = "253.0.151.106.0.0.0.0.0.0.0.0.0.0.0."


@pytest.mark.parametrize(
    ("rows", "servers"),
    [
        # Quectel EG915Q.
        (
            [f'+CGCONTRDP: 2,6,"fast.t-mobile.com",,,"{SIX}9","{SIX}16"'],
            ("fd00:976a::9", "fd00:976a::10"),
        ),
        # The example of TS 27.007 has none.
        (['+CGCONTRDP: 4,5,"ibox.tim.it","2.197.17.49.255.255.255.255","2.197.17.49"'], ()),
        # Both families of one bearer, after that of voice.
        (
            [
                '+CGCONTRDP: 2,6,"IMS.mnc004.mcc452.gprs","10.6.1.2",,"10.1.1.9"',
                '+CGCONTRDP: 1,5,"m","10.5.1.2","","10.5.0.53","10.5.0.54"',
                f'+CGCONTRDP: 1,5,"m","{SIX}2","{SIX}1","{SIX}9","{SIX}9"',
            ],
            ("10.5.0.53", "10.5.0.54", "fd00:976a::9"),
        ),
        (['+CGCONTRDP: 1,5,"m","10.5.1.2","255.255.255.0","10.5.1.1","10.5.0.53"'], ("10.5.0.53",)),
        (['+CGCONTRDP: 1,5,"m","10.5.1.2","","0.0.0.0","0.0.0.0"'], ()),
        (['+CGCONTRDP: 1,5,"m","10.5.1.2","","::","2001:db8::53"'], ("2001:db8::53",)),
        (["+CGCONTRDP: ,,,,,,,", "what", "+CGCONTRDP:"], ()),
        ([], ()),
    ],
)
def test_name_servers_are_those_of_the_bearer_with_the_data(rows, servers):
    assert standard.name_servers(rows) == servers


def test_address_of_the_other_family_is_no_gateway():
    row = '+CGCONTRDP: 1,0,"m","10.5.1.2","32.1.13.184.0.0.0.0.0.0.0.0.0.0.0.1"'
    found = standard.bearer([row])
    assert found is not None
    assert (found.ipv4, found.ipv6, found.gateway) == ("10.5.1.2", "2001:db8::1", None)


def test_address_may_have_its_prefix_behind_it():
    assert str(standard.ip_address("2001:db8::1/64")) == "2001:db8::1"


@pytest.mark.parametrize(
    ("line", "maker", "model"),
    [("Nokia", "Nokia", None), ("MD300", None, "MD300"), ("144", None, None)],
)
def test_single_line_is_a_maker_or_a_model(line, maker, model):
    found = standard.identity([line])
    assert (found.manufacturer, found.model) == (maker, model)
