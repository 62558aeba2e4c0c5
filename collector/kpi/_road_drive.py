"""One road as one operator, or any of them, was found on it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from collector.kpi import Road, Stretch
from collector.kpi._arrays import Ints
from collector.kpi._gaps import Gap, gaps, merged_gaps, seen, worst_m
from collector.kpi._levels import said
from collector.kpi._passes import Driven
from collector.kpi._road_rows import OnRoads
from collector.kpi._strip import Rule, Strip, excepted, merged, survey

NOBODY = Driven(
    row=np.empty(0, np.int64),
    leg=np.empty(0, np.int64),
    chainage_m=np.empty(0, np.float64),
    at_us=np.empty(0, np.int64),
    drive=np.empty(0, np.int64),
    upwards=np.empty(0, np.bool_),
    ended_us=np.empty(0, np.int64),
)
"""A road that nobody drove."""


class Checked(NamedTuple):
    """What the data checks on a road came to."""

    checks: int
    failed: int
    asked: int
    """Looks that a check spoke for."""


class Drive(NamedTuple):
    """What was found; see `one_operator` and `any_operator`."""

    road: Road
    operator: str
    exceptions: tuple[Stretch, ...]
    """Those granted to the operator, or for any operator those granted to all."""
    strip: Strip
    available: Strip
    """At the other level."""
    directions: Mapping[bool, Strip]
    """Of the passes upwards and of those downwards alone."""
    gaps: tuple[Gap, ...]
    confirmed: tuple[Gap, ...]
    """What enough passes saw of them."""
    worst_m: float
    """The longest stretch that may be a gap."""
    driven: tuple[Driven, ...]
    looks: int
    excluded: dict[str, int]
    checked: Checked
    levels: dict[str, list[str]]
    unmeasured: tuple[str, ...] = ()
    """Of any operator: those without a pass. One of them might cover what the others do not."""

    @property
    def passes(self) -> int:
        """How many passes there were, several modems in one car being one."""
        return sum(len(one.upwards) for one in self.driven)

    def passes_of(self, *, upwards: bool) -> int:
        """How many of them went this way."""
        return sum(int((one.upwards == upwards).sum()) for one in self.driven)


def one_operator(rows: OnRoads, road: Road, operator: str, rule: Rule) -> Drive:
    """The road as its last passes say."""
    key = (road.code, operator)
    driven = rows.driven.get(key, NOBODY)
    of = rows.judged
    exceptions = tuple(one for one in road.exceptions if one.operator in {None, operator})
    out = excepted(exceptions, road.length_m)
    covered, counts = of.covered[driven.row], of.counts[driven.row]

    def surveyed(*, available: bool = False, upwards: bool | None = None) -> Strip:
        return survey(
            driven,
            covered=of.available[driven.row] if available else covered,
            counts=counts,
            length_m=road.length_m,
            out=out,
            rule=rule,
            upwards=upwards,
        )

    strip = surveyed()
    looks = seen(driven, covered=covered, counts=counts, error_m=rows.error_m[driven.row])
    index = rows.of.get(key, NOBODY.row)
    return Drive(
        road=road,
        operator=operator,
        exceptions=exceptions,
        strip=strip,
        available=surveyed(available=True),
        directions={up: surveyed(upwards=up) for up in (True, False)},
        gaps=gaps(strip, looks, exceptions=exceptions, rule=rule),
        confirmed=gaps(strip, looks, exceptions=exceptions, rule=rule, confirmed=True),
        worst_m=worst_m(strip, driven.chainage_m[covered & counts]),
        driven=(driven,) if len(driven.row) else (),
        looks=int(counts.sum()),
        excluded=rows.excluded(index),
        checked=_checked(rows, driven, index),
        levels=said(of.names, of.levels, set(np.unique(of.modem[index]).tolist())),
    )


def any_operator(rows: OnRoads, drives: Sequence[Drive], rule: Rule) -> Drive:
    """The road as the operators serve it together, from what each of them showed."""
    road = drives[0].road
    measured = [one for one in drives if one.driven] or list(drives)
    strip = merged([one.strip for one in measured])
    index = [found for (code, _), found in rows.of.items() if code == road.code]
    served = rows.judged.counts & rows.judged.covered
    lit_m = [each.chainage_m[served[each.row]] for one in measured for each in one.driven]
    return Drive(
        road=road,
        operator="any",
        exceptions=tuple(one for one in road.exceptions if one.operator is None),
        strip=strip,
        available=merged([one.available for one in measured]),
        directions={up: merged([one.directions[up] for one in measured]) for up in (True, False)},
        gaps=merged_gaps(strip, [one.gaps for one in measured], rule=rule),
        confirmed=merged_gaps(
            strip, [one.confirmed for one in measured], rule=rule, confirmed=True
        ),
        worst_m=worst_m(strip, np.concatenate([NOBODY.chainage_m, *lit_m])),
        driven=tuple(driven for one in measured for driven in one.driven),
        looks=sum(one.looks for one in measured),
        excluded=rows.excluded(np.concatenate([NOBODY.row, *index])),
        checked=Checked(*(sum(parts) for parts in zip(*(d.checked for d in drives), strict=True))),
        levels={
            name: sorted({text for one in drives for text in one.levels[name]})
            for name in drives[0].levels
        },
        unmeasured=tuple(one.operator for one in drives if not one.driven),
    )


def _checked(rows: OnRoads, driven: Driven, index: Ints) -> Checked:
    of = rows.judged
    check = index[(of.counts & ~of.is_look)[index]]
    return Checked(
        checks=len(check),
        failed=int((~of.data_ok[check]).sum()),
        asked=int((of.asked & of.counts)[driven.row].sum()),
    )
