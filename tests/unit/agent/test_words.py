import re
import string

import pytest

from agent.advice import ADVICE_BY_REASON, after_test
from agent.words import ADVICE, LANGUAGES, TEXTS, Words, language_of
from wire.messages import Outcome


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "vi_VN.UTF-8"}, "vi"),
        ({"LANG": "vi_VN", "LC_ALL": "en_US"}, "en"),
        ({"LANG": "en_US", "LC_ALL": "", "LC_MESSAGES": "vi"}, "vi"),
    ],
)
def test_the_language_is_that_of_the_terminal(environment, language):
    assert language_of(environment) == language


def fields(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_say_the_same_things():
    assert set(TEXTS) == set(ADVICE) == set(LANGUAGES)
    for key, english in TEXTS["en"].items():
        assert fields(TEXTS["vi"][key]) <= fields(english), key
    only_vietnamese = set(TEXTS["vi"]) - set(TEXTS["en"])
    assert all(
        re.match(r"(kind|outcome|stage|early|registration|protocol|adaptation|state|link)\.", key)
        for key in only_vietnamese
    )
    assert set(ADVICE["vi"]) == set(ADVICE["en"])


def test_each_outcome_and_each_known_reason_has_its_advice():
    known = set(ADVICE["en"])
    assert set(ADVICE_BY_REASON.values()) <= known
    assert {after_test(outcome, None) for outcome in Outcome} - {None} <= known
    assert known <= set(ADVICE_BY_REASON.values()) | set(Outcome)


def test_the_reason_stays_and_its_meaning_is_put_behind():
    vietnamese = Words("vi")
    assert vietnamese.meaning("server: busy") == "máy chủ đang bận"
    assert vietnamese.meaning("server: HTTP 503") == "lỗi ở máy chủ"
    assert vietnamese.meaning("/dev/ttyUSB2 no scan for nr: this modem knows 4g only")
    assert vietnamese.meaning("something new") is None
    assert Words("en").meaning("server: busy") is None


@pytest.mark.parametrize("beginning", list(ADVICE_BY_REASON))
def test_a_reason_with_advice_has_its_meaning_in_vietnamese(beginning):
    assert Words("vi").meaning(beginning) is not None


def test_numbers_are_written_as_the_language_does():
    english, vietnamese = Words("en"), Words("vi")
    assert english.rate(43.24e6) == "43.2 Mbit/s"
    assert vietnamese.rate(43.24e6) == "43,2 Mbit/s"
    assert english.rate(640_000) == "640 kbit/s"
    assert english.data(999) == "1.0 kB"
    assert english.number(-97.4, "dBm") == "-97 dBm"
    assert vietnamese.number(None, "dBm") == "chưa rõ"
    assert english.rate(None) == english.data(None) == english.share(None) == "unknown"


def test_a_stage_is_told_in_the_language_where_there_is_a_word():
    vietnamese = Words("vi")
    assert vietnamese.stage("round trip 3 of 11") == "lượt đi về 3/11"
    assert vietnamese.stage("locking to 4g") == "đang khóa vào 4g"
    assert vietnamese.stage("transfer") == "đang truyền"
    assert vietnamese.stage("paced") == "đang truyền theo nhịp"
    assert vietnamese.stage("something new 1 of 2") == "something new 1 of 2"
    assert Words("en").stage("segment 1 of 2") == "segment 1 of 2"
