"""Channel number to band and frequency (3GPP TS 36.101 5.7.3, TS 38.104 5.4.2), by `nrarfcn`.

Bands overlap (NR-ARFCN 650000 is both n77 and n78): where a modem names the band, believe it.
"""

import nrarfcn

from wire.cells import Rat


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
                names = nrarfcn.get_bands_by_nrarfcn(arfcn)
            case _:
                return ()
    except (ValueError, KeyError):
        return ()
    return tuple(sorted({int(str(name).lstrip("nB")) for name in names}))
