"""Positions that a receiver repeated while the car drove on, put where they must have been.

A receiver that stalls, or that fixes less often than modems are looked at, gives several looks the
place of the first of them: 100 m behind at 120 km/h after three seconds. Between two fixes the car
is taken to have gone evenly.
"""

from typing import NamedTuple

import numpy as np

from collector.kpi._arrays import US_PER_S, Flags, Floats, Ints, starts

HELD_S = 10.0
"""So long the car is taken to have gone evenly: braking by 2 m/s² moves it by 25 m meanwhile."""
STEP_M = 100.0
"""A longer hold is believed where it ends so near by: that car was standing."""
STANDING_M_S = 1.0


class Spread(NamedTuple):
    """The same rows in the same order."""

    chainage_m: Floats
    lost: Flags
    """Their position was repeated, and nobody knows how far the car had gone."""


def spread(
    *, track: Ints, at_us: Ints, chainage_m: Floats, offset_m: Floats, speed_m_s: Floats, use: Flags
) -> Spread:
    """Rows that repeat a position, moved along the road to the next one in even time.

    `track` numbers a modem on a road; `use` are the rows with a time and a position. A row whose
    own speed says that the car stands (below `STANDING_M_S`) repeats nothing; an unknown speed is
    NaN. Nothing follows a last position, so that repetitions of it stay, unless their speed says
    that the car drives.
    """
    index = np.flatnonzero(use)
    order = index[np.lexsort((offset_m[index], chainage_m[index], at_us[index], track[index]))]
    moved, lost = chainage_m.copy(), np.zeros(len(use), np.bool_)
    if len(order) < 2:  # noqa: PLR2004 - nothing is repeated
        return Spread(moved, lost)
    track, at, along = track[order], at_us[order], chainage_m[order]
    speed = speed_m_s[order]
    fresh = speed < STANDING_M_S
    pauses = np.cumsum(np.diff(at, prepend=at[0]) > HELD_S * US_PER_S)
    first = starts(track, along, np.nan_to_num(offset_m[order]), pauses, np.cumsum(fresh))
    run = np.zeros(len(order), np.int64)
    run[first[1:]] = 1
    run = np.cumsum(run)
    after = np.append(first[1:], len(order) - 1)[run]
    begin = first[run]
    followed = (run < run[-1]) & (track[after] == track) & (pauses[after] == pauses)
    step_m = along[after] - along
    even = (at[after] - at[begin] <= HELD_S * US_PER_S) | (np.abs(step_m) <= STEP_M)
    repeated = begin != np.arange(len(order))
    go = repeated & followed & even & (at[after] > at[begin])
    share = (at[go] - at[begin[go]]) / (at[after[go]] - at[begin[go]])
    moved[order[go]] = along[go] + step_m[go] * share
    drives = speed >= STANDING_M_S
    lost[order[repeated & np.where(followed, ~even, drives)]] = True
    return Spread(moved, lost)
