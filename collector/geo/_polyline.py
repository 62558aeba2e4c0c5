"""Lines as arrays of vertices in metres, east and north."""

from typing import Any

import numpy as np
import shapely

TURN = np.radians(60.0)
"""Whoever goes this much another way goes along something else."""


def chainage(line: Any) -> Any:
    """Metres from the beginning to each vertex."""
    return np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(line, axis=0).T))])


def heading(path: Any) -> Any:
    """From the vertex before to the one behind, in radians from east."""
    ahead = path[np.minimum(np.arange(len(path)) + 1, len(path) - 1)]
    behind = path[np.maximum(np.arange(len(path)) - 1, 0)]
    return np.arctan2(*(ahead - behind).T[::-1])


def turn(one: Any, other: Any) -> Any:
    """From one heading to the other, between -pi and pi."""
    return (other - one + np.pi) % (2 * np.pi) - np.pi


def normals(line: Any) -> Any:
    """Unit vectors to the left of the line, at each vertex."""
    way = heading(line)
    return np.column_stack([-np.sin(way), np.cos(way)])


def projected(line: Any, fixes: Any, within_m: float) -> tuple[Any, Any]:
    """Chainage of the fixes that are near the line and go its way or back, and those fixes."""
    segments: Any = shapely.linestrings(np.stack([line[:-1], line[1:]], axis=1))
    tree = shapely.STRtree(segments)
    fix, segment = tree.query(shapely.points(fixes), predicate="dwithin", distance=within_m)
    start, along = line[segment], line[segment + 1] - line[segment]
    length = np.hypot(*along.T)
    share = ((fixes[fix] - start) * along).sum(axis=1) / np.maximum(length, 1e-9) ** 2
    share = np.clip(share, 0, 1)
    away = np.hypot(*(fixes[fix] - start - along * share[:, None]).T)
    off = np.abs(turn(np.arctan2(along[:, 1], along[:, 0]), heading(fixes)[fix]))
    fits = np.flatnonzero(np.minimum(off, np.pi - off) <= TURN)
    order = fits[np.lexsort((away[fits], fix[fits]))]
    best = order[np.unique(fix[order], return_index=True)[1]]
    at = chainage(line)
    along_m = at[segment[best]] + share[best] * length[best]
    # Whatever lies beyond an end would be projected on that end.
    between = (along_m > 0) & (along_m < at[-1])
    return along_m[between], fixes[fix[best][between]]
