"""Bytes and fields that no modem ever sends: understood, or said not to be, and soon."""

import re
import time
from collections.abc import Iterator
from itertools import pairwise

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drivers.modem.at import MAX_LINE_BYTES, MAX_REPLY_BYTES, AtChannel, Reply
from drivers.modem.decode import decode
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import UnreadableError
from drivers.modem.family import Family, families, family_of
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Parse
from drivers.modem.reading import HeardCell, Reading, Role
from drivers.modem.standard import Identification
from sim.modem.persona import TRANSCRIPTS
from tests.unit.contract.plausible import impossible
from wire.cells import Rat

from .answers import Answers

SOON_S = 1.0
"""Of CPU, for one reply of any length; what grows with the square of it takes longer."""
QUICKLY = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
ROWS = 2000
MAX_RECORD_BYTES = 256 * 1024
QUECTEL = Identification(manufacturer="Quectel", model="RM520N-GL")
SEPARATORS = (",", ",", ",", ",", " ", "\t", ":", ";", "=", '","', '"', "(", ")", "),(", "..", "")
ODD = (
    *("", "-", "--", "NA", "0", "1", "99", "255", "-1", "32767", "-32768", "65535", "FFFF"),
    *("4294967295", "FFFFFFFF", "nan", "inf", "-inf", "1e400", "1_0", "+7", "0x1F", "²", "٣", "½"),
    *("9" * 5000, "\u2028", "\u212a", "\U0001f4f6", '"', "(", "[", "{", "%s", "\\"),
)


def words_of(family: type[Family]) -> list[str]:
    """What its personas are written in."""
    texts = (path.read_text(encoding="utf-8") for path in TRANSCRIPTS.glob(f"{family.name}*.txt"))
    lines = [line for text in texts for line in text.splitlines() if not line.startswith("#")]
    return sorted({word for line in lines for word in re.findall(r'[^\s,:;"(){}]+', line)})


def soups(family: type[Family]) -> st.SearchStrategy[Asked]:
    """Anything that may be given to a reader of the family, often of its own words."""
    word = st.one_of(
        st.sampled_from(words_of(family) or ["x"]),
        st.sampled_from(ODD),
        st.integers(-(1 << 40), 1 << 40).map(str),
        st.integers(0, 1 << 36).map("{:X}".format),
        st.decimals(-200, 4000, places=1).map(str),
        st.text(max_size=6),
    )
    pair = st.tuples(word, st.sampled_from(SEPARATORS)).map("".join)
    fields = st.lists(pair, max_size=24).map("".join)
    names = st.sampled_from(sorted(family.readers))
    tails = st.sampled_from(("", "?", "=?", "=1", '="servingcell"', '="neighbourcell"'))

    def asked(name: str, tail: str, rows: list[tuple[bool, str]], model: str) -> Asked:
        name = name.removesuffix("=?") or "+CNMP"
        lines = tuple(f"{name}: {row}" if named else row for named, row in rows)
        return Asked(f"AT{name}{tail}", tuple(line.strip() for line in lines), model)

    rows = st.lists(st.tuples(st.booleans(), fields), min_size=1, max_size=6)
    return st.builds(asked, names, tails, rows, st.sampled_from(words_of(family) or [""]))


def understood(parse: Parse, asked: Asked) -> Reading | None:
    try:
        return parse(asked)
    except UnreadableError:
        return None


def readers() -> Iterator[tuple[str, str, Parse]]:
    """Every reader once: who it is, and a name that leads to it."""
    seen = set()
    for family in families():
        for name, parse in family.readers.items():
            if parse not in seen:
                seen.add(parse)
                yield f"{family.name} {name}", name.removesuffix("=?") or "+CNMP", parse


@QUICKLY
@given(
    command=st.sampled_from(["AT", "ATI", "AT+CSQ", 'AT+CMGS="1"', "AT+CSQ;+CREG?", "ATD*99#"]),
    chunks=st.lists(
        st.one_of(
            st.binary(max_size=30),
            st.sampled_from(
                [
                    *(b"\r\n", b"\r", b"\n", b"OK\r\n", b"\r\nOK", b"+CSQ: 1", b"+CREG: 1\r\n"),
                    *(b"ERROR\r", b"AT+CSQ\r\r\n", b"> ", b"\0", b"\xf0\x9f", b"RING\r\n"),
                    *(b"NO CARRIER\r\n", b"+CME ERROR: ", b"y" * (MAX_LINE_BYTES - 3)),
                ]
            ),
        ),
        max_size=16,
    ),
    cuts=st.lists(st.integers(0, 1 << 16), max_size=12),
    abandoned=st.booleans(),
)
def test_any_cut_of_any_bytes_gives_the_same_events(command, chunks, cuts, abandoned):
    data = b"".join(chunks)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    told = []
    for pieces in ([data], [data[start:end] for start, end in pairwise(edges)]):
        channel = AtChannel()
        if abandoned:
            channel.start("AT+CSQ")
            channel.abandon()
        channel.start(command)
        events = [event for piece in pieces for event in channel.feed(piece)]
        for event in events:
            if isinstance(event, Reply):
                assert event.code is None or event.code >= 0
        told.append((events, channel.dropped_bytes, channel.wants_text, channel.abandon()))
    assert told[0] == told[1]


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_field_soup_is_read_or_said_to_be_unreadable(family):
    @QUICKLY
    @given(asked=soups(family))
    def read(asked):
        parse = family.readers.get(asked.name)
        reading = None if parse is None else understood(parse, asked)
        assert reading is None or impossible(reading) == []

    read()


