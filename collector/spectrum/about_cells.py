"""Answers about cells: what their hours show, and what lies beside their carriers. No causes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from collector.kpi import Period, Text
from collector.spectrum import symptom, words
from collector.spectrum.facts import Facts
from collector.spectrum.premises import CarrierInContext, Premises, carriers_in
from collector.spectrum.premises import premises as premises_of
from collector.spectrum.provinces import Place
from collector.spectrum.relation import Relation, closest
from collector.spectrum.rules import SymptomRule
from collector.spectrum.seen import SeenCell
from collector.spectrum.symptom import Judged, Pattern
from collector.spectrum.tv_sites import Transmitter, TvSite, nearest


class CellInContext(msgspec.Struct, frozen=True, kw_only=True):
    """One cell."""

    cell: SeenCell
    places: tuple[Place, ...]
    """Those of its communes that are known."""
    judged: Judged
    pattern: Text
    carriers: tuple[CarrierInContext, ...]
    """In each band the channel number may mean; none where it contradicts the band named."""
    relation: Relation
    """The closest of its carriers'."""
    report: Text | None
    """What may be written of it; None where level and quality show nothing."""
    transmitters: tuple[Transmitter, ...]
    """Of the customer's list, by distance from where the cell was heard."""


class CellsAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """Cells by what their hours show."""

    premises: Premises
    period: Period
    symptom_rule: SymptomRule
    patterns: dict[Pattern, int]
    """How many cells show each pattern."""
    cells: tuple[CellInContext, ...]
    left_out: dict[str, int]
    """Looks that do not count, by reason."""


def about_cells(
    facts: Facts,
    given: Premises,
    found: Iterable[SeenCell],
    *,
    period: Period,
    places: Mapping[str, Place],
    left_out: dict[str, int],
    sites: Sequence[TvSite] = (),
    every: bool = False,
) -> CellsAnswer:
    """Cells with good level and poor quality, or `every` cell; `places` are those of communes.

    A cell is looked at beside the channels of the places it was heard in; where none of them is
    known, beside those of the place asked about.
    """
    rule = facts.rules.symptom_on(given.date)
    judged = [(cell, symptom.judge(cell.hours, rule)) for cell in found]
    counts = Counter(shows.pattern for _, shows in judged)
    return CellsAnswer(
        premises=given,
        period=period,
        symptom_rule=rule,
        patterns={pattern: counts[pattern] for pattern in Pattern if counts[pattern]},
        cells=tuple(
            _cell_in(
                facts,
                _where_heard(facts, given, cell, places),
                cell,
                shows,
                nearest(sites, cell.heard_at, given.date),
            )
            for cell, shows in sorted(judged, key=_worst_first)
            if every or shows.pattern.shown
        ),
        left_out=left_out,
    )


class _Heard(NamedTuple):
    """A cell where it was heard."""

    places: tuple[Place, ...]
    given: Premises


def _where_heard(
    facts: Facts, given: Premises, cell: SeenCell, places: Mapping[str, Place]
) -> _Heard:
    there = tuple(places[code] for code in cell.communes if code in places)
    if not there:
        return _Heard((), given)
    return _Heard(
        there, premises_of(facts, asked=given.asked, day=given.date, place=_together(there))
    )


def _cell_in(
    facts: Facts,
    heard: _Heard,
    cell: SeenCell,
    shows: Judged,
    transmitters: tuple[Transmitter, ...],
) -> CellInContext:
    found = carriers_in(heard.given, facts.blocks, cell.carriers)
    return CellInContext(
        cell=cell,
        places=heard.places,
        judged=shows,
        pattern=words.pattern(shows),
        carriers=found,
        relation=closest(one.context.relation for one in found),
        report=words.report(_spectrum_context(found)) if shows.pattern.shown else None,
        transmitters=transmitters,
    )


def _spectrum_context(found: Sequence[CarrierInContext]) -> Text:
    if not found:
        return words.UNKNOWN_CARRIER
    named = [(words.carrier(one.carrier), one.said) for one in found]
    return Text(
        vi=" | ".join(f"{carrier.vi}: {said.vi}" for carrier, said in named),
        en=" | ".join(f"{carrier.en}: {said.en}" for carrier, said in named),
    )


def _together(places: Sequence[Place]) -> Place:
    """Several places as one, for the channels that hold in any of them."""
    provinces = dict.fromkeys(name for one in places for name in one.provinces)
    names = dict.fromkeys(one.name for one in places)
    return msgspec.structs.replace(
        places[0], name=", ".join(names), provinces=tuple(provinces), whole=False
    )


def _worst_first(one: tuple[SeenCell, Judged]) -> tuple[int, float]:
    """The full symptom first, then the other patterns; the noisier of two before the other."""
    _, shows = one
    sinr_db = shows.all_hours.sinr_db
    return -tuple(Pattern).index(shows.pattern), 0.0 if sinr_db is None else sinr_db
