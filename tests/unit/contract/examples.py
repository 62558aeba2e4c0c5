"""Texts that a regular expression matches: of those that personas are written in."""

import re
import string
from collections.abc import Iterator
from functools import cache
from itertools import islice, product
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

MOST = 4
_CLASSES = {op.CATEGORY_DIGIT: "1", op.CATEGORY_WORD: "A", op.CATEGORY_SPACE: " "}


@cache
def examples(pattern: str) -> tuple[str, ...]:
    """A few texts that match the whole pattern."""
    found = (text for text in _of(parser.parse(pattern)) if re.fullmatch(pattern, text))
    return tuple(dict.fromkeys(islice(found, MOST)))


def _of(parts: Any) -> Iterator[str]:
    choices = [list(islice(_of_part(kind, value), MOST)) for kind, value in parts]
    return ("".join(texts) for texts in product(*choices))


def _of_part(kind: Any, value: Any) -> Iterator[str]:
    if kind is op.LITERAL:
        yield chr(value)
    elif kind in {op.ANY, op.NOT_LITERAL}:
        yield "A"
    elif kind is op.IN:
        yield from _of_set(value)
    elif kind is op.BRANCH:
        for branch in value[1]:
            yield from _of(branch)
    elif kind is op.SUBPATTERN:
        yield from _of(value[-1])
    elif kind in {op.MAX_REPEAT, op.MIN_REPEAT}:
        low, high, body = value
        for count in range(low, min(high, low + 1) + 1):
            for text in _of(body):
                yield text * count
    else:
        yield ""


def _of_set(parts: Any) -> Iterator[str]:
    kinds = dict(parts)
    if op.NEGATE in kinds:
        yield from (
            char for char in string.ascii_letters + string.digits if not _excluded(char, parts)
        )
        return
    for kind, value in parts:
        if kind is op.LITERAL:
            yield chr(value)
        elif kind is op.RANGE:
            yield from map(chr, range(value[0], value[1] + 1))
        elif kind is op.CATEGORY:
            yield _CLASSES.get(value, "A")


def _excluded(char: str, parts: Any) -> bool:
    return any(
        (kind is op.LITERAL and chr(value) == char)
        or (kind is op.RANGE and value[0] <= ord(char) <= value[1])
        for kind, value in parts
    )
