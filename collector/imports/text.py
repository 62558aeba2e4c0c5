"""Foreign text: made comparable when it is read, harmless when it is written."""

import csv
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u0060\u00b4", "'"))
"""As in Đắk R'Moan, which every keyboard writes differently."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def nfc(text: str) -> str:
    """With one character for each letter, and without blanks at its ends and in rows."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def folded(text: str) -> str:
    """The same for texts that differ only in case, blanks, apostrophes or how letters are made."""
    return nfc(text).casefold().translate(_APOSTROPHES)


def bare(text: str) -> str:
    """Folded and without marks: the same for Đắk and Đăk, which are written side by side."""
    letters = unicodedata.normalize("NFD", folded(text))
    return "".join(one for one in letters if not unicodedata.combining(one)).replace("đ", "d")


def harmless(value: object) -> object:
    """A value for a table that people open: no text in it is run as a formula.

    Spreadsheets run what begins with `=`, `+`, `-` or `@` (OWASP: CSV injection).
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value


def write_csv(stream: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table that people and programs read: quoted, and without formulas."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([harmless(value) for value in row] for row in rows)
