"""Mappings: what is wrong with one is said with its key."""

import re

import pytest

from collector.imports import mapping_file
from collector.imports.errors import MappingError
from collector.targets.shipped import shipped
from tests.unit.collector.foreign_tables import FIGURES, SAMPLES

EXAMPLES = sorted(shipped("imports").glob("*.toml"))


@pytest.fixture
def read(tmp_path):
    def read(text):
        file = tmp_path / "map.toml"
        file.write_text(text, encoding="utf-8")
        return mapping_file.read(file)

    return read


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda file: file.stem)
def test_every_example_can_be_used(example):
    mapping = mapping_file.read(example)
    assert mapping.name == example.name
    assert len(mapping.sha256) == 64


def test_there_is_an_example_of_every_kind():
    assert {mapping_file.read(file).kind for file in EXAMPLES} == {
        "ispeed",
        "ispeed_month",
        "commune_report",
    }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kind = ", "map.toml: not TOML"),
        (SAMPLES + '\n[file]\nencoding = "rot13"', "file.encoding: must be one of utf-8"),
        (SAMPLES + '\n[file]\ndelimiter = "ab"', "file.delimiter"),
        (SAMPLES + '\n[file]\nthousands = "."', "file.thousands"),
        (SAMPLES + "\n[file]\nskip_lines = -1", "file.skip_lines"),
        (SAMPLES + '\n[time]\nformat = "%H:%M"', "time.format"),
        (SAMPLES + '\n[time]\nzone = "Mars"', "time.zone: 'Mars' is no time zone"),
        (SAMPLES.replace('"ispeed"', '"speed"'), "kind: 'speed' is none of commune_report"),
        (SAMPLES.replace('"vnnic"', '" "'), "series: must have a name"),
        (SAMPLES.replace("operator =", "carrier ="), "columns.carrier: unknown"),
        (SAMPLES.replace('time = "time"', ""), "columns.time: is needed"),
        (SAMPLES.replace('"Mbit/s"', '"Mbps"'), "units.download: is needed: one of bit/s"),
        (SAMPLES + '\n[constants]\noperator = "Viettel"', "constants.operator: is a column"),
        (SAMPLES + '\n[values.download]\n"a" = "b"', "values.download: takes no map"),
        (SAMPLES + '\n[figures]\na = "b"', "figures: unknown; ispeed has none"),
        (SAMPLES.replace('"lat"', '"lon"'), "columns: two of them are 'lon'"),
        (re.sub("(commune|lat_deg) = .*", "", SAMPLES, count=2), "columns: commune is needed"),
        (SAMPLES + '\n[communes.by]\nx = "1"', "communes.by: Expected `str`"),
        (SAMPLES.replace("[communes]", '[communes]\nby = "sound"'), "communes.by"),
        (SAMPLES + "\n[values.operator]\nA = 1", "values[...][...]: Expected `str`"),
        ('text = "x"\n' + SAMPLES, "text: unknown key"),
        (FIGURES.replace('samples = "n"', ""), "columns.samples: is needed"),
    ],
)
def test_what_is_wrong_is_said_with_its_key(read, text, says):
    with pytest.raises(MappingError) as refused:
        read(text)
    assert says in str(refused.value)


def test_a_mapping_that_is_no_text_or_too_long_is_refused(tmp_path):
    file = tmp_path / "map.toml"
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(MappingError, match="cannot be read"):
        mapping_file.read(file)
    file.write_bytes(b"#" * (mapping_file.MAX_BYTES + 1))
    with pytest.raises(MappingError, match="is larger than 256 kB"):
        mapping_file.read(file)
