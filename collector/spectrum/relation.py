"""How a mobile carrier lies to television channels: distances, harmonics, and one word for it.

The word says where signals lie and nothing of who disturbs whom. `overlap`: a direction of the
carrier shares spectrum with a channel. `adjacent`: edge to edge less than the rule says (16 MHz).
`harmonic_possible`: a low multiple of a channel falls into the downlink, which matters only beside
a faulty transmitter or a corroded joint. `no_dtt_relation`: none of these.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

import msgspec

from collector.kpi import Text
from collector.spectrum.channels import channel
from collector.spectrum.rules import RelationRule
from collector.spectrum.span import Span


class Relation(StrEnum):
    """From the closest to none."""

    OVERLAP = "overlap"
    ADJACENT = "adjacent"
    HARMONIC = "harmonic_possible"
    NONE = "no_dtt_relation"


class Harmonic(msgspec.Struct, frozen=True, kw_only=True):
    """A multiple of a channel that falls into a carrier's downlink."""

    channel: int
    order: int
    falls_on: Span
    shares: Span
    """What of it lies in the downlink."""
    relates: bool
    """Whether its order is low enough to be called a relation; the others are only listed."""

    @property
    def said(self) -> Text:
        """As arithmetic."""
        base = channel(self.channel)
        text = (
            f"{self.order} x {{}} {self.channel} ({mhz(base)} MHz) = {mhz(self.falls_on)} MHz: "
            f"{mhz(self.shares)} MHz"
        )
        return Text(vi=text.format("kênh"), en=text.format("ch"))


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """One television channel beside one carrier."""

    channel: int
    relation: Relation
    downlink_gap_mhz: float | None
    """Edge to edge, 0 where they touch or overlap; None without that direction."""
    uplink_gap_mhz: float | None
    downlink_shares: Span | None
    """What both use; None for nothing."""
    uplink_shares: Span | None
    harmonics: tuple[Harmonic, ...]

    def why(self, rule: RelationRule) -> tuple[Text, ...]:
        """The arithmetic behind the relation, a sentence for each direction or harmonic."""
        if self.relation is Relation.HARMONIC:
            return tuple(one.said for one in self.harmonics if one.relates)
        reasons = []
        for vi, en, gap_mhz, shares in (
            ("đường xuống", "downlink", self.downlink_gap_mhz, self.downlink_shares),
            ("đường lên", "uplink", self.uplink_gap_mhz, self.uplink_shares),
        ):
            if shares is not None:
                part = mhz(shares)
                reasons.append(
                    Text(
                        vi=f"kênh {self.channel} trùng {part} MHz của {vi}",
                        en=f"ch {self.channel} shares {part} MHz of the {en}",
                    )
                )
            elif gap_mhz is not None and gap_mhz < rule.adjacent_below_mhz:
                reasons.append(
                    Text(
                        vi=f"kênh {self.channel} cách {vi} {gap_mhz:g} MHz",
                        en=f"ch {self.channel} is {gap_mhz:g} MHz from the {en}",
                    )
                )
        return tuple(reasons)


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier among all television channels that were looked at."""

    relation: Relation
    """The closest of all."""
    channels: tuple[Beside, ...]
    """Every channel looked at."""
    why: tuple[Text, ...]
    """The arithmetic behind the relation, of the channels that have it."""
    harmonics_only_listed: tuple[Harmonic, ...]

    @property
    def related(self) -> tuple[Beside, ...]:
        """Channels that stand in some relation."""
        return tuple(one for one in self.channels if one.relation is not Relation.NONE)

    def nearest(self, direction: str) -> Beside | None:
        """The channel closest to the `downlink` or `uplink`; None without it, or a channel."""
        there = [one for one in self.channels if getattr(one, f"{direction}_gap_mhz") is not None]
        return min(there, key=lambda one: float(getattr(one, f"{direction}_gap_mhz")), default=None)


def context(
    numbers: Iterable[int], *, downlink: Span | None, uplink: Span | None, rule: RelationRule
) -> Context:
    """A carrier beside the television channels of these numbers; no channel gives no relation."""
    channels = tuple(
        beside(number, downlink=downlink, uplink=uplink, rule=rule)
        for number in sorted(set(numbers))
    )
    relation = closest(one.relation for one in channels)
    return Context(
        relation=relation,
        channels=channels,
        why=()
        if relation is Relation.NONE
        else tuple(
            reason for one in channels if one.relation is relation for reason in one.why(rule)
        ),
        harmonics_only_listed=tuple(
            harmonic for one in channels for harmonic in one.harmonics if not harmonic.relates
        ),
    )


def beside(
    number: int, *, downlink: Span | None, uplink: Span | None, rule: RelationRule
) -> Beside:
    """One channel beside a carrier; raises `AskedError` for no channel of the raster."""
    tv = channel(number)
    downlink_shares = None if downlink is None else tv.overlap_with(downlink)
    uplink_shares = None if uplink is None else tv.overlap_with(uplink)
    downlink_gap_mhz = None if downlink is None else tv.gap_mhz(downlink)
    uplink_gap_mhz = None if uplink is None else tv.gap_mhz(uplink)
    found = () if downlink is None else harmonics(number, downlink, rule)
    gaps = [gap for gap in (downlink_gap_mhz, uplink_gap_mhz) if gap is not None]
    if downlink_shares or uplink_shares:
        relation = Relation.OVERLAP
    elif any(gap < rule.adjacent_below_mhz for gap in gaps):
        relation = Relation.ADJACENT
    elif any(one.relates for one in found):
        relation = Relation.HARMONIC
    else:
        relation = Relation.NONE
    return Beside(
        channel=number,
        relation=relation,
        downlink_gap_mhz=downlink_gap_mhz,
        uplink_gap_mhz=uplink_gap_mhz,
        downlink_shares=downlink_shares,
        uplink_shares=uplink_shares,
        harmonics=found,
    )


def harmonics(number: int, downlink: Span, rule: RelationRule) -> tuple[Harmonic, ...]:
    """Multiples of a channel, of the orders the rule lists, that fall into a downlink."""
    found = []
    for order in rule.harmonics_listed:
        falls_on = channel(number).harmonic(order)
        shares = falls_on.overlap_with(downlink)
        if shares is not None:
            found.append(
                Harmonic(
                    channel=number,
                    order=order,
                    falls_on=falls_on,
                    shares=shares,
                    relates=order in rule.harmonics_that_relate,
                )
            )
    return tuple(found)


def closest(relations: Iterable[Relation]) -> Relation:
    """The closest of several; none of none."""
    return min(relations, key=_ORDER.index, default=Relation.NONE)


def mhz(span: Span) -> str:
    """Both edges without needless decimals, e.g. `606-614`."""
    return f"{span.low_mhz:g}-{span.high_mhz:g}"


_ORDER: Sequence[Relation] = tuple(Relation)
