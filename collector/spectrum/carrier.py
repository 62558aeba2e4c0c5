"""The carrier of a cell in MHz, downlink and paired uplink, from what a modem says of it.

An EARFCN is the centre of its carrier (3GPP TS 36.101 5.7.3), so bandwidth alone gives the edges.
The NR-ARFCN a modem reports is usually that of the SSB (TS 38.104 5.4.2), which may lie anywhere
inside the carrier: the edges are not known then. Where they are not, the carrier is widened to all
it may fill, never beyond its band: what is said of it may then be too much and never too little.
"""

from enum import StrEnum

import msgspec

from collector.kpi import Text
from collector.spectrum.span import Span, around, span
from wire.bands import BandRange, band_range, bands, frequency_mhz
from wire.cells import Rat

RATS = (Rat.LTE, Rat.NR)
WIDEST_MHZ = {Rat.LTE: 20.0, Rat.NR: 100.0}
"""Widest channel bandwidth (3GPP TS 36.101 5.6; TS 38.101-1 5.3.5). NR above 7 GHz is wider."""
_WIDEST_FR2_MHZ = 400.0
_FR2_FROM_MHZ = 24_250.0


class Edges(StrEnum):
    """How well the edges of a carrier are known."""

    EXACT = "exact"
    """LTE with its bandwidth."""
    BANDWIDTH_UNKNOWN = "bandwidth_unknown"
    """LTE: as wide as LTE may be."""
    SSB = "ssb"
    """NR: the carrier lies somewhere around the reported frequency."""


class Carrier(msgspec.Struct, frozen=True, kw_only=True):
    """One carrier in one band."""

    rat: Rat
    arfcn: int
    band: int
    duplex: str
    """`FDD`, `TDD` or `SDL`."""
    reported_mhz: float
    """What the channel number says: the centre in LTE, usually the SSB in NR."""
    bandwidth_mhz: float | None
    """As reported; None where it was not or cannot be."""
    downlink: Span
    uplink: Span | None
    """The default pair, as wide as the downlink; the downlink itself in TDD; None where the band
    has no uplink."""
    edges: Edges
    note: Text | None
    """Why the edges are not exact."""


def carriers(
    rat: Rat, arfcn: int, *, band: int | None = None, bandwidth_mhz: float | None = None
) -> tuple[Carrier, ...]:
    """What the channel number may mean, a carrier for each band that contains it, lowest first.

    The band a modem names decides. Empty for a technology or number without a downlink frequency,
    and where the number lies outside of the band named.
    """
    reported_mhz = frequency_mhz(rat, arfcn)
    if reported_mhz is None:
        return ()
    found = []
    for number in bands(rat, arfcn) if band is None else (band,):
        range_ = band_range(rat, number)
        if range_ is not None and _holds(range_, reported_mhz):
            found.append(
                _carrier(
                    rat,
                    arfcn,
                    band=number,
                    reported_mhz=reported_mhz,
                    range_=range_,
                    said=bandwidth_mhz,
                )
            )
    return tuple(found)


def _carrier(
    rat: Rat, arfcn: int, *, band: int, reported_mhz: float, range_: BandRange, said: float | None
) -> Carrier:
    widest_mhz = _widest_mhz(rat, reported_mhz)
    bandwidth_mhz = said if said is not None and 0 < said <= widest_mhz else None
    limits = span(*range_.downlink_mhz)
    if rat is Rat.NR:
        edges, note = Edges.SSB, _SSB
        downlink = around(reported_mhz, reach_mhz=bandwidth_mhz or widest_mhz).within(limits)
    elif bandwidth_mhz is None:
        edges, note = Edges.BANDWIDTH_UNKNOWN, _BANDWIDTH_UNKNOWN
        downlink = around(reported_mhz, reach_mhz=widest_mhz / 2).within(limits)
    else:
        edges, note = Edges.EXACT, None
        downlink = around(reported_mhz, reach_mhz=bandwidth_mhz / 2)
    return Carrier(
        rat=rat,
        arfcn=arfcn,
        band=band,
        duplex=range_.duplex,
        reported_mhz=reported_mhz,
        bandwidth_mhz=bandwidth_mhz,
        downlink=downlink,
        uplink=_uplink(range_, downlink),
        edges=edges,
        note=note,
    )


def _uplink(range_: BandRange, downlink: Span) -> Span | None:
    if range_.spacing_mhz is None:
        return None
    return downlink.shifted(-range_.spacing_mhz)


def _holds(range_: BandRange, mhz: float) -> bool:
    """Whether it is a downlink frequency of the band: an EARFCN may be the uplink's."""
    return range_.downlink_mhz[0] <= mhz <= range_.downlink_mhz[1]


def _widest_mhz(rat: Rat, mhz: float) -> float:
    if rat is Rat.NR and mhz >= _FR2_FROM_MHZ:
        return _WIDEST_FR2_MHZ
    return WIDEST_MHZ[rat]


_SSB = Text(
    vi=(
        "NR-ARFCN do modem báo thường là của SSB, không phải tâm sóng mang: không biết biên sóng"
        " mang, nên đã mở rộng đến hết phần sóng mang có thể chiếm"
    ),
    en=(
        "the NR-ARFCN of a modem is usually the SSB's and not the carrier's centre: the edges are"
        " not known, and it is widened to all that the carrier may fill"
    ),
)
_BANDWIDTH_UNKNOWN = Text(
    vi="không biết độ rộng sóng mang: lấy rộng nhất của LTE, 20 MHz",
    en="the bandwidth is not known: taken as the widest of LTE, 20 MHz",
)
