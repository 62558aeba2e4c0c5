"""Mean download rate of i-Speed samples: the evidence that the plan names for target T1.

The plan's "trung bình" is, read literally, the arithmetic mean, and it decides; VNNIC publishes
medians and calls them average, so the median stands beside it, and where the two lie on different
sides of the threshold nothing is proven. All samples weigh the same, whoever served them, as in
i-Speed's own figures. A district is the mean of its communes (by population where it is known).

Samples that came one by one have limits: Student's, with the samples of one commune, clock hour and
operator taken for one block where they hang together (see `stats.clustered_mean`). **Users are not
known**: one of them may have tested a hundred times in a month, and then the limits are narrower
than they should be. Published figures have none: there is an estimate, and no proof.
"""

from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from collector import stats
from collector.kpi import Area, Finding, Ground, Measured, Need, Period, Scope, Source, Text
from collector.kpi._evidence import comma, unmeasured
from collector.kpi._imported import (
    Left,
    Month,
    Placed,
    evidence,
    left_out,
    located,
    months,
    with_reason,
)
from collector.kpi._ispeed import (
    TOGETHER,
    Part,
    Parts,
    Whole,
    chosen,
    less_exact,
    of_technology,
    parts,
    plain_mean,
    pooled,
    together,
)

TITLE = Text(
    vi="Tốc độ tải xuống trung bình theo i-Speed", en="Mean download rate of i-Speed samples"
)
UNIT = "Mbit/s"
HIGHER_IS_BETTER = True
TABLES = ()
IMPORTS = ("ispeed", "ispeed_month")


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    technology: str = "4g"
    """Samples and figures of another one do not count."""
    minimum_samples: int = 300
    """In each commune and month, before anything is said (annex task 5 of the plan)."""
    accept_unknown_technology: bool = False
    """Whether samples that do not say their technology may decide; they are in the mean anyway."""
    overhead_factor: float | None = None
    """Also shown: the mean divided by it. LibreSpeed, which i-Speed resembles, adds 6 % for
    headers (1.06); whether i-Speed does nobody has said."""


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for all together."""
    samples = of_technology(
        located(source.imported("ispeed", period), ground), parameters.technology
    )
    figures = of_technology(
        located(source.imported("ispeed_month", period), ground), parameters.technology
    )
    figures = with_reason(figures, less_exact(figures))
    samples, figures = chosen(samples, figures, parameters.minimum_samples)
    rows = evidence({"sample": samples, "figure": figures})
    left = left_out(rows)
    survey = _Survey(ground, left, parts(samples, figures), months(period), threshold, parameters)
    operators = [operator.name for operator in ground.operators]
    findings = tuple(
        survey.finding(area, operator)
        for level in levels
        for area in ground.at(level)
        for operator in (*operators, TOGETHER)
    )
    return Measured(
        findings=findings,
        n=sum(
            finding.n
            for finding in findings
            if finding.scope.level == levels[0] and finding.scope.operator == TOGETHER
        ),
        failures=0,
        excluded=left.all(),
        rows=rows,
    )


class _Survey(NamedTuple):
    ground: Ground
    left: Left
    parts: Parts
    months: tuple[Month, ...]
    threshold: float
    parameters: Parameters

    def finding(self, area: Area, operator: str) -> Finding:
        """What the samples and figures of an area say."""
        communes = self._communes(area)
        wholes = [self._whole(one, operator) for one in communes]
        missing = [
            commune.name
            for commune, whole in zip(communes, wholes, strict=True)
            if area.level != "commune" and whole.poorest < self.parameters.minimum_samples
        ]
        whole = together(communes, wholes) if area.level != "commune" else wholes[0]
        against = self._against(whole, missing)
        limits = stats.mean_limits(whole.mean, skewed=True)
        short = self.parameters.minimum_samples - whole.poorest
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
            estimate=whole.value,
            lower=limits.lower,
            upper=limits.upper,
            n=whole.n,
            blocks=whole.blocks,
            n_eff=stats.effective_count(
                whole.rates_mbit_s, None if whole.mean is None else whole.mean.variance
            ),
            excluded=self.left.of(
                area.level, area.code, None if operator == TOGETHER else operator
            ),
            against_pass=against,
            against_fail=against,
            need=(Need(what="samples", more=short, where=area.name),)
            if area.level == "commune" and short > 0
            else (),
            p_below=stats.p_mean_below(whole.mean, threshold=self.threshold, skewed=True),
            p_above=stats.p_mean_above(whole.mean, threshold=self.threshold),
            statement=self._statement(whole, against) if whole.published else None,
            context={
                "median": whole.median,
                "pooled_mean": plain_mean(whole.rates_mbit_s),
                "samples_one_by_one": len(whole.rates_mbit_s),
                "samples_published": whole.published,
                "unknown_technology": whole.unknown_technology,
                **self._without_overhead(whole),
            },
        )

    def _communes(self, area: Area) -> list[Area]:
        if area.level == "commune":
            return [area]
        return [one for one in self.ground.at("commune") if one.within.get(area.level) == area.code]

    def _whole(self, commune: Area, operator: str) -> Whole:
        found = [
            self.parts.get((Placed(commune.code, month), operator), Part()) for month in self.months
        ]
        return pooled(found)

    def _against(self, whole: Whole, missing: Sequence[str]) -> tuple[Text, ...]:
        if not whole.n:
            return ()
        return (
            *(unmeasured(missing) if missing else self._too_few(whole)),
            *self._unknown(whole),
            *self._apart(whole),
        )

    def _too_few(self, whole: Whole) -> tuple[Text, ...]:
        least = self.parameters.minimum_samples
        if whole.poorest >= least:
            return ()
        return (
            Text(
                vi=f"tháng ít nhất có {whole.poorest} mẫu i-Speed, cần ít nhất {least}",
                en=f"{whole.poorest} i-Speed samples in the poorest month, {least} needed",
            ),
        )

    def _unknown(self, whole: Whole) -> tuple[Text, ...]:
        if not whole.unknown_technology or self.parameters.accept_unknown_technology:
            return ()
        return (
            Text(
                vi=f"{whole.unknown_technology} mẫu không ghi công nghệ: có thể lẫn công nghệ khác",
                en=f"{whole.unknown_technology} samples do not say their technology: others may be"
                " among them",
            ),
        )

    def _apart(self, whole: Whole) -> tuple[Text, ...]:
        if whole.value is None or whole.median is None:
            return ()
        if (whole.value >= self.threshold) == (whole.median >= self.threshold):
            return ()
        return (
            Text(
                vi=comma(
                    f"trung bình ({whole.value:.1f}) và trung vị ({whole.median:.1f}) nằm hai phía"
                    " của ngưỡng"
                ),
                en=f"mean ({whole.value:.1f}) and median ({whole.median:.1f}) lie on different"
                " sides of the threshold",
            ),
        )

    def _statement(self, whole: Whole, against: Sequence[Text]) -> Text:
        """What published figures say, which are no proof."""
        if whole.value is None:
            said = Text(
                vi="chỉ công bố trung vị, mà chỉ tiêu tính theo trung bình",
                en="only a median is published, and the target is about the mean",
            )
        else:
            reached = whole.value >= self.threshold
            said = Text(
                vi=comma(
                    f"trung bình công bố {whole.value:.1f} Mbit/s"
                    f" {'đạt' if reached else 'không đạt'} ngưỡng {self.threshold:.1f}; không có"
                    " số liệu từng mẫu nên không có giới hạn tin cậy"
                ),
                en=f"the published mean of {whole.value:.1f} Mbit/s"
                f" {'reaches' if reached else 'misses'} the threshold of {self.threshold:.1f};"
                " without the samples there are no limits",
            )
        return Text(
            vi="; ".join(text.vi for text in (said, *against)),
            en="; ".join(text.en for text in (said, *against)),
        )

    def _without_overhead(self, whole: Whole) -> dict[str, float | None]:
        factor = self.parameters.overhead_factor
        if factor is None:
            return {}
        return {"mean_without_overhead": None if whole.value is None else whole.value / factor}
