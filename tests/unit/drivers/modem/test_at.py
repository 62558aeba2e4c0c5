from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.modem.at import MAX_LINE_BYTES, MAX_REPLY_BYTES, AtChannel, Reply, Urc

QENG = 'AT+QENG="servingcell"'
SEARCHING = b'\r\n+QENG: "servingcell","SEARCH"\r\n\r\nOK\r\n'


def answered(command: str, data: bytes) -> list[Reply | Urc]:
    channel = AtChannel()
    channel.start(command)
    return channel.feed(data)


def only_reply(command: str, data: bytes) -> Reply:
    replies = [event for event in answered(command, data) if isinstance(event, Reply)]
    assert len(replies) == 1
    return replies[0]


def test_command_is_one_line_ending_in_carriage_return():
    assert AtChannel().start("AT+CSQ") == b"AT+CSQ\r"


@pytest.mark.parametrize("command", ["", "AT+CSQ\rAT+CPIN=1234", "AT\n", "AT+CÖPS"])
def test_what_is_no_command_line_is_never_sent(command):
    with pytest.raises(ValueError, match="not one AT command line"):
        AtChannel().start(command)


def test_second_command_waits_for_the_first():
    channel = AtChannel()
    channel.start("AT")
    with pytest.raises(ValueError, match="outstanding"):
        channel.start("AT")


