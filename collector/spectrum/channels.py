"""The raster of digital terrestrial television: channel number to MHz and back.

Channel n lies at 470 + 8 (n - 21) MHz and is 8 MHz wide (Circular 37/2020/TT-BTTTT; the UHF raster
of GE06). DVB-T2 fills 7.61 MHz of it, 7.77 with extended carriers; edges here are the channel's.
"""

import math

from collector.spectrum.errors import AskedError
from collector.spectrum.span import Span

FIRST, LAST = 21, 48
CHANNELS = range(FIRST, LAST + 1)
WIDTH_MHZ = 8.0
LOWEST_MHZ = 470.0


def channel(number: int) -> Span:
    """What a channel spans; raises `AskedError` outside of 21 to 48."""
    if number not in CHANNELS:
        raise AskedError(f"channel {number}", f"television has channels {FIRST} to {LAST} here")
    low = LOWEST_MHZ + WIDTH_MHZ * (number - FIRST)
    return Span(low, low + WIDTH_MHZ)


def centre_mhz(number: int) -> float:
    """474 + 8 (n - 21) MHz; raises `AskedError` outside of 21 to 48."""
    return channel(number).low_mhz + WIDTH_MHZ / 2


def channel_at(mhz: float) -> int | None:
    """The channel that holds a frequency, its lower edge included; None outside of all."""
    if not LOWEST_MHZ <= mhz < channel(LAST).high_mhz:
        return None
    return FIRST + math.floor((mhz - LOWEST_MHZ) / WIDTH_MHZ)
