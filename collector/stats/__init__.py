"""The arithmetic of a verdict: limits, what clusters cost, ties, and how much is still missing.

Pure functions of numbers; nothing here knows a table or a target. Limits of verdicts are one-sided
at 95 % each: the truth lies below the lower one, and above the upper one, in at most 5 of 100
campaigns. Intervals for display and for rankings are two-sided. `None` stands where the numbers do
not allow a limit. The order of the values never changes a result, not even its last bit.

How often the limits hold on simulated areas is measured: docs/reference/measured-statistics.md.
"""

from collector.stats.bootstrap import (
    Bootstrap,
    bootstrap_mean,
    bootstrap_ratio,
)
from collector.stats.clusters import (
    Clustered,
    Trials,
    clustered_mean,
    clustered_trials,
    design_effect,
    effective_count,
    kish_count,
)
from collector.stats.limits import CONFIDENCE, Limits
from collector.stats.means import (
    Mean,
    mean,
    mean_interval,
    mean_limits,
    median,
    p_mean_above,
    p_mean_below,
    p_ratio_above,
    p_ratio_below,
    ratio_limits,
    weighted_mean,
)
from collector.stats.multiple import holm
from collector.stats.needs import (
    FARTHEST_NEED,
    blocks_to_decide,
    successes_to_prove,
    trials_to_decide,
)
from collector.stats.ranking import Difference, Standing, joint_winners, paired_difference
from collector.stats.shares import clopper_pearson, p_share_above, p_share_below, wilson

__all__ = [
    "CONFIDENCE",
    "FARTHEST_NEED",
    "Bootstrap",
    "Clustered",
    "Difference",
    "Limits",
    "Mean",
    "Standing",
    "Trials",
    "blocks_to_decide",
    "bootstrap_mean",
    "bootstrap_ratio",
    "clopper_pearson",
    "clustered_mean",
    "clustered_trials",
    "design_effect",
    "effective_count",
    "holm",
    "joint_winners",
    "kish_count",
    "mean",
    "mean_interval",
    "mean_limits",
    "median",
    "p_mean_above",
    "p_mean_below",
    "p_ratio_above",
    "p_ratio_below",
    "p_share_above",
    "p_share_below",
    "paired_difference",
    "ratio_limits",
    "successes_to_prove",
    "trials_to_decide",
    "weighted_mean",
    "wilson",
]
