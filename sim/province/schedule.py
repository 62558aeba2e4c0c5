"""Which probe is where: three communes each, a day in one of them at a time, eight stops a day."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sim.province.networks import HOURS
from sim.province.places import Place, Places
from sim.province.probe import Boot, Clock
from sim.province.scenario import Month, Scenario

BEAT = 3
"""Communes a probe looks after."""
BOOT_HOUR = 6
ANCHOR_HOUR = 22
"""When a wrong clock is put right: after the day's last stop."""
WRONG_CLOCK = 1
"""Index of the probe whose battery clock is dead."""
LATEST_MINUTE = 36
"""A stop begins by then, so that all its tests fall in one clock hour."""

_CLOCKS = (Clock.UNSYNCED, Clock.LONG_AGO, Clock.RESTORED, Clock.LAST_YEAR)
_LOST_DAY = 17
"""On this day of the month the wrong clock is never put right."""
_BRIEF_EVERY, _BRIEF = 13, 5
_BRIEF_DAYS = 2
_WORKSHOP_EVERY = 11


class Stop(NamedTuple):
    """One planned stop."""

    at_ms: int
    commune: str
    place: Place
    place_index: int
    hour_index: int
    dated: bool
    """Whether its time will ever be known."""


class Plan(NamedTuple):
    """One probe's month."""

    boots: tuple[Boot, ...]
    stops: tuple[Stop, ...]
    visits: dict[str, tuple[int, ...]]
    """Days of the month on which each commune is visited, of those with a known time."""


class Schedule:
    """Who looks after which communes."""

    def __init__(self, scenario: Scenario, places: dict[str, Places]) -> None:
        """Deal the communes out in order, neighbours together."""
        self._scenario = scenario
        self._places = places
        codes = scenario.communes
        self.probes = tuple(f"dn-{n + 1:02}" for n in range(math.ceil(len(codes) / BEAT)))
        self.beats = tuple(codes[n * BEAT : (n + 1) * BEAT] for n in range(len(self.probes)))

    def in_workshop(self, probe: int, month: Month) -> bool:
        """Whether it measures nothing this month."""
        return (probe * 7 + month.number) % _WORKSHOP_EVERY == 0

    def plan(self, probe: int, month: Month) -> Plan:
        """Its month: without stops where it is in the workshop."""
        if self.in_workshop(probe, month):
            return Plan((), (), {})
        dice = np.random.default_rng([self._scenario.seed, 3, probe, month.number])
        boots: list[Boot] = []
        stops: list[Stop] = []
        visits: dict[str, list[int]] = {}
        for day, commune in self._days(self.beats[probe], month):
            boot = _boot(month, day, wrong=probe == WRONG_CLOCK)
            boots.append(boot)
            if boot.dated:
                visits.setdefault(commune, []).append(day)
            stops += self._stops(month, day, commune, boot, dice)
        return Plan(
            tuple(boots), tuple(stops), {code: tuple(days) for code, days in visits.items()}
        )

    def _days(self, beat: Sequence[str], month: Month) -> Iterator[tuple[int, str]]:
        for day in range(1, month.days + 1):
            commune = beat[(day - 1) % len(beat)]
            visit = (day - 1) // len(beat)
            if int(commune) % _BRIEF_EVERY != _BRIEF or visit < _BRIEF_DAYS:
                yield day, commune

    def _stops(
        self, month: Month, day: int, commune: str, boot: Boot, dice: np.random.Generator
    ) -> Iterator[Stop]:
        places = self._places[commune].places
        which = dice.integers(0, len(places), len(HOURS)).tolist()
        minutes = dice.integers(0, LATEST_MINUTE, len(HOURS)).tolist()
        for index, hour in enumerate(HOURS):
            yield Stop(
                at_ms=month.at_ms(day, hour) + minutes[index] * 60_000,
                commune=commune,
                place=places[which[index]],
                place_index=which[index],
                hour_index=index,
                dated=boot.dated,
            )


def _boot(month: Month, day: int, *, wrong: bool) -> Boot:
    at_ms = month.at_ms(day, BOOT_HOUR)
    if not wrong:
        return Boot(at_ms)
    anchored_ms = None if day == _LOST_DAY else month.at_ms(day, ANCHOR_HOUR)
    return Boot(at_ms, _CLOCKS[day % len(_CLOCKS)], anchored_ms)
