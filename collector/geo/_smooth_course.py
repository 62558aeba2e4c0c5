"""One smooth course through many noisy fixes whose place along it is known.

Its bends may be as tight as they like but tighten and loosen gently: the change of curvature is
what costs (a penalised least squares fit, third differences). How much it costs is found by
generalised cross-validation, so a straight road is smoothed more than one of hairpins.
"""

from typing import Any

import numpy as np
from scipy.linalg import solveh_banded

SHORTEST_WAVE_M = 60.0
LONGEST_WAVE_M = 1500.0
"""Shortest and longest bends that are told from noise; the fit chooses in between."""
CHOICES = 16

_THIRD_DIFFERENCE = np.array([-1.0, 3.0, -3.0, 1.0])
_TINY = 1e-9


def smooth_course(chainage_m: Any, fixes_m: Any, length_m: float, count: int) -> Any:
    """The course at `count` equal steps from 0 to `length_m`; fixes and course in metres."""
    step_m = length_m / (count - 1)
    normal, right = _normal_equations(chainage_m / step_m, fixes_m, count)
    density = len(fixes_m) / count
    bending = _bending(count)
    waves_m = np.geomspace(SHORTEST_WAVE_M, LONGEST_WAVE_M, CHOICES)
    stiffness = density / (2 * np.sin(np.pi * step_m / waves_m)) ** 6

    def course(stiff: float) -> Any:
        bands = normal + stiff * bending
        bands[-1] += _TINY * density
        return solveh_banded(bands, right)

    def unlikelihood(stiff: float) -> float:
        knots = chainage_m / step_m
        at = np.column_stack([np.interp(knots, np.arange(count), axis) for axis in course(stiff).T])
        residual = ((fixes_m - at) ** 2).sum()
        return float(residual / (len(fixes_m) - _freedom(stiff, density, count)) ** 2)

    return course(min(stiffness, key=unlikelihood))


def _normal_equations(knots: Any, fixes: Any, count: int) -> tuple[Any, Any]:
    """Upper bands of the matrix, and the right side, of fixes between their two knots."""
    left = np.clip(np.floor(knots).astype(int), 0, count - 2)
    share = knots - left
    bands = np.zeros((4, count))
    np.add.at(bands[3], left, (1 - share) ** 2)
    np.add.at(bands[3], left + 1, share**2)
    np.add.at(bands[2], left + 1, share * (1 - share))
    right = np.zeros((count, 2))
    np.add.at(right, left, (1 - share)[:, None] * fixes)
    np.add.at(right, left + 1, share[:, None] * fixes)
    return bands, right


def _bending(count: int) -> Any:
    """Upper bands of the squared third differences."""
    bands = np.zeros((4, count))
    for row in range(4):
        for column in range(row, 4):
            product = _THIRD_DIFFERENCE[row] * _THIRD_DIFFERENCE[column]
            bands[3 - (column - row), column : count - 3 + column] += product
    return bands


def _freedom(stiff: float, density: float, count: int) -> float:
    """How many knots' worth the fit can follow, of evenly spread fixes."""
    frequency = np.pi * (np.arange(count) + 0.5) / count
    return float((density / (density + stiff * (2 * np.sin(frequency / 2)) ** 6)).sum())
