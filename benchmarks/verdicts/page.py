"""The page of figures: docs/reference/measured-statistics.md."""

from collections.abc import Iterable, Sequence

from benchmarks.verdicts.areas import Sessions
from benchmarks.verdicts.tally import PROVINCE, Misses, Rate, Result, Said

_HEAD = """\
# How often verdicts are wrong

`make bench-stats` writes this page: {areas} simulated areas for each line and truth, seed {seed};
it took {minutes:.0f} minutes on {machine}. It ends with an error where a verdict is wrong more
often than promised, by more than three standard errors of the simulation.

Areas are drawn with a known truth, measured as the line says, and judged by the collector's own
functions (`reckon` of `collector.kpi.mean_download` and `collector.kpi.video_share`, and
`collector.targets.verdict.decide`) as the shipped targets T1 and T5 ask. The same seed gives the
same tables; `--areas 500` is quicker, `--only "3 places"` runs some lines, `--json` gives all
numbers.

**Promised:** of the areas whose truth is below the threshold at most 5 in 100 are called PASS, of
those at or above it at most 5 in 100 FAIL. For means this holds where blocks are independent and
where places, cells and hours differ; for shares where blocks are independent, or where at least
{least_places} places were measured.

Numbers are percent of areas; the standard error of a 5 is {error:.1f}. **Bold** is more than 5 by
three standard errors. On the threshold itself both PASS and FAIL must stay below 5: a truth a
hair off makes either of them false. The largest figure of a promised line is {worst}.
"""

_MEANS = """
## Means (T1)

Tests of a block scatter with a coefficient of variation of 80 %, with the long tail of a
lognormal; there are two in each block unless the line says otherwise. "Differ by 40 %" is the
coefficient of variation between places. The truth of an area is the mean over all its places and
hours, not over those that happened to be measured.

Verdicts, by the true mean as a part of the threshold; the rest is NOT PROVEN:
"""

_MEAN_LIMITS = """
How often the truth lies beyond a one-sided 95 % limit, below the lower and above the upper; the
bootstraps on a quarter of the areas:
"""

_READ_MEANS = """
- **Student on blocks** is what the textbook says, and wrong twice. Where places, cells or hours
  differ it takes blocks for more than they are. And the long tail alone doubles the false FAIL of
  30 independent blocks: a campaign that misses the tail has a low mean and a small scatter. The
  **bootstraps** of blocks share both faults.
- **The verdict's** limits count places, cells or hours as clusters where they differ, and the
  upper one allows for the tail (`collector.stats.clusters`, `collector.stats.means`). The price
  is that NOT PROVEN comes more often. PASS is wrong less often than promised, because the lower
  limit of values with a long tail is, and because the median must agree with the mean.
- **Places decide.** Where they differ by 40 %, three places tell next to nothing however long one
  stays; twelve decide several times as often with the same number of blocks.
"""

_SHARES = """
## Shares (T5)

Sessions of a block end alike. "Places 0.1" is the intra-class correlation of the outcomes within
a place: at 0.3 most places are good or bad as a whole; of "cells 0.1" within a cell. Of "outages"
no attempt that failed, half of the bad ones, knows a cell. Lines in *italics* are not promised.

Verdicts, by the true share; the threshold is 95 %:
"""

_SHARE_LIMITS = """
How often the truth lies beyond a one-sided 95 % limit, below the lower and above the upper:
"""

_READ_SHARES = """
- **A few places that differ cannot prove a share of 95 %.** Areas that pass wrongly in the lines
  in italics had no bad session, or one: nothing in the attempts tells that another place would
  have been bad. FAIL keeps the promise even there, because bad sessions that keep together show
  it. Measure more places; `minimum.places` in a target's file asks for them.
- **Clopper-Pearson on attempts** that repeat themselves is far off. On blocks (Kish's effective
  number, rarely whole) it keeps the promise as long as blocks are independent, also with blocks
  of 1 to 6 sessions; what fractional numbers of trials mean stands in `collector.stats.shares`.
- **Wilson's** interval is for display: one-sided it is wrong more often than in 5 of 100 near 1.
"""

