"""What can be said of the whole province, when many verdicts at once may each be wrong by chance.

Every verdict by itself is wrong in at most 5 of 100 campaigns. Of two hundred areas that all just
reach the target, ten may so be called FAIL. A headline of FAIL must not rest on those: it stands
only on verdicts that hold *together* (Holm 1979), so that the chance of any wrong one among them
is 5 %. A headline of PASS needs every area to pass, and that needs no correction: it is wrong only
if one of them is, and each is so at most in 5 of 100 (intersection-union, Berger 1982).
"""

from collections.abc import Sequence
from typing import NamedTuple

from collector.kpi import Text
from collector.stats import holm
from collector.targets.verdict import Value, counted
from collector.targets.words import joined

ALPHA = 0.05
"""Chance that any of the verdicts that hold together is wrong."""


class Judged(NamedTuple):
    """One verdict behind the headline."""

    value: Value
    p_value: float | None
    """Of a PASS: how likely so good a result is at the threshold itself; of a FAIL: so bad a one.
    Of others it is not read. None: no limit of chance stands behind the verdict, as of a gap that
    was seen; it is then taken as it is."""


class Headline(NamedTuple):
    """The one verdict over those of a level."""

    value: Value
    reason: Text
    fails_holding: int
    """FAIL verdicts that hold together, those without a p-value among them."""
    passes_holding: int
    """PASS verdicts that hold together, likewise."""


def headline(verdicts: Sequence[Judged]) -> Headline:
    """FAIL if a FAIL holds among all that were judged, PASS if all pass, else what is missing.

    Where verdicts of FAIL are there but none of them holds, the headline is NOT PROVEN: that many
    may be chance. Not measured areas make no family larger; areas not proven do, they were tested.
    """
    judged = [one for one in verdicts if one.value is not Value.NOT_APPLICABLE]
    fails = _holding(judged, Value.FAIL)
    passes = _holding(judged, Value.PASS)
    values = [one.value for one in judged]
    value = _value(values, fails)
    reasons = [counted(values)]
    if Value.FAIL in values:
        reasons.append(_said(Value.FAIL, fails, of=values.count(Value.FAIL)))
    if value is not Value.PASS and passes < values.count(Value.PASS):
        reasons.append(_said(Value.PASS, passes, of=values.count(Value.PASS)))
    return Headline(value, joined(*reasons), fails, passes)


def _value(values: Sequence[Value], fails_holding: int) -> Value:
    if not values:
        return Value.NOT_APPLICABLE
    if fails_holding:
        return Value.FAIL
    for value in (Value.PASS, Value.NO_DATA):
        if values.count(value) == len(values):
            return value
    return Value.NOT_PROVEN


def _holding(judged: Sequence[Judged], value: Value) -> int:
    """How many verdicts of this value hold together."""
    certain = sum(one.value is value and one.p_value is None for one in judged)
    family = [
        one.p_value if one.value is value and one.p_value is not None else 1.0
        for one in judged
        if one.value is not Value.NO_DATA and not (one.value is value and one.p_value is None)
    ]
    return certain + sum(holm(family, alpha=ALPHA))


def _said(value: Value, holding: int, *, of: int) -> Text:
    name_vi = "không đạt" if value is Value.FAIL else "đạt"
    name_en = "fail" if value is Value.FAIL else "pass"
    if not holding:
        return Text(
            vi=f"không kết luận {name_vi} nào đứng vững khi xét đồng thời: có thể do ngẫu nhiên",
            en=f"none of the {of} that {name_en} holds with all judged together: it may be chance",
        )
    return Text(
        vi=f"{holding}/{of} kết luận {name_vi} đứng vững khi xét đồng thời (Holm, sai số 5 %)",
        en=f"{holding} of the {of} that {name_en} hold with all judged together (Holm, 5 %)",
    )
