"""Which modems hear everything too strongly or too weakly: a wrong antenna, or a wrong cable.

Where two modems measured the same cell in the same place, their levels ought to agree: a modem may
state RSRP wrong by 6 dB (3GPP TS 36.133, 9.1.2), and averaging does not remove that. One that is
off from several others proves neither service nor a gap. With two that do not agree, and nobody to
say which of them is right, the verdict has to wait.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import msgspec
import numpy as np

from collector.kpi import Text
from collector.kpi._arrays import Floats, Ints, starts


class LevelRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When two modems do not agree, and how many of them it takes to call one wrong."""

    max_apart_db: float = 6.0
    min_shared_places: int = 30
    """Two modems are compared when so many places were measured by both, each in one cell."""
    min_others: int = 2
    """A modem is left out when it is off from at least so many others that agree among themselves,
    and from more of them than agree with it, itself included."""


_Pairs = Mapping[tuple[int, int], float]
"""By two modems: how far the first is above the second, in dB."""


class Levels(NamedTuple):
    """What the comparison of all modems came to."""

    shifted_db: Mapping[int, float]
    """By modem that is left out: how far it is above the others, as the median."""
    disputed: frozenset[int]
    """Modems that do not agree with another one, where nobody can say which is right."""


def compare(*, modem: Ints, cell: Ints, place: Ints, level_dbm: Floats, rule: LevelRule) -> Levels:
    """Compare the modems by their median levels in each cell and place; all levels are known.

    Nothing to compare gives nothing. The order of the samples does not matter.
    """
    pairs = _pairs(*_medians(modem=modem, cell=cell, place=place, level_dbm=level_dbm), rule=rule)
    compared = {one for pair in pairs for one in pair}
    shifted: dict[int, float] = {}
    for one in sorted(compared):
        off = {other: db for other, db in _apart(pairs, one).items() if abs(db) > rule.max_apart_db}
        agreeing = len(_apart(pairs, one)) - len(off) + 1
        backed = [other for other in off if _backed(pairs, other, off, rule)]
        if len(backed) >= rule.min_others and len(backed) > agreeing:
            shifted[one] = float(np.median(sorted(off[other] for other in backed)))
    disputed = {
        one
        for pair, db in pairs.items()
        if abs(db) > rule.max_apart_db and not shifted.keys() & set(pair)
        for one in pair
    }
    return Levels(shifted, frozenset(disputed))


def dispute(names: Iterable[str]) -> tuple[Text, ...]:
    """The reason that levels do not agree, against either verdict; none without such modems."""
    shown = ", ".join(sorted(names))
    if not shown:
        return ()
    return (
        Text(
            vi=f"mức thu của các modem lệch nhau, chưa biết máy nào đúng: {shown}",
            en=f"levels of modems do not agree and nobody can say which is right: {shown}",
        ),
    )


def said(names: Mapping[int, str], levels: Levels, here: Collection[int]) -> dict[str, list[str]]:
    """What stands beside a verdict: the modems left out, and those that do not agree."""
    return {
        "level_shifted": [
            f"{names[one]}: {db:+.1f} dB"
            for one, db in sorted(levels.shifted_db.items())
            if one in here
        ],
        "level_disputed": sorted(names[one] for one in levels.disputed if one in here),
    }


def _apart(pairs: _Pairs, one: int) -> dict[int, float]:
    """By each modem it was compared with: how far this one is above it."""
    above = {high: db for (low, high), db in pairs.items() if low == one}
    return above | {low: -db for (low, high), db in pairs.items() if high == one}


def _backed(pairs: _Pairs, one: int, among: Collection[int], rule: LevelRule) -> bool:
    """Whether one of the others agrees with this one."""
    apart = _apart(pairs, one)
    return any(abs(apart.get(other, np.inf)) <= rule.max_apart_db for other in among)


def _medians(
    *, modem: Ints, cell: Ints, place: Ints, level_dbm: Floats
) -> tuple[Ints, Ints, Floats]:
    """One entry for each modem in each cell and place: number of the two, modem, median level."""
    order = np.lexsort((level_dbm, modem, place, cell))
    modem, cell, place, level_dbm = modem[order], cell[order], place[order], level_dbm[order]
    first = starts(cell, place, modem)
    count = np.diff(np.append(first, len(modem)))
    median = (level_dbm[first + (count - 1) // 2] + level_dbm[first + count // 2]) / 2
    where = np.zeros(len(modem), np.int64)
    where[starts(cell, place)] = 1
    return np.cumsum(where)[first], modem[first], median


def _pairs(where: Ints, modem: Ints, median_dbm: Floats, *, rule: LevelRule) -> _Pairs:
    """Each two modems with enough places in common, by the median over those."""
    lower: list[Ints] = []
    higher: list[Ints] = []
    apart: list[Floats] = []
    lag = 1
    while len(together := np.flatnonzero(where[lag:] == where[:-lag])):
        lower.append(modem[together])
        higher.append(modem[together + lag])
        apart.append(median_dbm[together] - median_dbm[together + lag])
        lag += 1
    if not lower:
        return {}
    low, high, db = np.concatenate(lower), np.concatenate(higher), np.concatenate(apart)
    order = np.lexsort((db, high, low))
    low, high, db = low[order], high[order], db[order]
    first = starts(low, high)
    return {
        (int(low[begin]), int(high[begin])): float(np.median(db[begin:end]))
        for begin, end in zip(first, np.append(first[1:], len(low)), strict=True)
        if end - begin >= rule.min_shared_places
    }
