"""Numbers as people write them: 12.5, 12,5 and 1.234.567 are not the same everywhere."""

import re
from collections.abc import Iterable
from typing import NamedTuple, Self

_NUMBER = re.compile(r"[+-]?(\d+([.,]\d+)?|[.,]\d+)([eE][+-]?\d+)?")
_GROUPS = re.compile(r"[+-]?\d{1,3}(?P<mark>[.,\u00a0\u202f ])\d{3}((?P=mark)\d{3})*")


class Decimals(NamedTuple):
    """Which mark stands before the decimals in one file."""

    mark: str | None
    """`.` or `,`; None where nothing in the file tells."""

    @classmethod
    def of(cls, coordinates: Iterable[str]) -> Self:
        """As the coordinates of the file have it: they always have decimals and never groups."""
        texts = list(coordinates)
        if any("," in text for text in texts):
            return cls(",")
        return cls("." if any("." in text for text in texts) else None)

    def number(self, text: str | float) -> float:
        """The number; raises ValueError where it is none or may be two."""
        if not isinstance(text, str):
            return text
        grouped = _GROUPS.fullmatch(text)
        if grouped is not None and grouped["mark"] != self.mark:
            mark = grouped["mark"]
            if self.mark is None and mark in ".," and text.count(mark) == 1:
                without = text.replace(mark, "")
                what = f"{text} may be {without} or {text.replace(',', '.')}: write {without}"
                raise ValueError(f"{what} without a mark, or with more or fewer decimals")
            return float(text.replace(mark, ""))
        if _NUMBER.fullmatch(text) is None:
            raise ValueError(f"{text!r} is no number")
        return float(text.replace(",", "."))
