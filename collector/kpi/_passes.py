"""Looks along a road, cut into passes: who drove it, which way, and which of them together."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from collector.kpi._arrays import US_PER_S, Flags, Floats, Ints, starts

BIN_M = 50.0
PAUSE_S = 600.0
"""A longer pause between two looks begins a new pass."""
TURN_M = 100.0
"""Driving back farther than this begins a new pass; less is the noise of the receiver.
A run of looks that never gets farther than this from where it began is no pass at all."""
TOGETHER_S = 60.0
"""Modems that go the same way through the same bin so close to each other are one pass: several in
one car, or cars in a convoy."""
_FIRST_WINDOW = 1024


class Cut(NamedTuple):
    """Looks and the passes they belong to."""

    of_look: Ints
    """Number of the pass of each look; -1 where the modem stood still."""
    upwards: Flags
    """Of each pass: towards higher chainage."""


class Driven(NamedTuple):
    """The passes of one operator over one road.

    Looks are in order of modem passes, and along the road in each of them.
    """

    row: Ints
    """Of each look: where it stands in its table."""
    leg: Ints
    """Of each look: the pass of its modem, from 0."""
    chainage_m: Floats
    at_us: Ints
    drive: Ints
    """Of each look: the pass it belongs to, with all modems of the same ride, from 0."""
    upwards: Flags
    """Of each drive."""
    ended_us: Ints
    """Of each drive."""

    @property
    def bin(self) -> Ints:
        """The 50 m of road that each look lies in; nothing lies before the beginning."""
        return np.maximum(np.floor(self.chainage_m / BIN_M), 0).astype(np.int64)


def cut(*, modem: Ints, at_us: Ints, chainage_m: Floats) -> Cut:
    """The passes of each modem, in order of modems and of time; the looks may be in any order.

    `modem` numbers the modem on its road. A pass goes one way: coming back by `TURN_M` ends it
    where it was farthest.
    """
    if not len(modem):
        return Cut(np.empty(0, np.int64), np.empty(0, np.bool_))
    order = np.lexsort((at_us, modem))
    along, at, who = chainage_m[order], at_us[order], modem[order]
    pause = np.diff(at, prepend=at[:1]) >= PAUSE_S * US_PER_S
    first = starts(who, np.cumsum(pause))
    of_look = np.full(len(modem), -1, np.int64)
    upwards: list[bool] = []
    for begin, end in zip(first, np.append(first[1:], len(order)), strict=True):
        for start, after, up in _legs(along[begin:end]):
            of_look[order[begin + start : begin + after]] = len(upwards)
            upwards.append(up)
    return Cut(of_look, np.array(upwards, np.bool_))


def driven(*, row: Ints, leg: Ints, chainage_m: Floats, at_us: Ints, upwards: Flags) -> Driven:
    """The passes of one operator over one road, from the looks of all its modems there.

    `leg` has the numbers of `Cut`, and `upwards` is that of the `Cut`.
    """
    order = np.lexsort((at_us, chainage_m, leg))
    row, leg, chainage_m, at_us = row[order], leg[order], chainage_m[order], at_us[order]
    numbers, leg = np.unique(leg, return_inverse=True)
    up = upwards[numbers]
    found = Driven(row, leg.astype(np.int64), chainage_m, at_us, leg, up, at_us[:0])
    drive_of_leg = _together(found, up)
    drives = int(drive_of_leg.max(initial=-1)) + 1
    drive = drive_of_leg[leg]
    ended_us = np.full(drives, np.iinfo(np.int64).min)
    np.maximum.at(ended_us, drive, at_us)
    upwards_of_drive = np.zeros(drives, np.bool_)
    upwards_of_drive[drive_of_leg] = up
    return found._replace(drive=drive, upwards=upwards_of_drive, ended_us=ended_us)


def _legs(along_m: Floats) -> Iterator[tuple[int, int, bool]]:
    """First look, look after the last, and whether upwards, of each pass in a run of looks."""
    moved = np.abs(along_m - along_m[0]) >= TURN_M
    if not moved.any():
        return
    at, start = int(np.argmax(moved)), 0
    up = bool(along_m[at] > along_m[0])
    while (turned := _turned(along_m, at, up=up)) is not None:
        turn, back = turned
        yield start, turn + 1, up
        start, at, up = turn + 1, back, not up
    yield start, len(along_m), up


def _turned(along_m: Floats, at: int, *, up: bool) -> tuple[int, int] | None:
    """Where it was farthest and where it had come back by `TURN_M`; None if it never did.

    Looks ahead in growing windows, so that many turns cost no more than few.
    """
    window = _FIRST_WINDOW
    while True:
        ahead = along_m[at : at + window] if up else -along_m[at : at + window]
        farthest = np.maximum.accumulate(ahead)
        back = farthest - ahead >= TURN_M
        if back.any():
            turned = int(np.argmax(back))
            turn = int(np.flatnonzero(ahead[: turned + 1] == farthest[: turned + 1])[-1])
            return at + turn, at + turned
        if at + window >= len(along_m):
            return None
        window *= 2


def _together(found: Driven, up: Flags) -> Ints:
    """The drive of each leg: legs that went the same way through one bin at the same time."""
    legs = len(up)
    if not legs:
        return np.empty(0, np.int64)
    first = starts(found.leg, found.bin)
    leg, bin_, at_us = found.leg[first], found.bin[first], found.at_us[first]
    order = np.lexsort((leg, at_us, up[leg], bin_))
    leg, bin_, at_us = leg[order], bin_[order], at_us[order]
    near = np.diff(at_us) <= TOGETHER_S * US_PER_S
    near &= (np.diff(bin_) == 0) & (up[leg[1:]] == up[leg[:-1]])
    pair = np.flatnonzero(near)
    links = coo_array((np.ones(len(pair)), (leg[pair], leg[pair + 1])), shape=(legs, legs))
    component = connected_components(links, directed=False)[1]
    # Numbered by their first leg, so that nothing depends on how they were found.
    _, at_first, number = np.unique(component, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(at_first))[number].astype(np.int64)
