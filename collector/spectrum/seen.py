"""What the lake knows of carriers and cells: the only part of the spectrum that asks it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from collector.kpi import Operator, Period
from collector.spectrum import cells
from collector.spectrum.carrier import Carrier, carriers
from collector.spectrum.provinces import Place, Province
from collector.spectrum.symptom import CellHour
from collector.spectrum.tv_sites import Point
from wire.cells import Rat


class SeenCarrier(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier of one network, as modems reported it."""

    plmn: str
    operator: str | None
    """Its name; None for a network the configuration does not name."""
    rat: Rat
    arfcn: int
    band: int | None
    bandwidth_mhz: float | None
    looks: int
    cells: int

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """In MHz; empty where band and channel number contradict each other."""
        return carriers(self.rat, self.arfcn, band=self.band, bandwidth_mhz=self.bandwidth_mhz)


class SeenCell(msgspec.Struct, frozen=True, kw_only=True):
    """One cell on one carrier with its hours."""

    plmn: str
    operator: str | None
    rat: Rat
    leg: bool
    """Whether it is the NR leg of EN-DC; `cell_id` is then its LTE anchor's."""
    cell_id: int
    pci: int | None
    arfcn: int
    band: int | None
    bandwidth_mhz: float | None
    communes: tuple[str, ...]
    """Codes of those it was heard in."""
    heard_at: Point | None
    """Where it was heard, by the median of its hours: not where its site stands."""
    hours: tuple[CellHour, ...]

    @property
    def carriers(self) -> tuple[Carrier, ...]:
        """In MHz; empty where band and channel number contradict each other."""
        return carriers(self.rat, self.arfcn, band=self.band, bandwidth_mhz=self.bandwidth_mhz)


class Looked(NamedTuple):
    """Where in the lake to look: a period, and an area or one cell of it."""

    period: Period
    place: Place | None = None
    provinces: tuple[Province, ...] = ()
    """All that are known, to tell those of `place` from the others."""
    plmn: str | None = None
    cell_id: int | None = None

    def rows(self, radio: Any) -> Any:
        """The rows of the table `radio` it means."""
        found = cells.in_period(radio, self.period)
        if self.place is not None and self.place.whole:
            asked = [one for one in self.provinces if one.name in self.place.provinces]
            found = cells.in_provinces(found, asked, self.provinces)
        elif self.place is not None:
            found = cells.in_area(found, self.place.asked)
        if self.plmn is not None and self.cell_id is not None:
            found = cells.of_cell(found, plmn=self.plmn, cell_id=self.cell_id)
        return found


def seen_carriers(
    radio: Any, where: Looked, operators: Sequence[Operator]
) -> tuple[SeenCarrier, ...]:
    """Carriers that were heard, by network and frequency."""
    names = _names(operators)
    found = cells.carriers_seen(where.rows(radio)).to_pyarrow().to_pylist()
    made = (
        SeenCarrier(**{**one, "rat": Rat(one["rat"])}, operator=names.get(one["plmn"]))
        for one in found
    )
    return tuple(sorted(made, key=_carrier_order))


def seen_cells(radio: Any, where: Looked, operators: Sequence[Operator]) -> tuple[SeenCell, ...]:
    """Cells that were heard, each with its clock hours in order."""
    names = _names(operators)
    by_cell = defaultdict(list)
    for hour in cells.cell_hours(where.rows(radio)).to_pyarrow().to_pylist():
        by_cell[tuple(hour[name] for name in cells.CELL)].append(hour)
    made = (_cell(key, hours, names) for key, hours in by_cell.items())
    return tuple(sorted(made, key=_cell_order))


def left_out(radio: Any, where: Looked) -> dict[str, int]:
    """Looks that do not count, by reason."""
    found = cells.left_out(where.rows(radio)).to_pyarrow().to_pylist()
    return {one["reason"]: one["looks"] for one in sorted(found, key=lambda one: one["reason"])}


def _cell(key: tuple[Any, ...], hours: list[dict[str, Any]], names: Mapping[str, str]) -> SeenCell:
    of = dict(zip(cells.CELL, key, strict=True))
    hours = sorted(hours, key=lambda one: one["hour"])
    return SeenCell(
        **{**of, "rat": Rat(of["rat"])},
        operator=names.get(of["plmn"]),
        band=_last(hours, "band"),
        bandwidth_mhz=_last(hours, "bandwidth_mhz"),
        communes=tuple(sorted({code for one in hours for code in one["communes"] or ()})),
        heard_at=_middle(hours),
        hours=tuple(
            CellHour(**{name: one[name] for name in CellHour.__struct_fields__}) for one in hours
        ),
    )


def _last(hours: list[dict[str, Any]], name: str) -> Any:
    """What the latest hour that knows it says."""
    return next((one[name] for one in reversed(hours) if one[name] is not None), None)


def _middle(hours: list[dict[str, Any]]) -> Point | None:
    placed = sorted(
        (one["lat_deg"], one["lon_deg"])
        for one in hours
        if one["lat_deg"] is not None and one["lon_deg"] is not None
    )
    if not placed:
        return None
    lat_deg, lon_deg = placed[len(placed) // 2]
    try:
        return Point(lat_deg=lat_deg, lon_deg=lon_deg)
    except ValueError:
        return None


def _names(operators: Sequence[Operator]) -> dict[str, str]:
    return {plmn: one.name for one in operators for plmn in one.plmns}


def _carrier_order(one: SeenCarrier) -> tuple[Any, ...]:
    return (one.plmn, one.rat, one.band or 0, one.arfcn, one.bandwidth_mhz or 0)


def _cell_order(one: SeenCell) -> tuple[Any, ...]:
    return (one.plmn, one.rat, one.cell_id, one.arfcn, one.pci or 0)
