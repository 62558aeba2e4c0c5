import msgspec
import pytest

from drivers.modem.dialogue import MAX_UNREAD, REFUSED_PAUSE_S, Dialogue
from drivers.modem.errors import RefusedError, UnreadableError
from wire.codec import MAX_LINE_BYTES

from .answers import Answers


def parse(lines: tuple[str, ...]) -> str:
    if "?" in lines[0]:
        raise UnreadableError(lines[0])
    return lines[0]


def talk(**table: str) -> tuple[Answers, Dialogue]:
    modem = Answers({f"AT+{name}": text for name, text in table.items()})
    return modem, Dialogue(modem.send, modem.clock)


def test_answer_is_kept_for_its_time():
    modem, dialogue = talk(A="+A: 1")
    assert dialogue.read("AT+A", parse, every_s=5) == "+A: 1"
    modem.now_s = 4
    dialogue.read("AT+A", parse, every_s=5)
    assert modem.asked == ["AT+A"]
    modem.now_s = 5
    dialogue.read("AT+A", parse, every_s=5)
    assert modem.asked == ["AT+A", "AT+A"]


def test_answer_is_not_kept_for_another_cell():
    modem, dialogue = talk(A="+A: 1")
    dialogue.read("AT+A", parse, every_s=5, same="cell 1")
    dialogue.read("AT+A", parse, every_s=5, same="cell 2")
    assert modem.asked == ["AT+A", "AT+A"]


def test_refused_command_rests():
    modem, dialogue = talk()
    for _ in range(3):
        assert dialogue.read("AT+A", parse) is None
    assert modem.asked == ["AT+A"]
    modem.now_s = REFUSED_PAUSE_S
    dialogue.read("AT+A", parse)
    assert len(modem.asked) == 2
    assert dialogue.take_unread() == ()


def test_refusal_of_a_vital_command_is_told_each_time():
    _, dialogue = talk()
    dialogue.read("AT+A", parse, vital=True)
    dialogue.read("AT+A", parse, vital=True)
    assert [(u.command, u.text) for u in dialogue.take_unread()] == [("AT+A", "ERROR")] * 2


def test_what_is_not_understood_is_kept_once_with_its_text():
    _, dialogue = talk(A="+A: ?")
    assert dialogue.read("AT+A", parse, every_s=5) is None
    assert dialogue.read("AT+A", parse, every_s=5) is None
    (unread,) = dialogue.take_unread()
    assert (unread.command, "+A: ?" in unread.text) == ("AT+A", True)
    assert dialogue.take_unread() == ()


def test_unread_is_bounded():
    _, dialogue = talk(A="+A: ?")
    for _ in range(2 * MAX_UNREAD):
        dialogue.read("AT+A", parse)
    assert len(dialogue.take_unread()) == MAX_UNREAD


def test_all_that_is_unread_fits_one_record():
    _, dialogue = talk(A="+A: ?" + "\U0001f4f6" * 3000)
    for _ in range(2 * MAX_UNREAD):
        dialogue.read("AT+A", parse)
    kept = msgspec.json.encode(dialogue.take_unread())
    assert MAX_LINE_BYTES / 2 < len(kept) < MAX_LINE_BYTES - 16_384


def test_refused_order_is_an_error_with_its_command():
    _, dialogue = talk()
    with pytest.raises(RefusedError) as caught:
        dialogue.order("AT+A=1")
    assert caught.value.command == "AT+A=1"
