"""Areas, roads and operators as the collector's configuration names them."""

from datetime import date, datetime

from collector.config import Config
from collector.geo import boundaries, configured
from collector.kpi import Area, Ground, Road
from collector.targets.operators import operators
from collector.targets.periods import VIET_NAM


class Geography:
    """What the configuration names, read once; which areas there are depends on the day."""

    def __init__(self, config: Config) -> None:
        """Read it; raises `collector.config.ConfigError` or `TargetError`."""
        self._areas = configured.boundaries(config).areas
        roads = configured.roads(config)
        self._roads = tuple(
            Road(code=name, name=name, length_m=length_m)
            for name, length_m in roads.lengths_m.items()
        )
        self._demo_roads = roads.demo
        self._operators = operators(config.targets.operators)

    def ground(self, at: datetime) -> Ground:
        """What is judged, by the first boundary set that has areas on that day."""
        day = at.astimezone(VIET_NAM).date()
        known = [area for area in self._areas if _valid(area, day)]
        boundary_set = known[0].boundary_set if known else None
        communes = [area for area in known if area.boundary_set == boundary_set]
        return Ground(
            boundary_set=boundary_set,
            areas=(*_around(communes), *(_commune(area) for area in communes)),
            roads=self._roads,
            operators=self._operators,
            demo=self._demo_roads or any(area.demo for area in communes),
        )


def _valid(area: boundaries.Area, day: date) -> bool:
    return (area.valid_from is None or area.valid_from <= day) and (
        area.valid_to is None or day <= area.valid_to
    )


def _commune(area: boundaries.Area) -> Area:
    around = {"district": area.district_code, "province": area.province_code}
    return Area(
        level="commune",
        code=area.code,
        name=area.name,
        within={level: code for level, code in around.items() if code is not None},
    )


def _around(communes: list[boundaries.Area]) -> tuple[Area, ...]:
    """The districts and provinces that the communes say they lie in."""
    found: dict[tuple[str, str], Area] = {}
    for area in communes:
        if area.province_code is not None:
            found["province", area.province_code] = Area(
                level="province",
                code=area.province_code,
                name=area.province or area.province_code,
            )
        if area.district_code is not None:
            found["district", area.district_code] = Area(
                level="district",
                code=area.district_code,
                name=area.district or area.district_code,
                within={"province": area.province_code} if area.province_code else {},
            )
    return tuple(found.values())
