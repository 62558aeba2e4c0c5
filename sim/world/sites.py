"""Places the cells of the demo's operators: along the roads and at the communes.

Along a road the sites of one operator stand close enough that the road is served throughout;
away from the roads there is one site for a commune, so that the land between has weak places.
"""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from sim.world.route import Place, Route, metres_per_degree
from sim.world.technology import Cell, Operator, Technology
from wire.cells import Rat

ROAD_SPACING_M = 2_800.0
"""Between the sites of one operator along a road."""
COMMUNE_SHARE = 0.9
"""Of the communes have a site of a given operator; towns always do."""


class Anchor(msgspec.Struct, frozen=True, kw_only=True):
    """A place where people live."""

    lat_deg: float
    lon_deg: float
    area: int
    """Sites of one area share a tracking area."""
    town: bool


class Carrier(NamedTuple):
    """A channel an operator uses."""

    rat: Rat
    arfcn: int
    band: int
    bandwidth_mhz: float
    scs_khz: int | None
    duplex: str
    reference_dbm: float


LTE_CARRIERS: Mapping[str, tuple[Carrier, ...]] = {
    "45201": (
        Carrier(Rat.LTE, 1400, 3, 20, None, "FDD", 29.0),
        Carrier(Rat.LTE, 150, 1, 10, None, "FDD", 28.0),
    ),
    "45202": (
        Carrier(Rat.LTE, 1600, 3, 20, None, "FDD", 29.0),
        Carrier(Rat.LTE, 300, 1, 15, None, "FDD", 28.0),
    ),
    "45204": (
        Carrier(Rat.LTE, 1825, 3, 20, None, "FDD", 29.5),
        Carrier(Rat.LTE, 500, 1, 10, None, "FDD", 28.0),
    ),
}
"""The first at every site, the others in towns; the networks' real channels may differ."""
NR_CARRIERS: Mapping[str, Carrier] = {
    "45202": Carrier(Rat.NR, 650000, 78, 100, 30, "TDD", 34.0),
    "45204": Carrier(Rat.NR, 510000, 41, 100, 30, "TDD", 33.0),
}
GSM_CARRIERS: Mapping[str, Carrier] = {
    "45201": Carrier(Rat.GSM, 62, 8, 0.2, None, "FDD", 50.0),
    "45202": Carrier(Rat.GSM, 96, 8, 0.2, None, "FDD", 50.0),
}


class _Site(NamedTuple):
    lat_deg: float
    lon_deg: float
    area: int
    town: bool
    nr: bool


def plan_cells(
    operators: Sequence[Operator],
    *,
    anchors: Sequence[Anchor],
    routes: Mapping[str, Route],
    nr_routes: Collection[str],
    seed: int,
) -> tuple[Cell, ...]:
    """The cells of all operators; NR stands in towns and along `nr_routes`."""
    return tuple(
        cell
        for operator in operators
        for number, site in enumerate(
            _sites(operator, anchors=anchors, routes=routes, nr_routes=nr_routes, seed=seed)
        )
        for cell in _cells(operator, number, site)
    )


def _sites(
    operator: Operator,
    *,
    anchors: Sequence[Anchor],
    routes: Mapping[str, Route],
    nr_routes: Collection[str],
    seed: int,
) -> Iterator[_Site]:
    dice = random.Random(f"{seed}-{operator.plmn}")  # noqa: S311 - a plan, not a secret
    for anchor in anchors:
        aside = (dice.uniform(-300, 300), dice.uniform(-300, 300))
        if anchor.town or dice.random() < COMMUNE_SHARE:
            yield _site(anchor.lat_deg, anchor.lon_deg, aside, anchor, nr=anchor.town)
    for name, route in routes.items():
        chainage_m = dice.uniform(200, ROAD_SPACING_M / 2)
        while chainage_m < route.length_m:
            place = route.at(chainage_m)
            aside = (dice.choice((-1, 1)) * dice.uniform(80, 300), dice.uniform(-100, 100))
            nearest = _nearest(anchors, place)
            yield _site(place.lat_deg, place.lon_deg, aside, nearest, nr=name in nr_routes)
            chainage_m += ROAD_SPACING_M


def _nearest(anchors: Sequence[Anchor], place: Place) -> Anchor:
    return min(
        anchors,
        key=lambda anchor: (
            (anchor.lat_deg - place.lat_deg) ** 2 + (anchor.lon_deg - place.lon_deg) ** 2
        ),
    )


def _site(
    lat_deg: float, lon_deg: float, aside_m: tuple[float, float], anchor: Anchor, *, nr: bool
) -> _Site:
    lat_m, lon_m = metres_per_degree(lat_deg)
    return _Site(
        round(lat_deg + aside_m[0] / lat_m, 5),
        round(lon_deg + aside_m[1] / lon_m, 5),
        anchor.area,
        anchor.town,
        nr,
    )


def _cells(operator: Operator, number: int, site: _Site) -> Iterator[Cell]:
    network = int(operator.plmn[3:])
    lte = LTE_CARRIERS[operator.plmn]
    node = 600_000 + network * 10_000 + number
    for sector, carrier in enumerate(lte if site.town else lte[:1]):
        yield _cell(operator, site, carrier, cell_id=node << 8 | sector + 1, code=number * 37 % 504)
    if site.nr and {Technology.NR_NSA, Technology.NR_SA} & set(operator.technologies):
        yield _cell(
            operator,
            site,
            NR_CARRIERS[operator.plmn],
            cell_id=node << 12 | 1,
            code=number * 41 % 1008,
        )
    if Technology.GSM in operator.technologies:
        yield _cell(
            operator,
            site,
            GSM_CARRIERS[operator.plmn],
            cell_id=network << 12 | number,
            code=number % 64,
        )


def _cell(operator: Operator, site: _Site, carrier: Carrier, *, cell_id: int, code: int) -> Cell:
    return Cell(
        plmn=operator.plmn,
        rat=carrier.rat,
        lat_deg=site.lat_deg,
        lon_deg=site.lon_deg,
        cell_id=cell_id,
        area_code=(int(operator.plmn[3:]) << 12) + site.area,
        code=code,
        arfcn=carrier.arfcn,
        band=carrier.band,
        bandwidth_mhz=carrier.bandwidth_mhz,
        scs_khz=carrier.scs_khz,
        duplex=carrier.duplex,
        reference_dbm=carrier.reference_dbm,
    )
