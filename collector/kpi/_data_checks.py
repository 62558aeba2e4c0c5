"""What the data checks of a modem say of the looks it took around them.

A check speaks for the looks of its modem that lie within its reach: two minutes, or a kilometre of
the same drive, the cadence at which checks are due. Only the last check before a look and the first
one after it are asked:

- neither failed: the level decides, as it also does where no check is within reach;
- both failed: there was no service, whatever the level;
- one failed: service came or went somewhere in between, and the look proves nothing.

A check that failed where the modem had no service anyway says nothing more than the radio did, and
casts no doubt on the looks before and after: it is explained, and not asked.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from collector.kpi._arrays import US_PER_S, Flags, Floats, Ints

EXPLAINED_S = 15.0
"""A check lasts ten seconds and more: a look without service so close to it explains a failure."""
DRIVE_S = 600.0
"""A check farther away in time is not of the same drive, however near its place."""


class Reach(NamedTuple):
    """How far a check speaks."""

    time_s: float
    along_m: float


class Track(NamedTuple):
    """Looks, or checks, in any order."""

    modem: Ints
    """Number of the modem on its road or at its place."""
    at_us: Ints
    along_m: Floats
    """Distance along the road, or zero where all are near each other."""

    def at(self, index: Ints) -> "Track":
        """Those at these places, in this order."""
        return Track(self.modem[index], self.at_us[index], self.along_m[index])


class Answers(NamedTuple):
    """Of each look: what the checks around it say."""

    asked: Flags
    """At least one was within reach."""
    failed: Flags
    """Both failed: no service."""
    doubtful: Flags
    """One failed: nobody knows."""


def answers(looks: Track, checks: Track, good: Flags, reach: Reach) -> Answers:
    """What the `checks`, each of them `good` or not, say of the `looks`."""
    count = len(looks.modem)
    if not count or not len(checks.modem):
        nothing = np.zeros(count, np.bool_)
        return Answers(nothing, nothing, nothing)
    order = np.lexsort((checks.at_us, checks.modem)).astype(np.int64)
    checks, good = checks.at(order), good[order]
    keys, wanted = _in_order(checks, looks)
    after = np.searchsorted(keys, wanted, side="right")
    before_said = _said(looks, checks, good, after - 1, reach)
    after_said = _said(looks, checks, good, after, reach)
    return Answers(
        asked=(before_said != 0) | (after_said != 0),
        failed=(before_said < 0) & (after_said < 0),
        doubtful=(before_said < 0) ^ (after_said < 0),
    )


def explained(checks: Track, without_service: Track) -> Flags:
    """Which checks were made where a look of the same modem found no service."""
    found = np.zeros(len(checks.modem), np.bool_)
    if not len(checks.modem) or not len(without_service.modem):
        return found
    keys, wanted = _in_order(without_service, checks)
    keys = np.sort(keys)
    reach_us = round(EXPLAINED_S * US_PER_S)
    first = np.searchsorted(keys, wanted - reach_us, side="left")
    return np.asarray(np.searchsorted(keys, wanted + reach_us, side="right") > first)


def _in_order(some: Track, others: Track) -> tuple[Ints, Ints]:
    """Numbers that rise with the modem and in it with time; those of two modems lie far apart."""
    first_us = min(some.at_us.min(), others.at_us.min())
    last_us = max(some.at_us.max(), others.at_us.max())
    span_us = last_us - first_us + round(4 * DRIVE_S * US_PER_S)
    return (
        some.modem * span_us + (some.at_us - first_us),
        others.modem * span_us + (others.at_us - first_us),
    )


def _said(
    looks: Track, checks: Track, good: Flags, index: npt.NDArray[np.intp], reach: Reach
) -> npt.NDArray[np.int8]:
    """1 for a good check, -1 for a failed one, 0 for none within reach."""
    there = (index >= 0) & (index < len(good))
    index = np.where(there, index, 0)
    there &= checks.modem[index] == looks.modem
    apart_s = np.abs(checks.at_us[index] - looks.at_us) / US_PER_S
    apart_m = np.abs(checks.along_m[index] - looks.along_m)
    there &= (apart_s <= reach.time_s) | ((apart_s <= DRIVE_S) & (apart_m <= reach.along_m))
    return np.where(there, np.where(good[index], 1, -1), 0).astype(np.int8)
