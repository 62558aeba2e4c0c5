"""Answers about a television channel, a mobile channel number, a frequency and an area."""

from collections.abc import Iterable

import msgspec

from collector.kpi import Period, Text
from collector.spectrum import channels
from collector.spectrum.carrier import carriers
from collector.spectrum.dtt import Allotment
from collector.spectrum.errors import AskedError
from collector.spectrum.facts import Facts
from collector.spectrum.mobile import Block
from collector.spectrum.premises import (
    BlockInContext,
    CarrierInContext,
    Premises,
    blocks_in,
    carriers_in,
    in_context,
    touching,
)
from collector.spectrum.relation import Beside, Context, Relation, beside
from collector.spectrum.rules import RelationRule
from collector.spectrum.seen import SeenCarrier
from collector.spectrum.span import Span, around
from wire.cells import Rat

BARE_WIDTH_MHZ = 0.2
"""How wide a frequency is taken without a bandwidth: one carrier of GSM."""


class BlockBeside(msgspec.Struct, frozen=True, kw_only=True):
    """One mobile block beside one television channel."""

    block: Block
    beside: Beside


class ChannelAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One television channel."""

    premises: Premises
    channel: int
    span: Span
    centre_mhz: float
    in_force: bool
    """Whether it has to be reckoned with at the place on the day; else it has no relation."""
    allotments: tuple[Allotment, ...]
    """Who may use it on that day, wherever."""
    provinces: tuple[str, ...] | None
    """Old provinces of its regions; None: everywhere."""
    harmonics: dict[int, Span]
    """Where its multiples fall, by order."""
    blocks: tuple[BlockBeside, ...]


class CarrierAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One channel number of a mobile carrier."""

    premises: Premises
    carriers: tuple[CarrierInContext, ...]


class FrequencyAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One frequency."""

    premises: Premises
    span: Span
    channel: int | None
    """The television channel that holds it."""
    uplink_of: tuple[str, ...]
    """Mobile blocks whose uplink it touches."""
    downlink_of: tuple[str, ...]
    context: Context
    said: Text


class SeenInContext(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier that probes were served by, in each band it may be of."""

    seen: SeenCarrier
    carriers: tuple[CarrierInContext, ...]


class AreaAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One area: its channels, the mobile blocks, and what was seen there."""

    premises: Premises
    blocks: tuple[BlockInContext, ...]
    seen: "Seen | None"
    """None without a lake."""


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a lake knows of an area."""

    period: Period
    carriers: tuple[SeenInContext, ...]
    left_out: dict[str, int]
    """Looks that do not count, by reason."""


def about_channel(facts: Facts, given: Premises, number: int) -> ChannelAnswer:
    """A television channel; raises `AskedError` for none of the raster."""
    span = channels.channel(number)
    allotments = tuple(
        one for one in facts.plan.allotment if number in one.channels and one.holds_on(given.date)
    )
    regions = {one.region for one in allotments}
    provinces = [name for one in facts.plan.region if one.id in regions for name in one.provinces]
    in_force = any(one.channel == number for one in given.channels)
    return ChannelAnswer(
        premises=given,
        channel=number,
        span=span,
        centre_mhz=channels.centre_mhz(number),
        in_force=in_force,
        allotments=allotments,
        provinces=None if None in regions else tuple(provinces),
        harmonics={order: span.harmonic(order) for order in given.rule.harmonics_listed},
        blocks=tuple(
            _block_beside(one, number, given.rule, in_force=in_force) for one in facts.blocks
        ),
    )


def about_carrier(
    facts: Facts,
    given: Premises,
    *,
    rat: Rat,
    arfcn: int,
    band: int | None = None,
    bandwidth_mhz: float | None = None,
) -> CarrierAnswer:
    """A mobile channel number; raises `AskedError` for one that has no downlink frequency."""
    found = carriers(rat, arfcn, band=band, bandwidth_mhz=bandwidth_mhz)
    technology = rat.value.upper()
    if not found:
        where = "in any band" if band is None else f"in band {band}"
        raise AskedError(f"{arfcn}", f"is no downlink channel number of {technology} {where}")
    if bandwidth_mhz is not None and found[0].bandwidth_mhz is None:
        raise AskedError(f"{bandwidth_mhz:g} MHz", f"is no bandwidth of {technology}")
    return CarrierAnswer(premises=given, carriers=carriers_in(given, facts.blocks, found))


def about_frequency(
    facts: Facts, given: Premises, *, mhz: float, bandwidth_mhz: float | None = None
) -> FrequencyAnswer:
    """A frequency, as wide as said, else 0.2 MHz, as something to receive on."""
    span = around(mhz, reach_mhz=(bandwidth_mhz or BARE_WIDTH_MHZ) / 2)
    found, said = in_context(given, downlink=span, uplink=None)
    return FrequencyAnswer(
        premises=given,
        span=span,
        channel=channels.channel_at(mhz),
        uplink_of=touching(facts.blocks, span, "uplink"),
        downlink_of=touching(facts.blocks, span, "downlink"),
        context=found,
        said=said,
    )


def about_area(facts: Facts, given: Premises, seen: Seen | None = None) -> AreaAnswer:
    """An area, with what was seen there if anybody looked."""
    return AreaAnswer(premises=given, blocks=blocks_in(given, facts.blocks), seen=seen)


def seen_in(
    facts: Facts,
    given: Premises,
    found: Iterable[SeenCarrier],
    *,
    period: Period,
    left_out: dict[str, int],
) -> Seen:
    """The carriers of a lake beside the channels of the place."""
    return Seen(
        period=period,
        carriers=tuple(
            SeenInContext(seen=one, carriers=carriers_in(given, facts.blocks, one.carriers))
            for one in found
        ),
        left_out=left_out,
    )


def _block_beside(block: Block, number: int, rule: RelationRule, *, in_force: bool) -> BlockBeside:
    found = beside(number, downlink=block.downlink, uplink=block.uplink, rule=rule)
    if not in_force:
        found = msgspec.structs.replace(found, relation=Relation.NONE)
    return BlockBeside(block=block, beside=found)
