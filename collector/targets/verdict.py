"""The five-valued verdict and the one rule that gives it, whatever was measured.

PASS and FAIL need a limit on the right side of the threshold, and nothing that speaks against
saying so. In between lies NOT PROVEN, which says what is missing; NO DATA and NOT APPLICABLE are
neither good nor bad.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec

from collector.kpi import Finding, Need, Period, Text
from collector.targets.words import Quantity, joined

ID_DIGITS = 16
HEADLINE = "headline"
"""Level of the one verdict of a target for the whole province."""


class Value(StrEnum):
    """What can be said of a target."""

    PASS = "PASS"  # noqa: S105  # not a password
    FAIL = "FAIL"
    NOT_PROVEN = "NOT_PROVEN"
    NO_DATA = "NO_DATA"
    NOT_APPLICABLE = "NOT_APPLICABLE"


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What a verdict rests on: enough to compute it again."""

    rows_sha256: str
    """Of keys, times and reasons of all rows that were looked at, in the order of their keys."""
    rows_in: int
    """Rows that count."""
    rows_out: int
    """Rows left out, each for its reason."""
    query_sha256: str
    query: str | None = None
    """What was asked of the lake; with the headline only, it is the same for all of the target."""
    ground_sha256: str
    """Of boundaries, roads, points and operators."""
    demo_geography: bool
    """Whether areas or roads are drawn for the demo: then it says nothing of the real province."""
    profiles: tuple[str, ...]
    parameters: dict[str, Any]
    threshold_valid_from: str | None
    threshold_source: str | None
    software: str


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one target in one area or on one road, of one operator or of all."""

    id: str = ""
    """Made of all the rest: the same verdict on the same evidence has the same one."""
    target: str
    basis: str
    """`plan`, `annex`, `qcvn`, `decision` or `context`: what the threshold stands in."""
    boundary_set: str | None
    """The areas that `code` is one of; codes were used again in July 2025. None for a road."""
    level: str
    """`commune`, `district`, `province`, `road`, `point` or `headline`."""
    code: str
    name: str
    operator: str
    """Its name, `all` (each with the same weight, or pooled) or `any` (at least one)."""
    verdict: Value
    estimate: float | None
    lower: float | None
    """One-sided 95 % limit, as is `upper`."""
    upper: float | None
    threshold: float | None
    unit: str
    n: int
    """Tests, attempts or samples that the estimate is made of."""
    blocks: int
    """Independent units among them."""
    n_eff: float | None
    failures: int
    """Attempts the network failed: in `n` of a share, beside `n` of a mean."""
    excluded: dict[str, int]
    """Rows left out, by reason."""
    reason: Text
    need: tuple[Need, ...]
    period: Period
    evidence: Evidence
    p_below: float | None = None
    """See `collector.kpi.Finding`, as for `p_above`."""
    p_above: float | None = None
    context: dict[str, Any] = {}
    """Figures shown beside; no verdict rests on them."""
    counts: dict[str, int] = {}
    """Of the headline: how many of the verdicts behind it have each value."""


def identified(verdict: Verdict) -> Verdict:
    """With its id, and as JSON keeps it: read again from a file it has the same one.

    Another version of the software, or of what words a query, makes no other verdict of it.
    """
    kept = msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict)
    evidence = msgspec.structs.replace(kept.evidence, software="", query=None, query_sha256="")
    plain = msgspec.structs.replace(kept, id="", evidence=evidence)
    digest = hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
    return msgspec.structs.replace(kept, id=digest[:ID_DIGITS])


class Said(NamedTuple):
    """A value with its reason."""

    value: Value
    reason: Text


def decide(finding: Finding, *, threshold: float, unit: str, higher_is_better: bool) -> Said:
    """The verdict on one finding."""
    if finding.statement is not None:
        value = Value.NOT_PROVEN if finding.n else Value.NO_DATA
        return Said(value, finding.statement)
    if finding.n + finding.failures == 0 and finding.estimate is None:
        return Said(Value.NO_DATA, _no_data(finding))
    if finding.lower is None or finding.upper is None:
        return Said(Value.NOT_PROVEN, joined(_TOO_FEW, *finding.against_pass))
    line = Quantity(threshold, unit)
    lower, upper = Quantity(finding.lower, unit), Quantity(finding.upper, unit)
    if higher_is_better:
        passes, fails = finding.lower >= threshold, finding.upper < threshold
        reached, missed = _at_least(lower, line), _below(upper, line)
    else:
        passes, fails = finding.upper <= threshold, finding.lower > threshold
        reached, missed = _at_most(upper, line), _above(lower, line)
    if passes:
        return _unless(finding.against_pass, Said(Value.PASS, reached))
    if fails:
        return _unless(finding.against_fail, Said(Value.FAIL, missed))
    both_ways = [reason for reason in finding.against_pass if reason in finding.against_fail]
    return Said(Value.NOT_PROVEN, joined(_astride(lower, upper, line), *both_ways))


def counted(values: Sequence[Value]) -> Text:
    """How many verdicts have each value, of those that apply."""
    counts: Counter[Value] = Counter(values)
    judged = len(values) - counts[Value.NOT_APPLICABLE]
    return _counted(counts, judged)


_TOO_FEW = Text(
    vi="quá ít khối đo để tính giới hạn tin cậy",
    en="too few blocks for limits",
)


def _no_data(finding: Finding) -> Text:
    left = sum(finding.excluded.values())
    if left:
        return Text(
            vi=f"không có phép đo hợp lệ ({left} bản ghi bị loại)",
            en=f"no measurement that counts ({left} rows left out)",
        )
    return Text(vi="chưa đo", en="not measured")


def _unless(against: Sequence[Text], said: Said) -> Said:
    if not against:
        return said
    return Said(Value.NOT_PROVEN, joined(*against, said.reason))


def _at_least(lower: Quantity, line: Quantity) -> Text:
    return Text(
        vi=f"giới hạn dưới {lower.vi(line)} đạt ngưỡng {line.vi(lower)}",
        en=f"the lower limit {lower.en(line)} reaches the threshold {line.en(lower)}",
    )


def _below(upper: Quantity, line: Quantity) -> Text:
    return Text(
        vi=f"giới hạn trên {upper.vi(line)} vẫn dưới ngưỡng {line.vi(upper)}",
        en=f"even the upper limit {upper.en(line)} is below the threshold {line.en(upper)}",
    )


def _at_most(upper: Quantity, line: Quantity) -> Text:
    return Text(
        vi=f"dài nhất {upper.vi(line)}, không quá ngưỡng {line.vi(upper)}",
        en=f"at most {upper.en(line)}, within the threshold {line.en(upper)}",
    )


def _above(lower: Quantity, line: Quantity) -> Text:
    return Text(
        vi=f"ít nhất {lower.vi(line)}, vượt ngưỡng {line.vi(lower)}",
        en=f"at least {lower.en(line)}, more than the threshold {line.en(lower)}",
    )


def _astride(lower: Quantity, upper: Quantity, line: Quantity) -> Text:
    return Text(
        vi=f"ngưỡng {line.vi()} nằm giữa hai giới hạn {lower.vi()} và {upper.vi()}",
        en=f"the threshold {line.en()} lies between the limits {lower.en()} and {upper.en()}",
    )


def _counted(counts: Counter[Value], judged: int) -> Text:
    if not judged:
        return Text(vi="không có đối tượng để đánh giá", en="there is nothing to judge")
    return Text(
        vi=(
            f"{counts[Value.PASS]} đạt, {counts[Value.FAIL]} không đạt, "
            f"{counts[Value.NOT_PROVEN]} chưa chứng minh được, "
            f"{counts[Value.NO_DATA]} chưa có số liệu, trên tổng số {judged}"
        ),
        en=(
            f"{counts[Value.PASS]} pass, {counts[Value.FAIL]} fail, "
            f"{counts[Value.NOT_PROVEN]} not proven, {counts[Value.NO_DATA]} no data, of {judged}"
        ),
    )