LONG = {
    "fields": "1," * 8000,
    "empty fields": "," * 16_000,
    "digits": "9" * 16_000,
    "hex digits": "F" * 16_000,
    "quotes": '"' * 16_000,
    "quoted fields": '"LTE",' * 2600,
    "brackets": "(" * 16_000,
    "pairs of brackets": "()" * 8000,
    "lists": '(2,"a","b","45201",7),' * 700,
    "blanks": " " * 15_999 + "x",
    "tabs and colons": "Rssi:\t-1 " * 1700,
    "words": "LTE BAND 3 " * 1400,
    "dots": "1." * 8000,
    "hyphens": "1-9" * 5000,
    "not a digit": "²" * 8000,
}


@pytest.mark.parametrize(
    ("name", "parse"), [pytest.param(name, parse, id=id_) for id_, name, parse in readers()]
)
def test_long_reply_is_read_soon_or_not_at_all(name, parse):
    for said in LONG.values():
        lines = (f"{name}: {said}"[:MAX_LINE_BYTES], said[:MAX_LINE_BYTES])
        started_s = time.process_time()
        reading = understood(parse, Asked(f"AT{name}?", lines, ""))
        assert time.process_time() - started_s < SOON_S, lines[0][:40]
        assert reading is None or impossible(reading) == []


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_thousands_of_rows_are_read_soon(family):
    for name, parse in family.readers.items():
        rows = [f"{name}: {row}" for row in rows_of(family, name)]
        count = ROWS // len(rows) if rows else 0
        lines = tuple(numbered(row, number) for number in range(count) for row in rows)
        started_s = time.process_time()
        understood(parse, Asked(f"AT{name}", lines, ""))
        assert time.process_time() - started_s < SOON_S, name


def rows_of(family: type[Family], name: str) -> list[str]:
    """What its personas have under this name."""
    texts = (path.read_text(encoding="utf-8") for path in TRANSCRIPTS.glob(f"{family.name}*.txt"))
    lines = [line.rpartition(f"{name}:") for text in texts for line in text.splitlines()]
    return sorted({row for before, found, row in lines if found and not before.startswith("#")})


def numbered(row: str, number: int) -> str:
    """The row with a number for each of its placeholders."""
    return re.sub(r"\{\w+\}", str(number), row)


def test_look_at_thousands_of_cells_ends_soon_and_fits_into_a_record():
    neighbours = tuple(
        HeardCell(role=Role.NEIGHBOUR, rat=Rat.LTE, arfcn=arfcn, pci=1) for arfcn in range(4 * ROWS)
    )
    started_s = time.process_time()
    look = Look().add(Reading(cells=neighbours))
    assert time.process_time() - started_s < SOON_S
    assert len(msgspec.json.encode(look.record((), None, ()))) < MAX_RECORD_BYTES


def test_scan_of_thousands_of_cells_fits_into_a_record():
    row = '+QSCAN: "LTE",452,04,{},1,-99,-9,30,0,9C45101,4297,100,3'
    rows = "\n".join(row.format(arfcn) for arfcn in range(MAX_REPLY_BYTES // len(row)))
    answers = Answers({"AT+QSCAN=3,1": rows, 'AT+QNWPREFCFG="nr5g_disable_mode"': "0"})
    scan = family_of(QUECTEL)(QUECTEL, Dialogue(answers.send, answers.clock)).scan()
    assert scan.cells
    assert len(msgspec.json.encode(scan)) < MAX_RECORD_BYTES


@QUICKLY
@given(
    vendor=st.one_of(st.text(max_size=8), st.sampled_from([family.name for family in families()])),
    model=st.text(max_size=8),
    command=st.one_of(
        st.text(max_size=12),
        st.sampled_from(sorted({f"AT{name}" for family in families() for name in family.readers})),
    ),
    response=st.one_of(
        st.text(),
        st.text(st.characters()),
        st.lists(st.sampled_from([*ODD, ",", "\r\n", "OK", "+COPS: ", "ERROR"])).map("".join),
    ),
)
def test_decode_never_raises(vendor, model, command, response):
    assert decode(vendor=vendor, model=model, command=command, response=response) is not None
