"""What every answer rests on: a day, a place, the television channels there, and our own limits."""

from collections.abc import Iterable, Sequence
from datetime import date

import msgspec

from collector.kpi import Text
from collector.spectrum import words
from collector.spectrum.carrier import Carrier
from collector.spectrum.dtt import ChannelInForce
from collector.spectrum.facts import Facts
from collector.spectrum.mobile import Block
from collector.spectrum.provinces import Place
from collector.spectrum.relation import Context, context
from collector.spectrum.rules import RelationRule
from collector.spectrum.span import Span
from collector.spectrum.tv_sites import Transmitter


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What a probe with modems only can say, and what it cannot. Part of every answer."""

    can: Text = words.CAN_SAY
    cannot: Text = words.CANNOT_SAY


class Premises(msgspec.Struct, frozen=True, kw_only=True):
    """As of which day, for which place, beside which channels."""

    asked: str
    date: date
    place: Place | None
    """None: all of Viet Nam."""
    plan: Text
    """What the plan is called."""
    channels: tuple[ChannelInForce, ...]
    """Television channels to reckon with there: by the plan, not by what is on air."""
    rule: RelationRule
    elsewhere: Text
    """What the plan allows beside its own allotments."""
    transmitters: tuple[Transmitter, ...] = ()
    """Of the customer's list, by distance from the place; none without a list or a point."""
    limits: Limits = Limits()


class BlockInContext(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile block of the plan beside the television channels of a place."""

    block: Block
    context: Context
    said: Text
    """The relation in words, with the arithmetic behind it; so too below."""


class CarrierInContext(msgspec.Struct, frozen=True, kw_only=True):
    """A carrier in one of the bands its channel number may mean."""

    carrier: Carrier
    blocks: tuple[str, ...]
    """Names of the mobile blocks its downlink touches."""
    context: Context
    said: Text


def premises(
    facts: Facts,
    *,
    asked: str,
    day: date,
    place: Place | None = None,
    transmitters: tuple[Transmitter, ...] = (),
) -> Premises:
    """What holds at a place on a day; raises `AskedError` for a day of which nothing is known."""
    return Premises(
        asked=asked,
        date=day,
        place=place,
        plan=facts.plan.name,
        channels=facts.standing(day, place),
        rule=facts.rules.relation_on(day),
        elsewhere=facts.plan.elsewhere.note,
        transmitters=transmitters,
    )


def in_context(
    given: Premises, *, downlink: Span | None, uplink: Span | None
) -> tuple[Context, Text]:
    """Something on the air beside the channels of the place, as a value and in words."""
    numbers = (one.channel for one in given.channels)
    found = context(numbers, downlink=downlink, uplink=uplink, rule=given.rule)
    return found, words.in_context(found, given.channels, given.rule)


def blocks_in(given: Premises, blocks: Iterable[Block]) -> tuple[BlockInContext, ...]:
    """Mobile blocks beside the channels of the place."""
    made = []
    for block in blocks:
        found, said = in_context(given, downlink=block.downlink, uplink=block.uplink)
        made.append(BlockInContext(block=block, context=found, said=said))
    return tuple(made)


def carriers_in(
    given: Premises, blocks: Sequence[Block], carriers: Iterable[Carrier]
) -> tuple[CarrierInContext, ...]:
    """Carriers beside the channels of the place."""
    made = []
    for one in carriers:
        found, said = in_context(given, downlink=one.downlink, uplink=one.uplink)
        of_band = [block for block in blocks if block.in_band(one.rat, one.band)]
        names = touching(of_band, one.downlink, "downlink")
        made.append(CarrierInContext(carrier=one, blocks=names, context=found, said=said))
    return tuple(made)


def touching(blocks: Iterable[Block], span: Span, direction: str) -> tuple[str, ...]:
    """Names of the blocks whose `downlink` or `uplink` shares spectrum with the span."""
    return tuple(one.name for one in blocks if getattr(one, direction).overlap_with(span))
