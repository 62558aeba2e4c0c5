"""The polygons and lines of one day, as KPIs ask for them: rows in, places out."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import h3.api.basic_int as h3
import numpy as np
import pyarrow as pa
import shapely

from collector.geo.areas import AreaSet, Placed
from collector.geo.declared import Declared, Technology
from collector.geo.roads import Roads
from collector.kpi import Operator
from collector.targets.target import AREA_LEVELS

_CELL = 8
_STEP_DEG = 0.003
"""A third of a kilometre: two neighbouring points of a line lie in one cell or in neighbours."""


class MapLayers:
    """One boundary set, the roads and the declared maps; see `collector.kpi.Layers`."""

    def __init__(
        self,
        areas: AreaSet | None,
        roads: Roads,
        declared: Declared,
        day: date,
        operators: Iterable[Operator],
    ) -> None:
        """As they are on `day`."""
        self._areas = areas
        self._roads = roads
        self._declared = declared
        self._day = day
        self._names = {one.name: {one.name, *one.plmns} for one in operators}

    def areas(self, rows: pa.Table) -> pa.Table:
        """See `collector.kpi.Layers`."""
        placed = self._placed(*(_floats(rows[name]) for name in ("lat_deg", "lon_deg", "error_m")))
        codes = {level: pa.array(getattr(placed, level), pa.string()) for level in AREA_LEVELS}
        return pa.table(codes | {"border": pa.array(placed.border, pa.bool_())})

    def around(self, lat_deg: float, lon_deg: float) -> dict[str, str]:
        """Code by level of the areas around one place."""
        placed = self._placed(np.array([lat_deg]), np.array([lon_deg]), np.zeros(1))
        codes = {level: getattr(placed, level)[0] for level in AREA_LEVELS}
        return {level: code for level, code in codes.items() if code is not None}

    def roads(self, rows: pa.Table) -> pa.Table:
        """See `collector.kpi.Layers`."""
        names = ("lat_deg", "lon_deg", "course_deg", "speed_m_s")
        found = self._roads.project(*(_floats(rows[name]) for name in names))
        return pa.table(
            {
                "road": pa.array(found.road, pa.string()),
                "chainage_m": pa.array(found.chainage_m, pa.float64(), from_pandas=True),
                "offset_m": pa.array(found.offset_m, pa.float64(), from_pandas=True),
            }
        )

    def road_cells(self) -> list[int]:
        """See `collector.kpi.Layers`."""
        cells: set[int] = set()
        for line in self._roads.lines:
            dense = shapely.segmentize(shapely.linestrings(line.segments), _STEP_DEG)
            for lon, lat in shapely.get_coordinates(dense):
                cells.update(h3.grid_disk(h3.latlng_to_cell(lat, lon, _CELL), 1))
        return sorted(cells)

    def declared(self, rows: pa.Table, operator: str, technology: str) -> pa.ChunkedArray | None:
        """See `collector.kpi.Layers`."""
        outlines = [
            one.geometry
            for name in sorted(self._names.get(operator, {operator}))
            for one in self._declared.on(
                self._day, technology=Technology(technology), operator=name
            )
        ]
        if not outlines:
            return None
        whole = shapely.union_all(outlines)
        shapely.prepare(whole)
        lat, lon = _floats(rows["lat_deg"]), _floats(rows["lon_deg"])
        inside = shapely.contains_xy(whole, np.nan_to_num(lon), np.nan_to_num(lat))
        return pa.chunked_array([pa.array(inside & np.isfinite(lat) & np.isfinite(lon))])

    def _placed(self, lat: Any, lon: Any, error_m: Any) -> Placed:
        if self._areas is None:
            nothing = np.full(len(lat), None, object)
            return Placed(np.full(len(lat), -1), np.zeros(len(lat), bool), *[nothing] * 3)
        return self._areas.assign(lat, lon, error_m)


def _floats(column: pa.ChunkedArray) -> Any:
    """As floats, null as NaN."""
    return np.asarray(column.to_numpy(), dtype=float)
