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
    if not len(order):
        return Spread(moved, lost)
    at, along, speed = at_us[order], chainage_m[order], speed_m_s[order]
    hold = _holds(track[order], at, along, offset_m[order], standing=speed < STANDING_M_S)
    step_m, took_us = along[hold.after] - along, at[hold.after] - at[hold.begin]
    even = (took_us <= HELD_S * US_PER_S) | (np.abs(step_m) <= STEP_M)
    repeated = hold.begin != np.arange(len(order))
    go = repeated & hold.followed & even & (took_us > 0)
    share = (at[go] - at[hold.begin[go]]) / took_us[go]
    moved[order[go]] = along[go] + step_m[go] * share
    lost[order[repeated & np.where(hold.followed, ~even, speed >= STANDING_M_S)]] = True
    return Spread(moved, lost)


class _Holds(NamedTuple):
    """Of each row, in order of track and time."""

    begin: Ints
    """The first row that has its position,"""
    after: Ints
    """and the first that has another one; the last row where there is none."""
    followed: Flags
    """Whether that one is of the same track, and came soon."""


def _holds(
    track: Ints, at_us: Ints, along_m: Floats, offset_m: Floats, *, standing: Flags
) -> _Holds:
    ride = np.cumsum(np.diff(at_us, prepend=at_us[:1]) > HELD_S * US_PER_S)
    first = starts(track, along_m, np.nan_to_num(offset_m), ride, np.cumsum(standing))
    ends = np.append(first[1:], len(at_us))
    begin, end = (np.repeat(one, ends - first) for one in (first, ends))
    after = np.minimum(end, len(at_us) - 1)
    followed = (end < len(at_us)) & (track[after] == track) & (ride[after] == ride)
    return _Holds(begin, after, followed)
