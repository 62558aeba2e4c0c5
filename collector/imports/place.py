"""What foreign names and positions are understood by: the areas and the operators in use."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from collector.config import Config
from collector.geo import configured
from collector.imports.communes import CommuneArea
from collector.kpi import Operator
from collector.targets.operators import operators


class Boundaries(Protocol):
    """What is asked of `collector.geo.boundaries`."""

    @property
    def areas(self) -> Sequence[CommuneArea]:
        """All communes of all sets."""

    def find(self, lat_deg: Any, lon_deg: Any, day: Any) -> Any:
        """Index into `areas`, or -1, for arrays of points and days."""


class Place(NamedTuple):
    """The areas and the operators in use."""

    boundaries: Boundaries
    operators: Sequence[Operator]


def of(config: Config) -> Place:
    """As the configuration names them; raises `ConfigError` or `TargetError`."""
    return Place(configured.boundaries(config), operators(config.targets.operators))
