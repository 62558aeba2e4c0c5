"""A record as a person reads it. A kind has its own module here, or is shown field by field.

A module offers what `agent.commands._page.Renderer` promises; no list names them.
"""

import importlib
import pkgutil
from functools import cache
from typing import cast

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.advice import after_test
from agent.commands._page import Page, Renderer
from agent.commands._show import _fields
from agent.commands._show._common import around
from agent.words import Words, printable
from wire.messages import AnyMeasurement, Outcome

GOOD = frozenset({Outcome.OK, Outcome.SLOW})


def show(console: Console, record: AnyMeasurement, words: Words) -> None:
    """Print how the record ended, what it says, and what to do next where it did not end well."""
    renderer = renderers().get(record.kind, _fields)
    payload = record.payload
    page = Page() if payload is None else renderer.page(record, payload, words)
    because = "" if record.reason is None else f": {escape(printable(_why(record.reason, words)))}"
    colour = "green" if record.outcome in GOOD else "red"
    outcome = words.named("outcome", record.outcome)
    kind = words.named("kind", record.kind)
    console.print(f"{kind}: [bold {colour}]{outcome}[/bold {colour}]{because}")
    if page.headline:
        console.print(f"[bold]{escape(printable(page.headline))}[/bold]")
    lines = list(page.lines)
    if payload is not None:
        lines += _fields.others(payload, renderer.SHOWN)
    lines += around(record, words)
    advice = after_test(record.outcome, record.reason)
    if advice is not None:
        lines.append((words("label.next"), words.advice(advice)))
    _print_lines(console, lines)
    for table in page.tables:
        console.print(table)


def _why(reason: str, words: Words) -> str:
    """The reason as the record has it, and what it means where there are words for it."""
    meaning = words.meaning(reason)
    return reason if meaning is None else f"{reason} ({meaning})"


def _print_lines(console: Console, lines: list[tuple[str, str]]) -> None:
    """Labels beside their texts, which are wrapped below themselves on a terminal only."""
    if not console.is_terminal:
        width = max(len(label) for label, _ in lines)
        for label, text in lines:
            console.out(f"{label:<{width}}  {printable(text)}")
        return
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for label, text in lines:
        grid.add_row(f"[dim]{escape(label)}[/dim]", escape(printable(text)))
    console.print(grid)


@cache
def renderers() -> dict[str, Renderer]:
    """Every kind of record that has a page of its own."""
    names = [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]
    return {name: cast("Renderer", importlib.import_module(f"{__name__}.{name}")) for name in names}
