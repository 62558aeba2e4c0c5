"""Foreign CSV files: every way in which one is broken is said with its line."""

import pytest

from collector.imports import sheet
from collector.imports.errors import SheetError
from tests.unit.collector.foreign_tables import SAMPLE_HEAD, SAMPLES, Desk

LINE = "2026-10-05T08:00,24611,,,Viettel,4g,38.69"


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    return Desk(tmp_path_factory.mktemp("desk"))


@pytest.fixture
def read(desk):
    def read(content, more=""):
        file = desk.folder / "foreign.csv"
        file.write_bytes(content)
        return sheet.read(file, desk.mapping(SAMPLES + more))

    return read


def test_lines_are_numbered_as_an_editor_numbers_them(read):
    table = read(f"{SAMPLE_HEAD}\n\n{LINE}\n,,,,,,\n{LINE}\n".encode())
    assert [raw.number for raw in table.lines] == [3, 5]
    assert table.lines[0].fields["download"] == "38.69"
    assert table.lines[0].fields["lat_deg"] is None
    assert table.bytes == len(f"{SAMPLE_HEAD}\n\n{LINE}\n,,,,,,\n{LINE}\n".encode())


def test_a_quoted_field_may_go_over_lines_and_numbers_stay_right(read):
    text = f'{SAMPLE_HEAD},note\n{LINE},"first\nsecond"\n{LINE},x\n'
    assert [raw.number for raw in read(text.encode()).lines] == [2, 4]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_end_of_line_will_do(read, end):
    assert len(read(f"{SAMPLE_HEAD}{end}{LINE}{end}{LINE}".encode()).lines) == 2


@pytest.mark.parametrize(
    ("encoding", "written", "heading"),
    [
        ("utf-8", "utf-8-sig", "Thời gian"),
        ("utf-16", "utf-16", "Thời gian"),
        # It writes tone marks behind the letter they are on.
        ("windows-1258", "cp1258", "Thơ\u0300i gian"),
    ],
)
def test_a_file_is_read_in_the_encoding_of_the_mapping(desk, encoding, written, heading):
    text = SAMPLES.replace('time = "time"', 'time = "Thời gian"')
    mapping = desk.mapping(f'{text}\n[file]\nencoding = "{encoding}"\n')
    file = desk.folder / "encoded.csv"
    file.write_bytes(f"{SAMPLE_HEAD.replace('time', heading)}\n{LINE}\n".encode(written))
    assert sheet.read(file, mapping).lines[0].fields["time"] == "2026-10-05T08:00"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "foreign.csv: holds no line that names the columns"),
        (b"\n\n , \n", "holds no line that names the columns"),
        (b"PK\x03\x04\xff\xfe", "foreign.csv: line 1: is not utf-8 (byte 4)"),
        (f"{SAMPLE_HEAD}\n{LINE}\n".encode() + b"\xff", "foreign.csv: line 3: is not utf-8"),
        (SAMPLE_HEAD.encode("utf-16"), "foreign.csv: line 1: is not utf-8"),
        (f"{SAMPLE_HEAD}\n\x00\n".encode(), "foreign.csv: line 2: holds a zero byte"),
        (f'{SAMPLE_HEAD}\n{LINE}\n"{LINE}\n'.encode(), "foreign.csv: line 3: is no line of a CSV"),
        (f'{SAMPLE_HEAD}\n"a"b,{LINE}\n'.encode(), "foreign.csv: line 2: is no line of a CSV"),
        (f"{SAMPLE_HEAD}\n{'9' * 200_000}".encode(), "foreign.csv: line 2: is no line of a CSV"),
        (b"time;commune\n1;2\n", "line 1: there is no column 'time' (time); there are: 'time;com"),
        (f"{SAMPLE_HEAD},time\n".encode(), "line 1: 2 columns are called 'time' (time)"),
        (SAMPLE_HEAD.encode() + b",x" * 500, "line 1: has 507 columns, more than 500"),
    ],
)
def test_what_is_no_such_table_is_refused_with_its_line(read, content, says):
    with pytest.raises(SheetError) as refused:
        read(content)
    assert says in str(refused.value)


def test_a_line_of_another_width_is_a_bad_line_and_no_end(read):
    first, second = read(f"{SAMPLE_HEAD}\n{LINE},extra\n{LINE}\n".encode()).lines
    assert first.problem == "has 8 fields, and there are 7 columns"
    assert first.text == f"{LINE},extra"
    assert second.problem is None


def test_lines_before_the_headings_are_skipped_and_counted(read):
    (raw,) = read(f"Báo cáo\n\n{SAMPLE_HEAD}\n{LINE}\n".encode(), "\n[file]\nskip_lines = 1").lines
    assert raw.number == 4


def test_a_missing_or_too_large_file_is_said(desk, monkeypatch):
    mapping = desk.mapping(SAMPLES)
    with pytest.raises(SheetError, match=r"none\.csv: cannot be read: No such file"):
        sheet.read(desk.folder / "none.csv", mapping)
    monkeypatch.setattr(sheet, "MAX_BYTES", 10)
    with pytest.raises(SheetError, match="bring it month by month"):
        sheet.read(desk.file(SAMPLE_HEAD, LINE), mapping)
