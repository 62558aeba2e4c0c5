"""All files of facts together, and what they say of a place on a day."""

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import NamedTuple

from collector.geo.boundaries import Area
from collector.spectrum import dtt, mobile, provinces, rules
from collector.spectrum.dtt import ChannelInForce
from collector.spectrum.errors import AskedError, FileError
from collector.spectrum.provinces import Place
from collector.targets.shipped import shipped


class Facts(NamedTuple):
    """The television plan, the mobile blocks, the provinces and our own limits."""

    plan: dtt.Plan
    blocks: tuple[mobile.Block, ...]
    provinces: provinces.Provinces
    rules: rules.Rules

    def place(self, asked: str, day: date, areas: Iterable[Area] = ()) -> Place:
        """See `Provinces.place`."""
        return self.provinces.place(asked, day, areas)

    def standing(self, day: date, place: Place | None) -> tuple[ChannelInForce, ...]:
        """Channels to reckon with at a place; of all Viet Nam without one.

        Raises `AskedError` for a day of which no plan is known.
        """
        found = self.plan.in_force(day, None if place is None else place.provinces)
        if not found:
            first = min(one.valid_from for one in self.plan.allotment)
            raise AskedError(
                day.isoformat(),
                f"no television plan is known for that day; {self.plan.name.en} begins on {first}",
            )
        return found


def load(folder: Path | None = None) -> Facts:
    """The facts in a folder, by default the shipped ones; raises `FileError`."""
    folder = folder or shipped("spectrum")
    facts = Facts(
        plan=dtt.load(folder),
        blocks=mobile.load(folder),
        provinces=provinces.load(folder),
        rules=rules.load(folder),
    )
    known = {one.name for one in facts.provinces.province}
    strangers = sorted(set(facts.plan.provinces) ^ known)
    if strangers:
        raise FileError(
            folder / dtt.FILE,
            "region.provinces",
            f"{strangers[0]} stands only here or only in {provinces.FILE}",
        )
    return facts