_HEADLINES = """
## Headlines

Provinces of {province} communes that all lie exactly on the threshold: percent of them that have
the headline FAIL, if any FAIL makes it, and if one must hold by Holm's step-down
(`collector.targets.headline`).

| communes measured by | provinces | any FAIL | Holm |
| --- | --- | --- | --- |
| means, but for the next line | {many.of} | {many_plain:.0f} | {many_held:.1f} |
| means, three places that differ | {few.of} | {few_plain:.0f} | {few_held:.1f} |
| shares that are promised | {shares.of} | {shares_plain:.0f} | {shares_held:.1f} |

To hold beside {others} others a verdict must be wrong in less than one of a thousand campaigns,
and three places cannot carry that: now and then they agree by chance and seem to leave no doubt.
Headlines are promised from six places a commune on.
"""


def page(
    results: Sequence[Result], *, areas: int, seed: int, minutes: float, machine: str, places: int
) -> str:
    """The whole page."""
    means = [one for one in results if not isinstance(one.scenario.nature, Sessions)]
    shares = [one for one in results if isinstance(one.scenario.nature, Sessions)]
    head = _HEAD.format(
        areas=f"{areas:,}",
        seed=seed,
        minutes=max(minutes, 1),
        machine=machine,
        least_places=places,
        error=100 * (0.05 * 0.95 / areas) ** 0.5,
        worst=_worst(results),
    )
    parts = [head]
    if means:
        parts += [_MEANS, _verdicts(means), _MEAN_LIMITS, _limits(means), _READ_MEANS]
    if shares:
        parts += [_SHARES, _verdicts(shares), _SHARE_LIMITS, _limits(shares)]
        parts += [_READ_SHARES]
    many = [one for one in means if one.scenario.together]
    few = [one for one in means if not one.scenario.together]
    parts.append(
        _HEADLINES.format(
            province=PROVINCE,
            others=PROVINCE - 1,
            **_headlines("many", many),
            **_headlines("few", few),
            **_headlines("shares", [one for one in shares if one.scenario.promised]),
        )
    )
    return "\n".join(part.strip("\n") + "\n" for part in parts)


def _worst(results: Iterable[Result]) -> str:
    """The largest rate of wrong verdicts that are promised to be seldom."""
    promised = (one for one in results if one.scenario.promised)
    rates = [rate for one in promised for said in one.said for rate in said.errors]
    worst = max(rates, key=lambda rate: rate.share, default=Rate(0, 0))
    return _percent(worst, bold=False)


def _verdicts(results: Sequence[Result]) -> str:
    truths = [said.truth for said in results[0].said]
    head = ["measured", "blocks", *(f"{100 * truth:g} %" for truth in truths)]
    rows = [
        [_name(one), str(one.blocks), *(_said(said, one) for said in one.said)] for one in results
    ]
    return _table(head, rows)


def _said(said: Said, result: Result) -> str:
    """PASS and FAIL, in percent."""
    parts = []
    for name, rate in (("PASS", said.passed), ("FAIL", said.failed)):
        if rate.hits:
            bold = result.scenario.promised and rate in said.errors and rate.beyond
            parts.append(f"{name} {_percent(rate, bold=bold)}")
    return ", ".join(parts) or "-"


def _limits(results: Sequence[Result]) -> str:
    methods = [one.method for one in results[0].misses]
    rows = [[_name(one), *(_missed(each, one) for each in one.misses)] for one in results]
    return _table(["measured", *methods], rows)


def _missed(misses: Misses, result: Result) -> str:
    return " \\| ".join(
        _percent(rate, bold=result.scenario.promised and rate.beyond)
        for rate in (misses.below, misses.above)
    )


def _percent(rate: Rate, *, bold: bool) -> str:
    text = f"{100 * rate.share:.1f}"
    return f"**{text}**" if bold else text


def _name(result: Result) -> str:
    name = result.scenario.name
    return name if result.scenario.promised else f"*{name}*"


def _headlines(key: str, results: Iterable[Result]) -> dict[str, object]:
    found = list(results)
    held = Rate(sum(one.headlines.hits for one in found), sum(one.headlines.of for one in found))
    plain = Rate(sum(one.uncorrected.hits for one in found), held.of)
    return {key: held, f"{key}_held": 100 * held.share, f"{key}_plain": 100 * plain.share}


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