def test_reply_has_lines_and_final_result():
    reply = only_reply("AT+CSQ", b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n")
    assert (reply.lines, reply.final, reply.ok) == (("+CSQ: 18,99",), "OK", True)


@pytest.mark.parametrize("echo", [b"AT+CSQ\r\r\n", b"AT+CSQ\r\n", b"AT+CSQ\r", b"at+csq\r\r\n"])
def test_echo_is_no_line(echo):
    assert only_reply("AT+CSQ", echo + b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n").lines == ("+CSQ: 18,99",)


def test_echo_may_come_in_pieces():
    channel = AtChannel()
    channel.start("AT+CGMM")
    assert channel.feed(b"AT+C") == []
    assert channel.feed(b"GMM\r") == []
    assert channel.feed(b"\r") == []
    (reply,) = channel.feed(b"\nEC25\r\n\r\nOK\r\n")
    assert isinstance(reply, Reply)
    assert reply.lines == ("EC25",)


@pytest.mark.parametrize(
    ("final", "code"),
    [
        ("ERROR", None),
        ("+CME ERROR: 10", 10),
        ("+CME ERROR: SIM busy", None),
        ("+CMS ERROR: 314", 314),
        ("NOT SUPPORTED", None),
        ("COMMAND NOT SUPPORT", None),
        ("TOO MANY PARAMETERS", None),
        ("ABORTED", None),
        ("MODEM ERROR: 4", None),
        ("+CME ERROR:4", 4),
        ("+CMS ERROR: unknown error", None),
        ("+CME ERROR: " + "1" * 5000, None),
    ],
)
def test_every_refusal_ends_the_reply(final, code):
    reply = only_reply("AT+CESQ", f"\r\n{final}\r\n".encode())
    assert (reply.ok, reply.final, reply.code) == (False, final, code)


def test_ok_inside_a_name_ends_nothing():
    reply = only_reply("AT+COPS?", b'\r\n+COPS: 0,0,"OK",7\r\n\r\nOK\r\n')
    assert reply.lines == ('+COPS: 0,0,"OK",7',)


@pytest.mark.parametrize("line", ["OK 2000", "Status: OK", '"OK"', "OKAY", "BOOK", "O\u212a"])
def test_line_with_ok_in_it_is_a_line(line):
    reply = only_reply("ATI", f"\r\n{line}\r\n\r\nOK\r\n".encode())
    assert reply.lines == (line,)


def test_chained_commands_have_the_lines_of_each():
    reply = only_reply(
        'AT+CSQ;+QENG="a;+CPIN";+CREG?',
        b"\r\n+CSQ: 18,99\r\n\r\n+CPIN: READY\r\n\r\n+QENG: 1\r\n\r\n+CREG: 0,1\r\n\r\nOK\r\n",
    )
    assert reply.lines == ("+CSQ: 18,99", "+QENG: 1", "+CREG: 0,1")


def test_basic_commands_may_stand_before_a_name():
    reply = only_reply("ATE0V1+CSQ", b"\r\n+CSQ: 18,99\r\n\r\n+CPIN: READY\r\n\r\nOK\r\n")
    assert reply.lines == ("+CSQ: 18,99",)


def test_call_result_does_not_end_a_query():
    events = answered("AT+CGMM", b"\r\nNO CARRIER\r\n\r\nEC25\r\n\r\nOK\r\n")
    assert events[0] == Urc("NO CARRIER")
    assert [event.lines for event in events if isinstance(event, Reply)] == [("EC25",)]


def test_call_result_ends_a_dial():
    reply = only_reply("ATD*99#", b"\r\nNO CARRIER\r\n")
    assert (reply.ok, reply.final) == (False, "NO CARRIER")


def test_unsolicited_lines_before_between_and_after_are_not_the_reply():
    events = answered(
        "AT+CSQ",
        b'\r\n+QIND: "csq",20,99\r\n\r\n+CSQ: 18,99\r\n\r\n+CREG: 1\r\n\r\nOK\r\n\r\nRDY\r\n',
    )
    assert [event.line for event in events if isinstance(event, Urc)] == [
        '+QIND: "csq",20,99',
        "+CREG: 1",
        "RDY",
    ]
    replies = [event for event in events if isinstance(event, Reply)]
    assert [reply.lines for reply in replies] == [("+CSQ: 18,99",)]


@pytest.mark.parametrize("line", ['+QENG:"servingcell","SEARCH"', '+QENG: "servingcell","SEARCH"'])
def test_prefix_counts_with_and_without_space(line):
    assert only_reply(QENG, f"\r\n{line}\r\n\r\nOK\r\n".encode()).lines == (line,)


@pytest.mark.parametrize(
    "line", ["RING", "SMS DONE", "PB DONE", "Call Ready", "^SYSSTART", "+PBREADY", "RDY"]
)
def test_bare_line_of_its_own_accord_is_no_name_of_a_model(line):
    events = answered("AT+CGMM", f"\r\n{line}\r\n\r\nEC25\r\n\r\nOK\r\n".encode())
    assert events[0] == Urc(line)


def test_bare_lines_belong_to_the_reply():
    reply = only_reply("ATI", b"\r\nQuectel\r\nEC25\r\nRevision: EC25EFAR06A06M4G\r\n\r\nOK\r\n")
    assert reply.lines == ("Quectel", "EC25", "Revision: EC25EFAR06A06M4G")


def test_card_number_may_come_under_another_name():
    reply = only_reply("AT+CCID", b"\r\n+ICCID: 89840400000000000\r\n\r\nOK\r\n")
    assert reply.lines == ("+ICCID: 89840400000000000",)


def test_late_reply_of_an_abandoned_command_answers_no_other():
    channel = AtChannel()
    channel.start(QENG)
    channel.abandon()
    channel.start("AT+COPS?")
    events = channel.feed(SEARCHING + b'\r\n+COPS: 0,2,"45204",7\r\n\r\nOK\r\n')
    replies = [event for event in events if isinstance(event, Reply)]
    assert [reply.lines for reply in replies] == [('+COPS: 0,2,"45204",7',)]


def test_late_final_result_after_the_reply_is_unsolicited():
    channel = AtChannel()
    channel.start("AT")
    events = channel.feed(b"\r\nOK\r\n\r\nOK\r\n")
    assert [type(event) for event in events] == [Reply, Urc]


def test_final_result_alone_of_an_abandoned_command_comes_before_the_next_one():
    channel = AtChannel()
    channel.start("AT+COPS?")
    channel.abandon()
    assert channel.feed(b"\r\nOK\r\n") == [Urc("OK")]


def test_what_came_of_an_abandoned_command_is_told():
    channel = AtChannel()
    channel.start("AT+CGMM")
    channel.feed(b"\r\nEC25\r\n\r\nO")
    assert channel.abandon() == "EC25\nO"
    assert channel.abandon() == ""


def test_prompt_for_text_is_seen_and_is_no_result():
    channel = AtChannel()
    channel.start('AT+CMGS="+84900000000"')
    assert channel.feed(b"\r\n>") == []
    assert channel.wants_text
    assert channel.feed(b" ") == []
    assert channel.wants_text
    (reply,) = channel.feed(b"\r\n\r\nOK\r\n")
    assert isinstance(reply, Reply)
    assert not channel.wants_text


def test_line_that_begins_like_a_prompt_is_none():
    channel = AtChannel()
    channel.start("ATI")
    channel.feed(b"\r\n> is no prompt")
    assert not channel.wants_text


def test_answer_to_another_query_is_not_taken_for_ours():
    reply = only_reply("AT+COPS?", SEARCHING)
    assert reply.lines == ()


def test_echo_throws_away_what_came_before_it():
    reply = only_reply("AT+CGMM", b"\r\n869000000000006\r\nAT+CGMM\r\r\nEC25\r\n\r\nOK\r\n")
    assert reply.lines == ("EC25",)


def test_megabyte_without_line_end_is_dropped_and_counted():
    channel = AtChannel()
    channel.start("AT+CSQ")
    for _ in range(256):
        assert channel.feed(b"x" * 4096) == []
    assert channel.dropped_bytes == 1 << 20
    assert len(channel._buffer) <= MAX_LINE_BYTES
    (reply,) = channel.feed(b"\r\n+CSQ: 18,99\r\n\r\nOK\r\n")
    assert isinstance(reply, Reply)
    assert reply.lines == ("+CSQ: 18,99",)


def test_reply_without_end_is_bounded():
    channel = AtChannel()
    channel.start("AT+COPS=?")
    line = b"+COPS: " + b"x" * 1000 + b"\r\n"
    for _ in range(1000):
        channel.feed(line)
    (reply,) = channel.feed(b"OK\r\n")
    assert isinstance(reply, Reply)
    assert len(reply.raw) <= MAX_REPLY_BYTES
    assert sum(map(len, reply.lines)) <= MAX_REPLY_BYTES


def test_nuls_and_binary_do_not_hide_a_reply():
    reply = only_reply("AT+CSQ", b"\x00\xff\x80\r\n\x00+CSQ: 18,99\x00\r\n\r\nO\x00K\r\n")
    assert reply.lines[-1] == "+CSQ: 18,99"
    assert reply.ok


def test_raw_text_is_kept_for_what_nobody_understands():
    assert "+QENG: nonsense" in only_reply(QENG, b"\r\n+QENG: nonsense\r\n\r\nOK\r\n").raw


CHUNKS = st.lists(
    st.one_of(
        st.sampled_from(
            [b"\r\n", b"OK\r\n", b"+QENG: 1", b"+CREG: 1\r\n", b"ERROR\r", b"AT+QENG\r", b"\x00"]
        ),
        st.binary(max_size=20),
        st.just(b"y" * (MAX_LINE_BYTES - 3)),
    ),
    max_size=12,
)


@settings(max_examples=200, deadline=None)
@given(chunks=CHUNKS, cuts=st.lists(st.integers(0, 4000), max_size=8))
def test_any_cut_of_the_bytes_gives_the_same_events(chunks, cuts):
    data = b"".join(chunks)
    whole = AtChannel()
    whole.start("AT+QENG")
    expected = whole.feed(data)
    pieces = AtChannel()
    pieces.start("AT+QENG")
    events = []
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for start, end in pairwise(edges):
        events += pieces.feed(data[start:end])
    assert events == expected
    assert pieces.dropped_bytes == whole.dropped_bytes
