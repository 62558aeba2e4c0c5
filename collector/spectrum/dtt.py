"""Which television channels are in force where and when: `config/spectrum/dtt.toml`.

"In force" is the plan, not the air: that a channel is allotted does not say that it is on, and a
legacy one needs a licence nobody here knows of (Circular 37/2020/TT-BTTTT, Art. 3).
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from enum import StrEnum
from pathlib import Path

import msgspec

from collector.kpi import Text
from collector.spectrum import files
from collector.spectrum.channels import CHANNELS
from collector.spectrum.errors import FileError

FILE = "dtt.toml"


class Basis(StrEnum):
    """Why a channel has to be reckoned with at a place."""

    NATIONAL = "national"
    REGIONAL = "regional"
    LEGACY = "legacy"
    """Outside of the plan; only where a licence of before still runs."""
    SPILL_OVER = "spill_over"
    """Of the neighbouring region, received across the old provincial border."""


class Allotment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Channels that may be used, everywhere or in one region."""

    basis: Basis
    channels: tuple[int, ...]
    valid_from: date
    valid_to: date | None = None
    """Last day; None while no end is known."""
    region: str | None = None
    source: str
    note: Text

    def holds_on(self, day: date) -> bool:
        """Whether the day lies between the first and the last, both included."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


class Region(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Provinces, as they were before July 2025, that share regional channels."""

    id: str
    name: Text
    provinces: tuple[str, ...]


class SpillOver(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Regional channels of one province may be received in another."""

    province: str
    from_province: str
    note: Text


class Elsewhere(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the plan allows beside its own allotments."""

    source: str
    note: Text


class ChannelInForce(msgspec.Struct, frozen=True, kw_only=True):
    """One channel at one place on one day."""

    channel: int
    basis: Basis
    provinces: tuple[str, ...] | None
    """Old provinces of the place for which it holds; None: all of them."""
    until: date | None
    source: str
    note: Text


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file, checked."""

    name: Text
    allotment: tuple[Allotment, ...]
    elsewhere: Elsewhere
    region: tuple[Region, ...]
    spill_over: tuple[SpillOver, ...] = ()

    def region_of(self, province: str) -> Region | None:
        """The region of an old province; None for a name the plan does not have."""
        return next((one for one in self.region if province in one.provinces), None)

    @property
    def provinces(self) -> tuple[str, ...]:
        """Every old province the plan names."""
        return tuple(name for region in self.region for name in region.provinces)

    @property
    def channels(self) -> tuple[int, ...]:
        """Every channel the plan has a word for, whenever."""
        return tuple(sorted({number for one in self.allotment for number in one.channels}))

    def in_force(
        self, day: date, provinces: Sequence[str] | None = None
    ) -> tuple[ChannelInForce, ...]:
        """Channels to reckon with in these old provinces, lowest first; None asks for all of them.

        Empty before the plan begins.
        """
        asked = self.provinces if provinces is None else tuple(provinces)
        found = [*self._allotted(day, asked)]
        if provinces is not None:
            found += self._spilt(day, asked)
        return tuple(sorted(found, key=lambda one: (one.channel, list(Basis).index(one.basis))))

    def _allotted(self, day: date, provinces: Sequence[str]) -> Iterator[ChannelInForce]:
        for one in self.allotment:
            if one.holds_on(day):
                there = [name for name in provinces if self._covers(one, name)]
                if there:
                    yield from _each(one, one.basis, _some(there, provinces), one.note)

    def _spilt(self, day: date, provinces: Sequence[str]) -> Iterator[ChannelInForce]:
        own = {
            (name, number)
            for name in provinces
            for one in self.allotment
            if one.holds_on(day) and self._covers(one, name)
            for number in one.channels
        }
        for spill in self.spill_over:
            if spill.province not in provinces:
                continue
            for one in self.allotment:
                regional = one.basis is Basis.REGIONAL and one.holds_on(day)
                if regional and self._covers(one, spill.from_province):
                    there = _some([spill.province], provinces)
                    for found in _each(one, Basis.SPILL_OVER, there, spill.note):
                        if (spill.province, found.channel) not in own:
                            yield found

    def _covers(self, allotment: Allotment, province: str) -> bool:
        if allotment.region is None:
            return True
        region = self.region_of(province)
        return region is not None and region.id == allotment.region


def load(folder: Path) -> Plan:
    """The plan in a folder; raises `FileError`."""
    file = folder / FILE
    plan = files.read(file, Plan)
    _check(file, plan)
    return plan


def _each(
    allotment: Allotment, basis: Basis, provinces: tuple[str, ...] | None, note: Text
) -> Iterator[ChannelInForce]:
    for number in allotment.channels:
        yield ChannelInForce(
            channel=number,
            basis=basis,
            provinces=provinces,
            until=allotment.valid_to,
            source=allotment.source,
            note=note,
        )


def _some(there: Sequence[str], asked: Sequence[str]) -> tuple[str, ...] | None:
    return None if len(there) == len(asked) else tuple(there)


def _check(file: Path, plan: Plan) -> None:
    regions = [one.id for one in plan.region]
    _once(file, "region", regions)
    _once(file, "region.provinces", plan.provinces)
    for index, one in enumerate(plan.allotment):
        place = f"allotment[{index}]"
        outside = [number for number in one.channels if number not in CHANNELS]
        if outside or not one.channels:
            raise FileError(file, f"{place}.channels", f"each must be one of {CHANNELS}")
        _once(file, f"{place}.channels", [str(number) for number in one.channels])
        if one.basis is Basis.SPILL_OVER:
            raise FileError(file, f"{place}.basis", "say it in a [[spill_over]]")
        if (one.basis is Basis.REGIONAL) != (one.region is not None):
            raise FileError(file, f"{place}.region", "belongs to basis regional, and only to it")
        if one.region is not None and one.region not in regions:
            raise FileError(file, f"{place}.region", f"{one.region!r} is no region's id")
        if one.valid_to is not None and one.valid_to < one.valid_from:
            raise FileError(file, f"{place}.valid_to", "is before valid_from")
    for index, spill in enumerate(plan.spill_over):
        for key in ("province", "from_province"):
            if getattr(spill, key) not in plan.provinces:
                raise FileError(file, f"spill_over[{index}].{key}", "is in no region")


def _once(file: Path, place: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise FileError(file, place, f"{name} stands there twice")
        seen.add(name)
