"""Where each row was made: area, H3 cells and place on a road, as columns."""

from typing import Any

import h3.api.basic_int as h3
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.geo.boundaries import NOWHERE, Boundaries
from collector.geo.geojson import MAX_LATITUDE_DEG, MAX_LONGITUDE_DEG
from collector.geo.roads import Roads
from collector.store import columns

_H3_RESOLUTIONS = {"h3_8": 8, "h3_10": 10}


class Locator:
    """Adds the columns of `columns.AREA_COLUMNS` to rows. Never changes: any thread may use it."""

    def __init__(self, boundaries: Boundaries, roads: Roads) -> None:
        """Locate by these boundary sets and centre lines."""
        self._boundaries = boundaries
        self._roads = roads
        # One more than there are areas: the last entry is what NOWHERE (-1) points to.
        self._areas = {
            column: pa.array(
                [*(getattr(area, field) for area in boundaries.areas), None], pa.string()
            )
            for column, field in {
                "commune": "code",
                "district": "district_code",
                "province": "province_code",
                "boundary_set": "boundary_set",
            }.items()
        }

    def locate(self, rows: pa.Table) -> pa.Table:
        """The rows with their area; all of it null where the position is unknown or impossible.

        Boundaries are those of the row's own day or, where its `utc` is unknown, of the day on
        which it was received.
        """
        lat = _numbers(rows["position_lat_deg"])
        lon = _numbers(rows["position_lon_deg"])
        with np.errstate(invalid="ignore"):
            there = (np.abs(lat) <= MAX_LATITUDE_DEG) & (np.abs(lon) <= MAX_LONGITUDE_DEG)
        index = np.flatnonzero(there)
        lat, lon = lat[index], lon[index]
        found = self._locate(lat, lon, _days(rows)[index])
        place = pa.array(np.where(there, np.cumsum(there) - 1, 0), mask=~there)
        for field in columns.AREA_COLUMNS:
            rows = rows.append_column(field, found[field.name].take(place).cast(field.type))
        return rows

    def _locate(self, lat: Any, lon: Any, day: Any) -> dict[str, pa.Array]:
        area = self._boundaries.find(lat, lon, day)
        area = pa.array(np.where(area == NOWHERE, len(self._boundaries.areas), area))
        road = self._roads.find(lat, lon, day)
        points = list(zip(lat.tolist(), lon.tolist(), strict=True))
        cells = {
            column: pa.array(
                [h3.latlng_to_cell(*point, resolution) for point in points], pa.int64()
            )
            for column, resolution in _H3_RESOLUTIONS.items()
        }
        return (
            {column: names.take(area) for column, names in self._areas.items()}
            | cells
            | {
                "road": pa.array(road.road, pa.string()),
                "chainage_m": pa.array(road.chainage_m, pa.float64(), from_pandas=True),
                "road_offset_m": pa.array(road.offset_m, pa.float64(), from_pandas=True),
            }
        )


def _numbers(column: pa.ChunkedArray) -> Any:
    """As floats, null as NaN."""
    return column.to_numpy()


def _days(rows: pa.Table) -> Any:
    """Local day of each row."""
    undated = pc.equal(rows[columns.DATE], columns.UNDATED)
    day = pc.if_else(undated, columns.partition_dates(rows["received_utc"]), rows[columns.DATE])
    return np.asarray(day.to_numpy(), dtype="datetime64[D]")
