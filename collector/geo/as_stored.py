"""Coordinates and texts in the one form in which they are stored, hashed and judged."""

import unicodedata
from typing import Any

import shapely

DECIMALS = 7
"""Of a degree: a centimetre, finer than any survey a verdict rests on."""


def rounded(geometry: Any) -> Any:
    """The geometry, or an array of them, without heights; None stays None."""
    return shapely.transform(geometry, lambda degrees: degrees.round(DECIMALS))


def nfc(text: str) -> str:
    """The text with one character for each letter, blanks at its ends and in rows left out."""
    return " ".join(unicodedata.normalize("NFC", text).split())
