"""The plan of a fleet's calendar month: which probe stops where and when, and what is true there.

Each probe looks after a few communes and spends a day in one of them at a time: seven stops from
morning to evening, rotating through five places. How good a network is in a commune is drawn from
the seed; `Month.truth` tells it, so that a verdict can be compared with what it should have found.
"""

import json
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from random import Random
from typing import NamedTuple

import msgspec
import numpy as np
import shapely
from shapely.geometry import shape

from sim.world import World
from sim.world.places import COMMUNES_FILE, Commune, geo_dir, read_communes
from sim.world.radio import Bools, RadioMap, load_share
from sim.world.route import Floats, distance_m, metres_per_degree
from sim.world.technology import Technology

LOCAL = timezone(timedelta(hours=7))
"""Viet Nam, all year."""

STOP_HOURS = (7, 9, 11, 14, 16, 18, 20)
BRIEF_STOP_HOURS = (7, 20)
"""In communes visited too briefly for a verdict."""
SILENT_COMMUNES = 3
"""Their probe is in the workshop: no data."""
BRIEF_COMMUNES = 5
PLACES = 5
PLACE_DISTANCE_M = 600.0

ALLOWED_4G = frozenset({Technology.LTE})
ALLOWED_5G = frozenset({Technology.LTE, Technology.NR_NSA, Technology.NR_SA})

_CANDIDATES = 160
_CANDIDATE_SPREAD_M = 2_500.0
_PLACE_SIGMA = 0.12
_TOWN_FACTOR = 1.2
_NETWORK_SIGMA = 0.16
_MEAN_LOAD = 0.5
_RATES_MBIT_S: Mapping[str, tuple[float, float]] = {
    "45201": (40.0, 0.0),
    "45202": (47.0, 138.0),
    "45204": (54.0, 88.0),
}
"""4G and 5G in an average commune of an average hour, by PLMN."""
_FAILED_SHARES = ((0.75, 0.005), (0.15, 0.025), (0.1, 0.1))
_POOR_VIDEO_SHARES = ((0.75, 0.0015), (0.1, 0.03), (0.15, 0.22))
"""How often, and then which share."""


class Network(NamedTuple):
    """How one operator is in one commune, place and hour aside."""

    rate_4g_mbit_s: float
    rate_5g_mbit_s: float
    failed_share: float
    """Of capacity tests."""
    poor_video_share: float
    """Of video sessions that fail or stay below the rate of target T5."""


class Place(NamedTuple):
    """Where a probe stops."""

    lat_deg: float
    lon_deg: float
    factor: float
    """How rates there compare with the commune's."""
    plmns_5g: frozenset[str]
    """Operators with 5G there."""


class Stop(NamedTuple):
    """One planned stop."""

    commune: str
    place: Place
    start: datetime

    @property
    def factor(self) -> float:
        """How rates compare with the commune's, at this place and hour."""
        load = float(load_share(np.array(self.start.timestamp())))
        return self.place.factor * (1 - load) / (1 - _MEAN_LOAD)


class Quality(msgspec.Struct, frozen=True, kw_only=True):
    """What is true of one operator in one commune during the month."""

    commune: str
    district: str
    plmn: str
    operator: str
    stops: int
    stops_5g: int
    mean_4g_mbit_s: float
    """Of tests that finish, over the planned stops."""
    mean_5g_mbit_s: float | None
    """None where 5G is not tested."""
    failed_share: float
    video_share: float
    """Of video sessions that reach the rate of target T5."""


