"""A province and what its probes recorded, written as an installation would have it."""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from sim.province.areas import Areas
from sim.province.counts import Counts
from sim.province.deliveries import Deliveries
from sim.province.drives import SHIFT_DB, SHIFTED, VEHICLES, Drives
from sim.province.gaps import choose_points, expected_gaps, visit_rows, visits_to
from sim.province.ispeed import expected_samples
from sim.province.means import expected_4g, expected_5g
from sim.province.networks import Networks
from sim.province.others import (
    expected_centres,
    expected_gsm,
    expected_people,
    expected_ranking,
)
from sim.province.papers import write_papers
from sim.province.people import populations
from sim.province.places import choose_places
from sim.province.population import Population
from sim.province.probe import Boot, Probe, Row
from sim.province.roadsides import expected_roads, road_gaps, road_stretches
from sim.province.scans import scan_rows
from sim.province.scenario import Month, Scenario
from sim.province.schedule import WRONG_CLOCK, Plan, Schedule
from sim.province.shares import expected_shares
from sim.province.stops import Tester
from sim.province.truth import Expected, Truth

TRUTH_FILE = "truth.json"


class Province:
    """Everything about one scenario."""

    def __init__(self, scenario: Scenario, areas: Areas) -> None:
        """Draw the networks and plan the fleet; nothing is written yet."""
        self.scenario = scenario
        self._areas = areas
        self._networks = Networks(scenario)
        self._places = choose_places(scenario, areas, self._networks)
        self._points = choose_points(scenario, areas, self._places)
        self._schedule = Schedule(scenario, self._places)
        self._drives = Drives(scenario)
        self._people = populations(scenario, areas)
        self._visits: Counter[tuple[str, Month]] = Counter()

    @property
    def parts(self) -> int:
        """How many times `write` calls back."""
        return (len(self._schedule.probes) + len(VEHICLES)) * len(self.scenario.months)

    def write(self, folder: Path, on_progress: Callable[[int], None]) -> Truth:
        """Write everything below `folder`; `on_progress` gets the records made so far."""
        folder.mkdir(parents=True, exist_ok=True)
        write_papers(
            folder,
            scenario=self.scenario,
            areas=self._areas,
            points=self._points,
            people=self._people,
            networks=self._networks,
        )
        counts = Counts()
        deliveries = Deliveries(folder)
        made = 0
        for index, probe, month, boots, rows in self._months(counts):
            made += deliveries.write(index, month, probe.records(boots, rows))
            on_progress(made)
        population = Population(self._networks, self._places, counts)
        truth = Truth(
            seed=self.scenario.seed,
            months=tuple(month.label for month in self.scenario.months),
            communes=self.scenario.communes,
            roads={name: route.length_m for name, route in self._drives.routes.items()},
            made=deliveries.made(),
            shifted_vehicle=(SHIFTED, SHIFT_DB),
            wrong_clock=(
                self._schedule.probes[WRONG_CLOCK]
                if len(self._schedule.probes) > WRONG_CLOCK
                else None
            ),
            expected=tuple(self._expected(population)),
            gaps=tuple(road_gaps(self.scenario, self._drives)),
            stretches=tuple(road_stretches(self.scenario)),
        )
        (folder / TRUTH_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(truth), indent=1))
        return truth

    def _months(
        self, counts: Counts
    ) -> Iterator[tuple[int, Probe, Month, tuple[Boot, ...], Iterator[Row]]]:
        """Each probe's months in order, one probe after the other."""
        seed = self.scenario.seed
        tester = Tester(self.scenario, self._networks, self._places, counts)
        for index, name in enumerate(self._schedule.probes):
            probe = Probe(name, seed)
            for month in self.scenario.months:
                plan = self._schedule.plan(index, month)
                for commune in visits_to(self._points, plan):
                    self._visits[commune, month] += 1

                def rows(
                    index: int = index, month: Month = month, plan: Plan = plan
                ) -> Iterator[Row]:
                    yield from tester.rows(index, month, plan)
                    yield from visit_rows(self.scenario, self._points, index, month, plan)
                    yield from scan_rows(plan)

                yield index, probe, month, plan.boots, rows()
        for number, name in enumerate(VEHICLES):
            probe = Probe(name, seed)
            for month in self.scenario.months:
                boots = self._drives.boots(name, month)
                yield 100 + number, probe, month, boots, self._drives.rows(name, month)

    def _expected(self, population: Population) -> Iterator[Expected]:
        yield from expected_4g(self.scenario, self._areas, population, self._people)
        yield from expected_5g(self.scenario, self._areas, population)
        yield from expected_shares(self.scenario, self._areas, population)
        yield from expected_roads(self.scenario)
        yield from expected_samples(self.scenario, self._areas)
        yield from expected_gaps(self.scenario, self._points, self._visits)
        yield from expected_gsm(self.scenario)
        yield from expected_centres(self.scenario, self._areas, self._networks, self._schedule)
        yield from expected_people(self.scenario, self._areas, self._networks, self._people)
        yield from expected_ranking(self.scenario, self._areas, self._networks)
