"""What every shipped target must keep. A new file in `config/targets` is found here by itself."""

import re
from datetime import UTC, datetime

import pytest

from collector.targets import load, operators
from collector.targets.shipped import shipped

FILES = sorted(shipped("targets").glob("*.toml"))


@pytest.fixture(params=load(), ids=lambda target: target.id)
def target(request):
    return request.param


def test_each_file_is_a_target_of_its_name():
    assert sorted(file.stem.upper() for file in FILES) == [target.id for target in load()]


def test_title_and_note_are_said_in_both_languages(target):
    for text in (target.title, target.note):
        assert text is None or (text.vi and text.en and text.vi != text.en)


def test_its_threshold_is_dated_and_has_a_source(target):
    assert target.threshold_at(datetime(2026, 11, 1, tzinfo=UTC)) is not None
    assert target.threshold_at(datetime(2019, 1, 1, tzinfo=UTC)) is None
    assert all(one.source for one in target.thresholds)


def test_its_headline_is_one_of_its_levels(target):
    assert target.headline in target.levels


def test_some_operator_runs_what_it_is_about(target):
    running = {technology for one in operators() for technology in one.technologies}
    assert running.intersection(target.technologies)
    assert set(target.technologies) <= {"gsm", "wcdma", "lte", "nr-nsa", "nr-sa"}


def test_it_is_described_in_the_reference(target):
    reference = shipped("targets").parents[1] / "docs" / "reference" / "targets.md"
    text = reference.read_text(encoding="utf-8")
    assert re.search(rf"^(## |\| (.+, )?){re.escape(target.id)}\b", text, re.MULTILINE)
    for name in type(target.parameters).__struct_fields__:
        assert f"`{name}`" in text
