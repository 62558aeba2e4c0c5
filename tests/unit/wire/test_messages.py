import msgspec
import pytest

from wire.cells import Cell, Rat
from wire.messages import Outcome, RatMode


def test_a_record_cannot_be_changed(record):
    with pytest.raises(AttributeError):
        record.seq = 8


def test_a_plmn_keeps_its_leading_zero():
    assert Cell(rat=Rat.LTE, mcc="452", mnc="01").plmn == "45201"


def test_half_a_plmn_is_none():
    assert Cell(rat=Rat.LTE, mcc="452").plmn is None


def test_unknown_is_left_out_of_the_bytes_and_never_zero():
    encoded = msgspec.json.encode(Cell(rat=Rat.LTE, pci=0))
    assert msgspec.json.decode(encoded) == {"rat": "lte", "pci": 0}


def test_the_words_of_the_record_are_fixed():
    # Dashboards and stored rows use them: a change needs a new schema number.
    assert {mode.value for mode in RatMode} == {"2g", "3g", "4g", "5g-nsa", "5g-sa", "5g", "auto"}
    assert {outcome.value for outcome in Outcome} == {
        "ok", "slow", "failed", "no_service", "modem_gone", "skipped", "invalid",
    }  # fmt: skip
