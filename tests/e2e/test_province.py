"""A small province with planted truth, through the commands of both programs."""

import pytest

from tests.province.campaign import run
from tests.province.compare import Outcome

DECIDED = (Outcome.RIGHT, Outcome.LUCKY)
NOW = ("T1", "T3", "T5", "T8")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_verdicts_are_what_was_planted(tmp_path):
    result = run(tmp_path, ["--scale", "small"], print)
    assert result.judgement.problems == ()
    found = result.judgement.by_target()
    for target in NOW:
        assert found[target][Outcome.RIGHT] >= 4, target
        assert found[target][Outcome.NOT_FOUND] == 0, target
        assert found[target][Outcome.OPPOSITE] == 0, target
    assert found["T1"][Outcome.OPEN] > 50
    worst = [one.worst_m for one in result.judgement.edges]
    assert len(worst) >= 10
    assert max(worst) <= 50
