"""What is there already, beside which a new layer must make sense."""

from typing import NamedTuple

from collector.config import Config
from collector.geo import configured
from collector.geo.areas import AreaSets
from collector.geo.layer import Kind, Layer
from collector.geo.roads import Roads


class Surroundings(NamedTuple):
    """The other layers, without those that the new one takes the place of."""

    area_sets: AreaSets
    roads: tuple[Layer, ...]
    operators: frozenset[str]
    """Names of the networks; empty where nobody said them."""

    def roads_now(self) -> Roads:
        """The centre lines that are there."""
        return Roads(self.roads)


def surroundings(config: Config, operators: frozenset[str], *, without: str) -> Surroundings:
    """As the configuration and the library have them, but for the library's layer of that name.

    Raises `ConfigError` or `LibraryError`.
    """
    areas, roads = (
        (
            *configured.files_in_place(config, kind),
            *(one for one in configured.library(config).layers(kind) if one.name != without),
        )
        for kind in (Kind.BOUNDARIES, Kind.ROADS)
    )
    return Surroundings(AreaSets(areas), roads, operators)
