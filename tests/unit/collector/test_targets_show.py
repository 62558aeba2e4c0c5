"""Verdicts in the terminal: every word as it is, in both languages."""

from io import StringIO

import msgspec
import pytest
from rich.console import Console

from collector.kpi import Need, Text
from collector.targets import HEADLINE, Value, judge, load
from collector.targets.show import limits, needed, said, table
from collector.targets.words import Quantity
from tests.unit.collector.campaigns import NOW, Campaign, ground


@pytest.fixture(scope="module")
def verdict(tmp_path_factory):
    tables = Campaign().store(tmp_path_factory.mktemp("lake"))
    targets = [target for target in load() if target.id == "T1"]
    found = judge(tables, targets, ground=ground(), now=NOW)
    return next(one for one in found if one.level != HEADLINE)


def shown(verdicts, **options):
    console = Console(file=StringIO(), width=200)
    console.print(table(verdicts, **options))
    return console.file.getvalue()


def test_a_name_in_brackets_is_no_markup(verdict):
    name = "QL14 [red]HCM[/nothing]"
    needs = (Need(what="blocks", more=7, where=name),)
    odd = msgspec.structs.replace(verdict, name=name, need=needs)
    assert shown([odd]).count(name) == 2


def test_each_line_has_sign_word_and_what_is_missing(verdict):
    line = msgspec.structs.replace(
        verdict,
        verdict=Value.NOT_PROVEN,
        estimate=1234.5,
        lower=39.96,
        upper=41.0,
        reason=Text(vi="chưa rõ", en="unclear"),
        need=(Need(what="blocks", more=7, where="Nghĩa Đức"),),
    )
    english, vietnamese = shown([line]), shown([line], lang="vi")
    for words in ("? NOT PROVEN", "1,234.5 Mbit/s", "unclear; +7 more blocks (Nghĩa Đức)"):
        assert words in english
    for words in ("? CHƯA CHỨNG MINH ĐƯỢC", "1.234,5 Mbit/s", "+7 khối đo nữa (Nghĩa Đức)"):
        assert words in vietnamese
    assert limits(line, "en") == "40.0 Mbit/s … 41.0 Mbit/s"


def test_two_numbers_side_by_side_get_the_decimals_that_tell_them_apart():
    nearly, line = Quantity(39.996, "Mbit/s"), Quantity(40.0, "Mbit/s")
    assert (nearly.en(line), line.en(nearly)) == ("39.996 Mbit/s", "40.000 Mbit/s")
    assert Quantity(0.949, "share").vi() == "94,9 %"
    assert Quantity(1400.4, "m").en() == "1,400 m"


def test_unknown_is_empty_and_too_close_is_said(verdict):
    assert said(None, "m", "en") == ""
    assert limits(verdict, "en") == ""
    assert needed(Need(what="blocks", more=None), "en") == "> 100 000 more blocks"
