"""Dated targets, and the five-valued verdict on each of them."""

from collector.targets.errors import TargetError
from collector.targets.judging import judge
from collector.targets.operators import operators
from collector.targets.periods import UnknownPeriodError, parse
from collector.targets.target import Target, Threshold, load
from collector.targets.verdict import HEADLINE, Evidence, Value, Verdict

__all__ = [
    "HEADLINE",
    "Evidence",
    "Target",
    "TargetError",
    "Threshold",
    "UnknownPeriodError",
    "Value",
    "Verdict",
    "judge",
    "load",
    "operators",
    "parse",
]
