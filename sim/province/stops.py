"""The rows of a probe's month at its stops: radio, capacity, video and data checks.

Every number that a verdict rests on is drawn around the planted truth of `sim.province.networks`;
which tests count is written to `sim.province.counts` while they are made.
"""

from collections.abc import Iterator

import numpy as np

from sim.province.counts import Counts
from sim.province.networks import HOUR_FACTORS, Networks
from sim.province.operators import OPERATORS
from sim.province.places import Places
from sim.province.probe import Row
from sim.province.scenario import Month, Scenario
from sim.province.schedule import Plan, Stop
from sim.province.visit import Visit


class Tester:
    """Makes the rows of stops and counts the tests among them that count."""

    def __init__(
        self,
        scenario: Scenario,
        networks: Networks,
        places: dict[str, Places],
        counts: Counts,
    ) -> None:
        """Everything is drawn from the scenario's seed, the probe and the month."""
        self._seed = scenario.seed
        self._networks = networks
        self._places = places
        self._counts = counts

    def rows(self, probe: int, month: Month, plan: Plan) -> Iterator[Row]:
        """All rows of one probe's stops in a month, not in order."""
        dice = np.random.default_rng([self._seed, 4, probe, month.number])
        for stop in plan.stops:
            for operator in range(len(OPERATORS)):
                quality = self._networks.quality(stop.commune, operator, month)
                visit = Visit(
                    stop,
                    operator,
                    quality=quality,
                    month=month,
                    factor=self._factor(stop),
                    dice=dice,
                )
                yield from visit.rows(self._networks.is_centre(stop.commune), self._counts)

    def _factor(self, stop: Stop) -> float:
        """How rates compare with the commune's at this place and hour."""
        place = self._places[stop.commune].factors[stop.place_index]
        return float(place * HOUR_FACTORS[stop.hour_index])
