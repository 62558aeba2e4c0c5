"""Channel number to band and frequency (3GPP TS 36.101 5.7.3, TS 38.104 5.4.2), by `nrarfcn`.

Bands overlap (NR-ARFCN 650000 is both n77 and n78): where a modem names the band, believe it.
"""

from typing import NamedTuple

import nrarfcn

from wire.cells import Rat

_RELEASE = 19
"""Of 3GPP: the first that knows n105 is 18."""


class BandRange(NamedTuple):
    """What a band spans, in MHz, lower edge first."""

    downlink_mhz: tuple[float, float]
    uplink_mhz: tuple[float, float] | None
    """As the downlink in TDD; None where the band has none of its own."""
    duplex: str
    """`FDD`, `TDD` or `SDL`."""

    @property
    def spacing_mhz(self) -> float | None:
        """How far a carrier's uplink lies below its downlink, by default; negative if above."""
        if self.uplink_mhz is None:
            return None
        return self.downlink_mhz[0] - self.uplink_mhz[0]


def band_range(rat: Rat, band: int) -> BandRange | None:
    """What a band spans; None for one that is not known or has no downlink."""
    if rat not in _PREFIXES:
        return None
    name = f"{_PREFIXES[rat]}{band}"
    try:
        downlink = nrarfcn.get_frequency_range(name, "dl", _RELEASE)
        uplink = nrarfcn.get_frequency_range(name, "ul", _RELEASE)
        duplex = str(nrarfcn.get_duplex_mode(name, _RELEASE))
    except (ValueError, KeyError):
        return None
    if _NONE in downlink:
        return None
    if _NONE in uplink:
        return BandRange(_numbers(downlink), None, "SDL")
    return BandRange(_numbers(downlink), _numbers(uplink), duplex)


def frequency_mhz(rat: Rat, arfcn: int) -> float | None:
    """Downlink centre frequency of an EARFCN or NR-ARFCN; None for one that cannot be."""
    try:
        match rat:
            case Rat.LTE:
                return float(nrarfcn.get_frequency_by_lte_earfcn(arfcn))
            case Rat.NR:
                return float(nrarfcn.get_frequency(arfcn))
            case _:
                return None
    except (ValueError, KeyError):
        return None


def bands(rat: Rat, arfcn: int) -> tuple[int, ...]:
    """Bands that contain the channel, lowest first; empty where none does."""
    try:
        match rat:
            case Rat.LTE:
                names = [nrarfcn.get_band_by_lte_earfcn(arfcn)]
            case Rat.NR:
                names = nrarfcn.get_bands_by_nrarfcn(arfcn, _RELEASE)
            case _:
                return ()
    except (ValueError, KeyError):
        return ()
    return tuple(sorted({int(str(name).lstrip("nB")) for name in names}))


_PREFIXES = {Rat.LTE: "B", Rat.NR: "n"}
_NONE = "N/A"


def _numbers(edges: tuple[float, float]) -> tuple[float, float]:
    return float(edges[0]), float(edges[1])
