"""Numbers with their unit, and sentences put together, in Vietnamese and English."""

from typing import NamedTuple

from collector.kpi import Text

_DECIMALS = {"Mbit/s": 1, "share": 1, "m": 0, "cells": 0, "places": 0, "samples": 0, "times": 2}
_UNITS_VI = {"cells": "ô", "places": "nơi", "samples": "mẫu", "times": "lần"}
"""Units that are words."""
_MOST_DECIMALS = 4


class Quantity(NamedTuple):
    """A number with its unit. Said beside another it gets the decimals that tell them apart."""

    value: float
    unit: str

    def en(self, beside: "Quantity | None" = None) -> str:
        """As in English: 38.2 Mbit/s, 94.9 %, 1,400 m."""
        return _text(self, self._decimals(beside))

    def vi(self, beside: "Quantity | None" = None) -> str:
        """As in Vietnamese: 38,2 Mbit/s, 94,9 %, 1.400 m."""
        number = self._replace(unit=_UNITS_VI.get(self.unit, self.unit))
        return _text(number, self._decimals(beside)).translate(_VIETNAMESE)

    def _decimals(self, beside: "Quantity | None") -> int:
        decimals = _DECIMALS.get(self.unit, 1)
        if beside is None or beside.value == self.value:
            return decimals
        while decimals < _MOST_DECIMALS and _text(self, decimals) == _text(beside, decimals):
            decimals += 1
        return decimals


def _text(quantity: Quantity, decimals: int) -> str:
    if quantity.unit == "share":
        return f"{quantity.value * 100:,.{decimals}f} %"
    return f"{quantity.value:,.{decimals}f} {quantity.unit}"


_VIETNAMESE = str.maketrans(",.", ".,")


def joined(*sentences: Text) -> Text:
    """Several reasons as one."""
    return Text(
        vi="; ".join(sentence.vi for sentence in sentences),
        en="; ".join(sentence.en for sentence in sentences),
    )
