"""All that was measured around listed points, each row with the point it speaks for."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.kpi import Point
from collector.kpi._arrays import US_PER_S, Floats, Ints, floats
from collector.kpi._data_checks import Reach
from collector.kpi._judged import Judged, judged, together
from collector.kpi._levels import LevelRule, said
from collector.kpi._listed import Here
from collector.kpi._points import near
from collector.kpi._visits import Thinning, thinned

_PLACES_PER_DEGREE = 111_320.0 / 50.0
"""Levels are compared in places of 50 m."""
_ROW = 10_000_000


class Around:
    """What was measured near the points of a list."""

    def __init__(
        self,
        looks: pa.Table,
        checks: pa.Table,
        *,
        points: Sequence[Point],
        radius_m: float,
        thinning: Thinning,
        reach: Reach,
        level_rule: LevelRule,
    ) -> None:
        """Take the rows; those near no point are none of ours."""
        rows = _with_reason(together(looks, checks))
        lat_deg, lon_deg = floats(rows["lat_deg"]), floats(rows["lon_deg"])
        found = near(points, lat_deg=lat_deg, lon_deg=lon_deg, radius_m=radius_m)
        self._near = {point.code: here for point, here in found}
        self._thinning = thinning
        self._judged: Judged = judged(
            rows,
            place=_place(lat_deg, lon_deg),
            track=np.zeros(len(rows), np.int64),
            along_m=np.zeros(len(rows), np.float64),
            rule=level_rule,
            reach=reach,
        )
        final = self._judged.rows
        self._operator = np.array(final["operator"].to_pylist(), object)
        self._reason = np.array(final["reason"].to_pylist(), object)

    def here(self, point: Point, operator: str) -> Here:
        """What one operator showed at one point."""
        all_ = self._near[point.code]
        own = all_.only(self._operator[all_.row] == operator)
        of = self._judged
        look = own.only((of.counts & of.is_look)[own.row])
        check = own.row[(of.counts & ~of.is_look)[own.row]]
        at_us = of.at_us[look.row]
        squares = thinned(look, at_us=at_us, covered=of.covered[look.row], thinning=self._thinning)
        other = thinned(look, at_us=at_us, covered=of.available[look.row], thinning=self._thinning)
        modems = set(of.modem[own.row].tolist())
        return Here(
            looks=len(look.row),
            squares=squares,
            available_share=other.successes / len(other.value) if len(other.value) else None,
            data_checks=len(check),
            data_ok=int(of.data_ok[check].sum()),
            first_seen=_moment(at_us.min()) if len(at_us) else None,
            last_seen=_moment(at_us.max()) if len(at_us) else None,
            disputed=tuple(of.names[one] for one in sorted(of.levels.disputed) if one in modems),
            levels=said(of.names, of.levels, modems),
            excluded=self._excluded(own.row),
        )

    def excluded(self, point: Point | None = None) -> dict[str, int]:
        """Rows left out by reason, at one point or at all, each once."""
        return self._excluded(self._all if point is None else self._near[point.code].row)

    @property
    def looks(self) -> int:
        """Looks that count, at whatever points."""
        of = self._judged
        return int((of.counts & of.is_look)[self._all].sum())

    @property
    def rows(self) -> pa.Table:
        """The rows with their `point`; one that lies near two points stands there twice."""
        index = np.concatenate([np.empty(0, np.int64), *(n.row for n in self._near.values())])
        order = np.argsort(index, kind="stable")
        codes = [code for code, here in self._near.items() for _ in here.row]
        point = pa.array([codes[at] for at in order], pa.string())
        return self._judged.rows.take(pa.array(index[order])).append_column("point", point)

    @property
    def _all(self) -> Ints:
        """Rows near some point."""
        return np.unique(
            np.concatenate([np.empty(0, np.int64), *(n.row for n in self._near.values())])
        )

    def _excluded(self, index: Ints) -> dict[str, int]:
        counted = Counter(reason for reason in self._reason[index] if reason is not None)
        return dict(sorted(counted.items()))


def _with_reason(rows: pa.Table) -> pa.Table:
    reason = pc.coalesce(rows["before"], rows["after"])
    return rows.drop_columns(["before", "after"]).append_column("reason", reason)


def _place(lat_deg: Floats, lon_deg: Floats) -> Ints:
    """A number for each square of 50 m; any one where the position is unknown."""
    lat, lon = np.nan_to_num(lat_deg), np.nan_to_num(lon_deg)
    row = np.floor(lat * _PLACES_PER_DEGREE)
    parallel = np.cos(np.radians((row + 0.5) / _PLACES_PER_DEGREE))
    column = np.floor(lon * parallel * _PLACES_PER_DEGREE)
    return (row * _ROW + column).astype(np.int64)


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(int(at_us) / US_PER_S, UTC).isoformat(timespec="seconds")
