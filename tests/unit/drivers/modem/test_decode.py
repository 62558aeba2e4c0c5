import pytest

from drivers.modem.decode import decode, family_named
from drivers.modem.families.generic import Generic
from drivers.modem.family import families


def said(command: str, response: str, vendor: str = "quectel", model: str = "RM520N-GL"):
    return decode(vendor=vendor, model=model, command=command, response=response)


def test_reply_is_read_with_echo_blank_lines_and_result():
    response = "AT+CSQ\r\r\n\r\n+CSQ: 18,99\r\n\r\nOK\r\n"
    assert said("AT+CSQ", response) == {"signal": {"csq": 18, "rssi_dbm": -77.0}}


def test_channel_number_is_called_earfcn_whatever_the_technology():
    row = '+QNWINFO: "TDD NR5G","45204","NR5G BAND 41",510000\r\n\r\nOK\r\n'
    (cell,) = said("AT+QNWINFO", row)["cells"]
    assert (cell["role"], cell["rat"], cell["earfcn"]) == ("serving", "nr", 510000)
    assert "arfcn" not in cell


def test_unsolicited_line_says_so():
    found = said("", '+CEREG: 1,"22A7","9762001",7\r\n')["registration"]
    assert (found["state"], found["urc"], found["tac"]) == ("home", True, 0x22A7)
    assert "n" not in found


def test_two_digits_first_are_a_state_and_no_n():
    assert said("", "+CREG: 11\r\n")["registration"]["state"] == "attached-rlos"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ("ERROR\r\n", {"kind": "error"}),
        ("+CME ERROR: 4\r\n", {"kind": "cme", "code": 4}),
        ("+CMS ERROR: 314\r\n", {"kind": "cms", "code": 314}),
        ("+CME ERROR: operation not allowed\r\n", {"kind": "cme", "text": "operation not allowed"}),
        ("COMMAND NOT SUPPORT\r\n", {"kind": "command-not-support"}),
        ("NO CARRIER\r\n", {"kind": "no-carrier"}),
    ],
)
def test_failure_is_told(response, error):
    assert said("AT+X", response) == {"error": error}


def test_missing_card_is_a_failure_and_a_state():
    found = said("AT+CPIN?", "+CME ERROR: 10\r\n")
    assert (found["sim"], found["error"]["code"]) == ({"state": "absent"}, 10)


def test_order_that_was_carried_out_is_ok():
    assert said('AT+QCFG="nwscanmode",2', "OK\r\n") == {"result": "ok"}


def test_copied_without_its_end_it_is_read_all_the_same():
    assert said("AT+CSQ", "+CSQ: 18,99")["signal"]["csq"] == 18


@pytest.mark.parametrize(
    ("command", "response"),
    [
        ("AT+CSQ", "+CSQ: what\r\n\r\nOK\r\n"),
        ("AT+NOBODYKNOWS?", "+NOBODYKNOWS: 1\r\n\r\nOK\r\n"),
        ("AT+CSQ\r", "+CSQ: 18,99\r\n\r\nOK\r\n"),
        ("", ""),
        ("", "\x00\xff"),
        ("AT+QENG", "\ud800"),
    ],
)
def test_what_cannot_be_read_is_given_back(command, response):
    assert list(said(command, response)) == ["unread"]


def test_vendor_by_any_name():
    assert family_named("Quectel").name == "quectel"
    assert family_named("nobody") is Generic
    for family in families():
        for name in (family.name, *family.vendors):
            assert family_named(name.upper()) is family


def test_signed_zero_and_empty_scan_are_no_network():
    assert said("AT+COPS=?", "+COPS: (0,1,2),(0-4)\r\n\r\nOK\r\n") == {"operators": []}


def test_technology_behind_the_bracket_is_read():
    found = said("AT+COPS=?", '+COPS: (2,"A","A","45204"),7),(1,"B",,"45201")\r\n\r\nOK\r\n')
    assert [(each["plmn"], each.get("act")) for each in found["operators"]] == [
        ("45204", 7),
        ("45201", None),
    ]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('+CGPADDR: 1,"10.5.1.2","2001:0db8:0:1::1"', ("10.5.1.2", "2001:db8:0:1::1")),
        ("+CGPADDR: 1,10.5.1.2.255.255.255.0", ("10.5.1.2", None)),
        ("+CGPADDR: 1,32.1.13.184.0.0.0.1.0.0.0.0.0.0.0.1", (None, "2001:db8:0:1::1")),
        ('+CGPADDR: 1,"IPV4:10.5.1.2 IPV6:2001:db8::1"', ("10.5.1.2", "2001:db8::1")),
    ],
)
def test_address_in_every_notation(line, expected):
    (address,) = said("AT+CGPADDR=1", f"{line}\r\n\r\nOK\r\n")["addresses"]
    assert (address.get("ipv4"), address.get("ipv6")) == expected


def test_zero_address_is_none():
    assert said("AT+CGPADDR=1", "+CGPADDR: 1,0.0.0.0\r\n\r\nOK\r\n") == {"addresses": []}


@pytest.mark.parametrize(
    "addresses",
    ['"10.5.1.2.255.255.255.0","10.5.1.1"', '"10.5.1.2","255.255.255.0","10.5.1.1"'],
)
def test_bearer_with_mask_joined_or_apart(addresses):
    row = f'+CGCONTRDP: 1,5,"m-wap",{addresses},"10.1.1.1","10.1.1.2"\r\n\r\nOK\r\n'
    bearer = said("AT+CGCONTRDP=1", row)["bearer"]
    assert (bearer["ipv4"], bearer["netmask"]) == ("10.5.1.2", "255.255.255.0")
    assert (bearer["gateway"], bearer["dns"]) == ("10.5.1.1", ["10.1.1.1", "10.1.1.2"])


def test_order_is_carried_out_whatever_comes_unasked_behind_it():
    assert said("AT+CFUN=1", "OK\r\n\r\n+CPIN: READY\r\n") == {"result": "ok"}
    assert "unread" in said("AT+CFUN?", "OK\r\n\r\n+QIND: SMS DONE\r\n")


def test_commands_on_one_line_are_read_each():
    found = said(
        'AT+CPIN?;+CSQ;+QNWINFO;+QENG="servingcell";+COPS=3,2',
        '+CSQ: 17,99\r\n\r\n+CPIN: READY\r\n\r\n+QNWINFO: "FDD LTE","45201","LTE BAND 3",1600\r\n'
        '+QENG: "servingcell","NOCONN","LTE","FDD",452,01,9762001,255,1600,3,5,5,22A7,'
        "-92,-10,-62,15,29\r\n\r\nOK\r\n",
    )
    assert (found["sim"], found["signal"]["csq"]) == ({"state": "ready"}, 17)
    assert [cell["cell_id"] for cell in found["cells"]] == [0x9762001]
    assert "operator" not in found


def test_answer_under_the_name_of_another_domain_is_read():
    found = said("AT+CEREG?", "+CREG: 0,2\r\n\r\nOK\r\n")["registration"]
    assert (found["domain"], found["state"]) == ("cs", "searching")
