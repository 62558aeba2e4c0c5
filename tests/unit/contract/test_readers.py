"""What every family's readers must keep, on every reply of every persona, whole and damaged."""

import re
from collections.abc import Iterator

import pytest

from drivers.modem import standard
from drivers.modem.at import AtChannel, Reply
from drivers.modem.decode import decode
from drivers.modem.errors import UnreadableError
from drivers.modem.family import Family
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import Reading

from .personas import PERSONAS, Heard, family_of_persona, persona_named, replies_of
from .plausible import impossible

SENTINELS = (
    *("", "-", "--", "NA", "99", "255", "32767", "-32768", "65535", "FFFF", "FFFFFFFF"),
    *("4294967295", "-1920", "0", "-256.0", "nan", "inf", "1e400", "9" * 5000, "²", "٣٤", "1_0"),
)
GARBAGE = (b"\0", b"\xff\x00\xc2", "²".encode(), b'"', b",,,", b"(((")
EVERY_BYTES = 7
_FIELD = re.compile(r'[^\s,:()"]+')
_DIGITS = re.compile(r"[0-9A-F]+")
_seen: set[object] = set()


@pytest.fixture(scope="module", params=PERSONAS)
def persona(request) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def family(persona) -> type[Family]:
    return family_of_persona(persona)


@pytest.fixture(scope="module")
def replies(persona) -> list[Heard]:
    return list(replies_of(persona))


def framed(family: type[Family], command: str, pieces: list[bytes]) -> list[object]:
    channel = AtChannel(family.answers_under)
    channel.start(command)
    return [event for piece in pieces for event in channel.feed(piece)]


def reply_in(family: type[Family], command: str, data: bytes) -> Reply:
    """The reply, its end made up where `data` has none."""
    events = framed(family, command, [data, b"\r\nOK\r\n"])
    return next(event for event in events if isinstance(event, Reply))


def read(family: type[Family], model: str, command: str, lines: tuple[str, ...]) -> Reading | None:
    """What the family understands; None where it says that it does not."""
    asked = Asked(command, lines, model)
    parse = reader_of(family.readers, asked)
    try:
        return None if parse is None else parse(asked)
    except UnreadableError:
        return None


def unlike(family: type[Family], model: str, replies: list[Heard]) -> Iterator[Heard]:
    """One reply of each shape for each reader, of those that other personas have not shown."""
    for heard in replies:
        parse = reader_of(family.readers, Asked(heard.command, (), model))
        if parse is None:
            continue
        reads_alike = parse.__module__ == standard.__name__
        shape = shape_of(heard.command), shape_of(heard.reply.decode())
        key = (parse, shape, None if reads_alike else model)
        if key not in _seen:
            _seen.add(key)
            yield heard


def shape_of(text: str) -> str:
    return _DIGITS.sub("0", text)


def few(lines: tuple[str, ...]) -> tuple[str, ...]:
    """Two lines of each shape: a scan has hundreds."""
    shapes = [shape_of(line) for line in lines]
    return tuple(
        line
        for index, (line, shape) in enumerate(zip(lines, shapes, strict=True))
        if shapes[:index].count(shape) <= 1
    )


def with_field_replaced(lines: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for index, line in enumerate(lines):
        _, *tokens = [*_FIELD.finditer(line), None] if ":" not in line else _FIELD.finditer(line)
        for token in filter(None, tokens):
            for sentinel in SENTINELS:
                damaged = line[: token.start()] + sentinel + line[token.end() :]
                yield (*lines[:index], damaged, *lines[index + 1 :])


def damaged_bytes(data: bytes) -> Iterator[bytes]:
    for end in range(0, len(data), EVERY_BYTES):
        yield data[:end]
    for number, at in enumerate(range(2, len(data) - 8, EVERY_BYTES)):
        yield data[:at] + GARBAGE[number % len(GARBAGE)] + data[at:]


def test_bytes_one_at_a_time_are_the_same_events_and_the_same_reading(persona, family, replies):
    model = persona_named(persona).model
    for command, data in replies:
        echoed = command.encode() + b"\r" + data + b"\r\n+CREG: 1\r\n"
        whole = framed(family, command, [echoed])
        pieces = framed(family, command, [echoed[i : i + 1] for i in range(len(echoed))])
        assert pieces == whole
        (reply,) = [event for event in whole if isinstance(event, Reply)]
        again = reply_in(family, command, data)
        assert again.lines == reply.lines
        first = read(family, model, command, reply.lines)
        assert first == read(family, model, command, again.lines)
        assert first is None or impossible(first) == []


def test_no_damage_gives_an_impossible_value_or_another_error(persona, family, replies):
    model = persona_named(persona).model
    for command, whole in unlike(family, model, replies):
        lines = few(reply_in(family, command, whole).lines)
        data = "\r\n".join(("", *lines, "", "OK", "")).encode()
        damaged = [reply_in(family, command, bad).lines for bad in damaged_bytes(data)]
        for said in (*damaged, *with_field_replaced(lines)):
            reading = read(family, model, command, said)
            assert reading is None or impossible(reading) == [], (command, said)


def test_decode_never_raises(persona, family, replies):
    model = persona_named(persona).model
    for command, data in replies:
        text = data.decode()
        for response in (text, text[: len(text) // 2], text.replace(",", "\0"), text[::-1]):
            assert (
                decode(vendor=family.name, model=model, command=command, response=response)
                is not None
            )
