"""What a kind of record needs to be shown to a person."""

from dataclasses import dataclass
from typing import Any, Protocol

from rich.table import Table

from agent.words import Words
from wire.messages import AnyMeasurement


@dataclass(frozen=True, kw_only=True)
class Page:
    """What a record says, without how it ended."""

    headline: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    """Label and text."""
    tables: tuple[Table, ...] = ()


class Renderer(Protocol):
    """A module of `agent.commands._show`, named as the kind."""

    SHOWN: frozenset[str]
    """Fields of the payload that the page has; the others are listed by their own names."""

    def page(self, record: AnyMeasurement, payload: Any, words: Words) -> Page:
        """What the record says; `payload` is its own, of the module's kind."""

    def figure(self, record: AnyMeasurement) -> float | None:
        """What repeated tests are compared by; None where the record does not have it."""

    def said(self, figure: float | None, words: Words) -> str:
        """The figure in words, with its unit."""
