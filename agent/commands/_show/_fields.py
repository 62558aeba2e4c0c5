"""Any record field by field, for a kind that has no page of its own."""

from collections.abc import Iterator

import msgspec

from agent.commands._page import Page
from agent.words import Words
from wire.messages import AnyMeasurement

MANY = 12
"""Longer lists are shown by their length only; `--json` has them whole."""


SHOWN: frozenset[str] = frozenset()
"""Its page shows whatever no other page does."""


def page(_: AnyMeasurement, payload: msgspec.Struct, words: Words) -> Page:  # noqa: ARG001  # fields have their own names
    """Nothing of its own."""
    return Page()


def figure(_: AnyMeasurement) -> float | None:
    """Nobody knows which of its numbers matters."""
    return None


def said(figure: float | None, words: Words) -> str:
    """The number alone."""
    return words.number(figure)


def others(payload: msgspec.Struct, shown: frozenset[str]) -> Iterator[tuple[str, str]]:
    """The fields of a payload that its page does not show, one a line, named by their path."""
    for name, value in msgspec.to_builtins(payload).items():
        if name not in shown:
            yield from _lines(name, value)


def _lines(name: str, value: object) -> Iterator[tuple[str, str]]:
    match value:
        case None:
            return
        case dict():
            for key, inner in value.items():
                yield from _lines(f"{name}.{key}", inner)
        case [dict(), *_] if len(value) <= MANY:
            for index, inner in enumerate(value):
                yield from _lines(f"{name}[{index}]", inner)
        case list() | tuple():
            many = f"{len(value)} of them"
            yield name, many if len(value) > MANY else " ".join(_word(inner) for inner in value)
        case _:
            yield name, _word(value)


def _word(value: object) -> str:
    return f"{value:.7g}" if isinstance(value, float) else str(value)
