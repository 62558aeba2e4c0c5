import json

import pytest

from sim.modem.captured import UNASKED_EVERY_S, CapturedReplies, NoCaptureError, load_captures

# Replies as RM520N-GL modules sent them.
SERVING = (
    '\r\n+QENG: "servingcell","NOCONN","NR5G-SA","TDD",310,260,18666712F,335,794E00,516270,'
    "41,12,-75,-11,5,1,-\r\n\r\nOK\r\n"
)
MODES = [f'\r\n+QNWPREFCFG: "nr5g_disable_mode",{mode}\r\n\r\nOK\r\n' for mode in (1, 2)]
RECORDS = [
    {
        "id": "a",
        "vendor": "quectel",
        "model": "RM520N-GL",
        "command": 'AT+QENG="servingcell"',
        "response": SERVING,
    },
    *(
        {
            "vendor": "quectel",
            "model": "RM520N-GL",
            "command": 'AT+QNWPREFCFG="nr5g_disable_mode"',
            "response": mode,
        }
        for mode in MODES
    ),
    {
        "vendor": "quectel",
        "model": "RM520N-GL",
        "command": "",
        "response": "\r\n+CPIN: READY\r\n",
        "note": "unasked",
    },
    {"vendor": "quectel", "model": "EG25-G", "command": "AT+CESQ", "response": "\r\nERROR\r\n"},
]


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "captures.jsonl"
    path.write_text("\n".join(json.dumps(record) for record in RECORDS) + "\n\n")
    return path


@pytest.fixture
def replies(file):
    return CapturedReplies(load_captures(file, "RM520N-GL"))


def ask(replies, line):
    return replies.answer(line, 0.0, frozenset()).text.decode()


def test_a_capture_is_served_word_for_word(replies):
    assert ask(replies, 'AT+QENG="servingcell"') == SERVING


def test_blanks_and_small_letters_outside_quotes_do_not_matter(replies):
    assert ask(replies, ' at+qeng = "servingcell"') == SERVING
    assert ask(replies, 'AT+QENG="SERVINGCELL"') == "\r\nERROR\r\n"


def test_several_captures_take_turns(replies):
    line = 'AT+QNWPREFCFG="nr5g_disable_mode"'
    assert [ask(replies, line) for _ in range(3)] == [*MODES, MODES[0]]


def test_what_was_not_captured_is_an_error(replies):
    assert ask(replies, "AT+CESQ") == "\r\nERROR\r\n"


def test_the_port_itself_answers_at_and_echo(replies):
    assert ask(replies, "AT") == "\r\nOK\r\n"
    assert replies.echo
    assert ask(replies, "ATE0") == "\r\nOK\r\n"
    assert not replies.echo


def test_maker_and_model_are_those_of_the_file(replies, file):
    assert ask(replies, "AT+CGMI") == "\r\nQuectel\r\n\r\nOK\r\n"
    assert ask(replies, "AT+CGMM") == "\r\nRM520N-GL\r\n\r\nOK\r\n"
    assert ask(replies, "ATI") == "\r\nERROR\r\n"
    captured = '{"vendor":"quectel","model":"EG25-G","command":"AT+CGMM","response":"EG25\\r\\nOK"}'
    file.write_text(file.read_text() + captured)
    assert ask(CapturedReplies(load_captures(file, "EG25-G")), "AT+CGMM") == "EG25\r\nOK"


def test_unasked_captures_come_now_and_then(replies):
    assert replies.unasked(1000.0) == b""
    assert replies.unasked(1000.0 + UNASKED_EVERY_S / 2) == b""
    assert replies.unasked(1000.0 + UNASKED_EVERY_S) == b"\r\n+CPIN: READY\r\n"
    assert replies.unasked(1001.0 + UNASKED_EVERY_S) == b""


def test_an_unknown_model_names_those_there_are(file):
    with pytest.raises(NoCaptureError, match="EG25-G, RM520N-GL"):
        load_captures(file, "EM9191")


def test_a_wrong_line_names_its_number(file):
    file.write_text(file.read_text() + '{"vendor": "quectel", "model": 3}\n')
    with pytest.raises(NoCaptureError, match=r"captures\.jsonl:7: .*model"):
        load_captures(file, "EG25-G")
