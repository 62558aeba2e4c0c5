"""Many verdicts at once."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from collector import stats
from collector.targets.headline import Judged, headline
from collector.targets.verdict import Value


def test_holm_is_that_of_statsmodels():
    chance = np.random.Generator(np.random.PCG64(4))
    for count in range(1, 16):
        p_values = (chance.random(count) ** 4).round(3).tolist()
        theirs = multipletests(p_values, alpha=0.05, method="holm")[0]
        assert stats.holm(p_values) == tuple(theirs)


def test_holm_of_a_textbook():
    # 0.005 <= 0.05/4 and 0.01 <= 0.05/3, but 0.03 > 0.05/2: the rest falls with it.
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == (True, False, False, True)
    assert stats.holm([]) == ()
    assert stats.holm([0.05]) == (True,)


def judged(**counts):
    values = {"fail": Value.FAIL, "ok": Value.PASS, "open": Value.NOT_PROVEN}
    return [Judged(values[name], p_value) for name, given in counts.items() for p_value in given]


def test_a_fail_that_holds_makes_the_headline_fail():
    found = headline(judged(fail=[0.00001, 0.04], ok=[0.01] * 60))
    assert found.value is Value.FAIL
    assert (found.fails_holding, found.passes_holding) == (1, 0)
    assert "1 of the 2 that fail hold" in found.reason.en
    assert "1/2 kết luận không đạt đứng vững" in found.reason.vi


def test_fails_that_chance_explains_leave_the_headline_open():
    found = headline(judged(fail=[0.04, 0.02], ok=[0.01] * 100))
    assert found.value is Value.NOT_PROVEN
    assert found.fails_holding == 0
    assert "may be chance" in found.reason.en
    assert "có thể do ngẫu nhiên" in found.reason.vi


def test_all_pass_needs_no_correction():
    found = headline(judged(ok=[0.04] * 71))
    assert found.value is Value.PASS
    assert found.passes_holding == 0
    assert "Holm" not in found.reason.en
    assert "71 pass" in found.reason.en


def test_areas_not_proven_make_the_family_larger_and_those_not_measured_do_not():
    alone = headline(judged(fail=[0.004], ok=[0.01] * 9))
    assert alone.fails_holding == 1
    assert headline(judged(fail=[0.004], open=[0.3] * 20)).fails_holding == 0
    unmeasured = [Judged(Value.NO_DATA, None)] * 90
    assert headline([*judged(fail=[0.004], ok=[0.01] * 9), *unmeasured]).fails_holding == 1


def test_a_gap_that_was_seen_needs_no_chance():
    found = headline([Judged(Value.FAIL, None), Judged(Value.PASS, None)])
    assert found.value is Value.FAIL
    assert (found.fails_holding, found.passes_holding) == (1, 1)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([], Value.NOT_APPLICABLE),
        ([Value.NOT_APPLICABLE], Value.NOT_APPLICABLE),
        ([Value.NO_DATA, Value.NO_DATA], Value.NO_DATA),
        ([Value.NO_DATA, Value.PASS], Value.NOT_PROVEN),
        ([Value.NOT_APPLICABLE, Value.PASS], Value.PASS),
        ([Value.NOT_PROVEN, Value.PASS], Value.NOT_PROVEN),
    ],
)
def test_without_a_fail_the_headline_is_as_ever(values, said):
    assert headline([Judged(value, 0.01) for value in values]).value is said
