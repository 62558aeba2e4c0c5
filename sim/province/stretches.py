"""What is planted on the roads: gaps of chosen lengths, tunnels, and parts nobody drives."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sim.province.operators import OPERATORS
from sim.province.scenario import Month
from sim.province.service import Service

ALWAYS = range(10**6)
ALL = tuple(one.plmn for one in OPERATORS)

Interval = tuple[float, float]


class Stretch(NamedTuple):
    """A part of a road where some operators serve otherwise than with broadband."""

    road: str
    start_m: float
    length_m: float
    service: Service
    plmns: tuple[str, ...]
    months: Sequence[int]
    """Numbers of the months in which it is so."""

    @property
    def end_m(self) -> float:
        """Chainage at which it ends."""
        return self.start_m + self.length_m


class Blank(NamedTuple):
    """A part of a road without rows, or without positions."""

    road: str
    start_m: float
    end_m: float
    months: Sequence[int]


STRETCHES = (
    Stretch("QL14-demo", 20_013.0, 3_000.0, Service.NONE, ("45201",), ALWAYS),
    Stretch("QL14-demo", 32_027.0, 800.0, Service.WEAK, ("45202",), ALWAYS),
    Stretch("QL14-demo", 44_031.0, 1_050.0, Service.GSM, ("45204",), ALWAYS),
    Stretch("QL14-demo", 52_008.0, 950.0, Service.DENIED, ("45205",), ALWAYS),
    Stretch("QL14-demo", 60_019.0, 800.0, Service.NONE, ALL, ALWAYS),
    Stretch("QL14-demo", 85_005.0, 1_500.0, Service.NR_LEG, ("45204",), ALWAYS),
    Stretch("QL14-demo", 95_021.0, 700.0, Service.FOREIGN, ("45201", "45202"), ALWAYS),
    Stretch("QL28-demo", 12_017.0, 800.0, Service.NONE, ("45201",), ALWAYS),
    Stretch("QL28-demo", 20_033.0, 1_400.0, Service.WEAK, ("45202",), ALWAYS),
    Stretch("QL28-demo", 36_009.0, 1_400.0, Service.NONE, ("45204",), range(6)),
    Stretch("QL28-demo", 44_041.0, 950.0, Service.GSM, ("45205",), ALWAYS),
    Stretch("QL28-demo", 50_023.0, 1_400.0, Service.NONE, ALL, (0, 5, 8)),
    Stretch("QL28-demo", 60_037.0, 1_050.0, Service.NONE, ("45201", "45205"), (3, 9)),
)
"""Ends lie beside the borders of 50 m on purpose."""
TUNNELS = (
    Blank("QL14-demo", 75_000.0, 75_450.0, ALWAYS),
    Blank("QL28-demo", 30_000.0, 30_300.0, ALWAYS),
)
"""No position and no service inside."""
UNDRIVEN = (Blank("QL28-demo", 70_000.0, 73_000.0, (1, 2, 5, 8)),)
"""The probe is switched off there: no rows at all."""


def services_at(road: str, plmn: str, month: Month) -> Iterator[tuple[float, float, Service]]:
    """Stretches of one operator on a road in a month."""
    for one in STRETCHES:
        if one.road == road and plmn in one.plmns and month.number in one.months:
            yield one.start_m, one.end_m, one.service


def blanks(kind: Iterable[Blank], road: str, month: Month) -> tuple[Interval, ...]:
    """Those of a road in a month."""
    return tuple(
        (one.start_m, one.end_m) for one in kind if one.road == road and month.number in one.months
    )


def gaps(road: str, plmn: str, month: Month) -> tuple[Interval, ...]:
    """Where the operator truly has no mobile broadband, by chainage. Tunnels are not among them."""
    return tuple(
        sorted(
            (start_m, end_m)
            for start_m, end_m, service in services_at(road, plmn, month)
            if service is not Service.NR_LEG
        )
    )


def gaps_of_all(road: str, month: Month) -> tuple[Interval, ...]:
    """Where no operator at all has it."""
    common = gaps(road, ALL[0], month)
    for plmn in ALL[1:]:
        common = tuple(_common(common, gaps(road, plmn, month)))
    return common


def _common(ones: Iterable[Interval], others: Sequence[Interval]) -> Iterator[Interval]:
    for start_m, end_m in ones:
        for from_m, to_m in others:
            if max(start_m, from_m) < min(end_m, to_m):
                yield max(start_m, from_m), min(end_m, to_m)
