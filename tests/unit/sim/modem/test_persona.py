import pytest

from sim.modem.persona import (
    PersonaError,
    final_line,
    load_persona,
    parse_persona,
    persona_names,
    render,
)
from sim.world.technology import Technology

HEAD = """\
maker: M
model: X
firmware: 1
provenance: written for this test
set echo = 1
set cmee = 1
set cfun = 1
keep lock = 3
allow lte: lock=[03]
"""


def persona(body: str, head: str = HEAD):
    return parse_persona(head + body, source="x.txt")


def answer(body: str, line: str, **values: str) -> list[str]:
    command, _ = persona(body).match(line)
    (variant,) = (v for v in command.variants if v.condition.holds(values))
    return list(render(variant, values, lambda _name: [{"n": "1"}, {"n": "2"}]))


def test_a_command_is_answered_by_its_lines():
    assert answer("> AT+A\n{model}\nsecond", "at+a", model="X") == ["X", "second"]


def test_a_write_sets_what_it_captures():
    command, written = persona("> AT+LOCK={lock:[0-3]},{_now:[01]}").match("AT+LOCK=2,1")
    assert written == {"lock": "2"}
    assert command.variants[0].error is None


def test_a_value_out_of_range_is_no_such_command():
    assert persona("> AT+LOCK={lock:[0-3]}").match("AT+LOCK=7") is None


def test_the_first_variant_that_holds_answers():
    body = "> AT+S\n? mode=lte lock=3\nlocked\n? mode=lte\nfree\n?\nnone"
    command, _ = persona(body).match("AT+S")

    def first(**values):
        return next(v for v in command.variants if v.condition.holds(values)).rows[0].template

    assert first(mode="lte", lock="3") == "locked"
    assert first(mode="lte", lock="0") == "free"
    assert first(mode="search", lock="3") == "none"
    assert first() == "none"


def test_a_starred_line_is_repeated_for_its_list():
    assert answer("> AT+N\n* cells +N: {n}", "AT+N") == ["+N: 1", "+N: 2"]


def test_a_starred_line_may_be_more_than_one():
    said = answer("> AT+N\n* cells +N: {n}\\nrow {n}", "AT+N")
    assert said == ["+N: 1", "row 1", "+N: 2", "row 2"]


def test_errors_waits_and_resets_are_read():
    (variant,) = persona("> AT+R\n@ 2.5\n% 6\n! 10").match("AT+R")[0].variants
    assert (variant.wait_s, variant.reset_s, variant.error) == (2.5, 6.0, "10")


@pytest.mark.parametrize(
    ("error", "cmee", "line"),
    [
        (None, "1", "OK"),
        ("10", "0", "ERROR"),
        ("10", "1", "+CME ERROR: 10"),
        ("10", "2", "+CME ERROR: SIM not inserted"),
        ("NO CARRIER", "1", "NO CARRIER"),
    ],
)
def test_errors_are_worded_as_cmee_asks(error, cmee, line):
    assert final_line(error, cmee) == line


def test_settings_decide_what_is_allowed():
    one = persona("> AT")
    assert one.allowed({"lock": "3"}) == {Technology.LTE}
    assert one.allowed({"lock": "1"}) == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (HEAD + "> AT\n? lock\nx", r"x\.txt:11: .*condition"),
        (HEAD + "colour: red", r"x\.txt:10: .*colour"),
        (HEAD + "allow 7g: lock=1", r"x\.txt:10: .*7g"),
        (HEAD + "> AT+X={other:1}", r"x\.txt: .*other"),
        (HEAD + "> AT+X={lock:(1|2)}", r"x\.txt:10: .*groups"),
        (HEAD + "> AT\n@ soon", r"x\.txt:11: .*soon"),
        (HEAD + "keep rat = 0", r"x\.txt: .*'rat' is a word of the simulator"),
        (HEAD.replace("model: X\n", ""), r"x\.txt: .*model"),
        (HEAD.replace("set cmee = 1\n", ""), r"x\.txt: .*cmee"),
    ],
)
def test_a_wrong_file_names_its_place(text, message):
    with pytest.raises(PersonaError, match=message):
        parse_persona(text, source="x.txt")


def test_a_placeholder_without_a_value_is_an_error():
    with pytest.raises(PersonaError, match="colour"):
        answer("> AT\n{colour}", "AT")


def test_an_unknown_persona_names_the_known_ones():
    with pytest.raises(PersonaError, match="quectel_rm520n"):
        load_persona("nokia_3310")


@pytest.mark.parametrize("name", persona_names())
def test_shipped_personas_say_where_their_replies_come_from(name):
    assert load_persona(name).provenance
