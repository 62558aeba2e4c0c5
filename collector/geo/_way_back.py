"""Where a road runs beside itself: carriageways glued end to end, and lines given twice.

A hairpin comes near itself too, but soon leads away again, and its legs lie farther apart than
two carriageways do, or are short.
"""

from typing import Any, NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from collector.geo.ellipsoid import distance_m, metres_per_degree

STEP_M = 20.0
CARRIAGEWAY_M = 30.0
"""So near lie two carriageways of a road, or a line and its copy; legs of hairpins rarely."""
CARRIAGEWAY_LENGTH_M = 100.0
WIDE_M = 60.0
"""So near lie the carriageways around a wide strip; legs of hairpins too, but not for long."""
WIDE_LENGTH_M = 1000.0
SAME_BEND_M = 300.0
"""Along the road. What is less far from each other is one bend."""


class WayBack(NamedTuple):
    """A stretch beside what there is of the road."""

    from_m: float
    """The lowest chainage that it runs beside."""
    length_m: float


class _Piece(NamedTuple):
    points: Any
    """About every `STEP_M`, longitude first."""
    at_m: Any


class BesideItself:
    """The pieces of a road so far."""

    def __init__(self) -> None:
        """No piece yet."""
        self._pieces: list[_Piece] = []

    def add(self, vertices: Any, begun_m: float) -> None:
        """Go on with a piece that begins at this chainage."""
        self._pieces.append(_sampled(vertices, begun_m))

    def of_last_piece(self) -> WayBack | None:
        """Where it runs beside the pieces before it, and is no hairpin."""
        *before, last = self._pieces
        if not before:
            return None
        # Only the pieces around it: a road may have hundreds.
        around = [one for one in before if _close(one.points, last.points)]
        if not around:
            return None
        other = _Piece(*(np.concatenate(arrays) for arrays in zip(*around, strict=True)))
        for near_m, length_m in (
            (CARRIAGEWAY_M, CARRIAGEWAY_LENGTH_M),
            (WIDE_M, WIDE_LENGTH_M),
        ):
            found = _beside(last, other, near_m)
            if found is not None and found.length_m > length_m:
                return found
        return None


def within_a_line(vertices: Any) -> WayBack | None:
    """Where one line doubles back on itself, as near as carriageways lie."""
    piece = _sampled(vertices, 0.0)
    found = _beside(piece, piece, CARRIAGEWAY_M)
    return None if found is None or found.length_m <= CARRIAGEWAY_LENGTH_M else found


def _sampled(vertices: Any, begun_m: float) -> _Piece:
    at = np.concatenate([[0.0], np.cumsum(distance_m(vertices[:-1], vertices[1:]))])
    even = np.linspace(0.0, at[-1], max(int(at[-1] // STEP_M), 1) + 1)
    points = np.column_stack([np.interp(even, at, vertices[:, axis]) for axis in (0, 1)])
    return _Piece(points, begun_m + even)


def _close(one: Any, other: Any) -> bool:
    reach = WIDE_M / np.array(metres_per_degree(float(other[:, 1].mean())))
    low, high = other.min(axis=0) - reach, other.max(axis=0) + reach
    return bool((one.max(axis=0) >= low).all() and (one.min(axis=0) <= high).all())


def _beside(piece: _Piece, other: _Piece, near_m: float) -> WayBack | None:
    """How much of the piece lies so near to an earlier place of the road that is no same bend."""
    scale = np.array(metres_per_degree(float(piece.points[:, 1].mean())))
    # Half a step to either side: samples do not lie opposite of each other.
    reach_m = float(np.hypot(near_m, STEP_M / 2))
    tree = cKDTree(other.points * scale)
    length_m, from_m = 0.0, np.inf
    share_m = np.diff(piece.at_m).mean()
    for at, near in zip(
        piece.at_m, tree.query_ball_point(piece.points * scale, reach_m), strict=True
    ):
        before = other.at_m[near]
        before = before[before < at - SAME_BEND_M]
        if len(before):
            length_m += share_m
            from_m = min(from_m, float(before.min()))
    return WayBack(from_m, length_m) if length_m else None