class Month:
    """The stops of one month for a fleet; the same for the same world, month and seed."""

    def __init__(
        self,
        world: World,
        radio: RadioMap,
        *,
        first_day: date,
        probes: Sequence[str],
        seed: int,
    ) -> None:
        """Plan the month that begins on `first_day`."""
        self.days = _days(first_day)
        self.world = world
        self.radio = radio
        self.seed = seed
        self._communes = {commune.code: commune for commune in read_communes()}
        self.silent, self._brief = _exceptions(list(self._communes), seed)
        """Codes of the communes nobody visits."""
        self._networks = {
            (commune.code, operator.plmn): _draw_network(commune, operator.plmn, seed)
            for commune in self._communes.values()
            for operator in world.operators
        }
        self._places = self._choose_places()
        share = math.ceil(len(self._places) / len(probes))
        codes = list(self._places)
        self._beats = {
            probe: tuple(codes[number * share : (number + 1) * share])
            for number, probe in enumerate(probes)
        }

    def stops(self, probe: str, day: date) -> tuple[Stop, ...]:
        """Where the probe stops on one local day, in order."""
        number = self.days.index(day)
        beat = self._beats[probe]
        if not beat:
            return ()
        commune = beat[number % len(beat)]
        visit = number // len(beat)
        hours = BRIEF_STOP_HOURS if commune in self._brief else STOP_HOURS
        places = self._places[commune]
        dice = Random(f"{self.seed}-{probe}-{day}")  # noqa: S311  # a plan, not a secret
        return tuple(
            Stop(
                commune,
                places[(visit * len(hours) + index) % len(places)],
                datetime.combine(day, time(hour, dice.randrange(45)), LOCAL).astimezone(UTC),
            )
            for index, hour in enumerate(hours)
        )

    def network(self, commune: str, plmn: str) -> Network:
        """How an operator is in a commune."""
        return self._networks[commune, plmn]

    def truth(self) -> tuple[Quality, ...]:
        """What is true of each operator in each commune that is visited."""
        visits: dict[str, list[Stop]] = defaultdict(list)
        for probe in self._beats:
            for day in self.days:
                for stop in self.stops(probe, day):
                    visits[stop.commune].append(stop)
        return tuple(
            self._quality(self._communes[code], operator.plmn, operator.name, visits[code])
            for code in sorted(visits)
            for operator in self.world.operators
        )

    def _quality(
        self, commune: Commune, plmn: str, operator: str, stops: Sequence[Stop]
    ) -> Quality:
        network = self.network(commune.code, plmn)
        stops_5g = [stop for stop in stops if plmn in stop.place.plmns_5g]
        return Quality(
            commune=commune.code,
            district=commune.district_code,
            plmn=plmn,
            operator=operator,
            stops=len(stops),
            stops_5g=len(stops_5g),
            mean_4g_mbit_s=network.rate_4g_mbit_s * _mean_factor(stops),
            mean_5g_mbit_s=network.rate_5g_mbit_s * _mean_factor(stops_5g) if stops_5g else None,
            failed_share=network.failed_share,
            video_share=1 - network.poor_video_share,
        )

    def _choose_places(self) -> dict[str, tuple[Place, ...]]:
        """Places in every visited commune: far enough apart, those with 5G first."""
        areas = _areas()
        chosen = {}
        for commune in self._communes.values():
            if commune.code in self.silent:
                continue
            dice = np.random.default_rng([self.seed, int(commune.code)])
            lat_m, lon_m = metres_per_degree(commune.lat_deg)
            spread_m = dice.normal(0, _CANDIDATE_SPREAD_M, (2, _CANDIDATES))
            spread_m[:, 0] = 0  # the representative point lies inside in any case
            lat = commune.lat_deg + spread_m[0] / lat_m
            lon = commune.lon_deg + spread_m[1] / lon_m
            inside = shapely.contains_xy(areas[commune.code], lon, lat)
            chosen[commune.code] = self._apart(lat[inside], lon[inside], dice)
        return chosen

    def _apart(self, lat: Floats, lon: Floats, dice: np.random.Generator) -> tuple[Place, ...]:
        noon = datetime.combine(self.days[0], time(12), LOCAL).timestamp()
        with_5g: dict[str, Bools] = {}
        for operator in self.world.operators:
            survey = self.radio.survey(operator.plmn, lat, lon, noon, ALLOWED_5G)
            with_5g[operator.plmn] = survey.nr_sa | survey.nr_leg
        count = np.sum(list(with_5g.values()), axis=0)
        preferred = np.argsort(-count, kind="stable")
        places: list[Place] = []
        for index in preferred:
            here = (float(lat[index]), float(lon[index]))
            if all(distance_m(here, place[:2]) >= PLACE_DISTANCE_M for place in places):
                plmns = frozenset(plmn for plmn, has in with_5g.items() if has[index])
                places.append(Place(*here, float(dice.lognormal(0, _PLACE_SIGMA)), plmns))
            if len(places) == PLACES:
                break
        return tuple(places)


def previous_month(now: datetime) -> date:
    """First day of the last calendar month that is over in Viet Nam."""
    this = now.astimezone(LOCAL).date().replace(day=1)
    return (this - timedelta(days=1)).replace(day=1)


def _days(first: date) -> tuple[date, ...]:
    after = (first + timedelta(days=32)).replace(day=1)
    return tuple(first + timedelta(days=offset) for offset in range((after - first).days))


def _mean_factor(stops: Sequence[Stop]) -> float:
    return math.fsum(stop.factor for stop in stops) / len(stops)


def _exceptions(codes: Sequence[str], seed: int) -> tuple[frozenset[str], frozenset[str]]:
    """Communes nobody visits, and those visited only briefly."""
    dice = Random(f"{seed}-exceptions")  # noqa: S311  # a plan, not a secret
    drawn = dice.sample(sorted(codes), SILENT_COMMUNES + BRIEF_COMMUNES)
    return frozenset(drawn[:SILENT_COMMUNES]), frozenset(drawn[SILENT_COMMUNES:])


def _draw_network(commune: Commune, plmn: str, seed: int) -> Network:
    dice = Random(f"{seed}-{commune.code}-{plmn}")  # noqa: S311  # a plan, not a secret
    town = commune.type in {"Phường", "Thị trấn"}
    factor = dice.lognormvariate(0, _NETWORK_SIGMA) * (_TOWN_FACTOR if town else 1.0)
    rate_4g, rate_5g = _RATES_MBIT_S[plmn]
    return Network(
        rate_4g_mbit_s=rate_4g * factor,
        rate_5g_mbit_s=rate_5g * dice.lognormvariate(0, _NETWORK_SIGMA),
        failed_share=_drawn(dice, _FAILED_SHARES),
        poor_video_share=_drawn(dice, _POOR_VIDEO_SHARES),
    )


def _drawn(dice: Random, shares: Sequence[tuple[float, float]]) -> float:
    """One of the values, each as often as its weight says."""
    weights = [weight for weight, _ in shares]
    return dice.choices([value for _, value in shares], weights)[0]


def _areas() -> dict[str, shapely.Geometry]:
    text = (geo_dir() / COMMUNES_FILE).read_text(encoding="utf-8")
    return {
        feature["properties"]["code"]: shape(feature["geometry"])
        for feature in json.loads(text)["features"]
    }
