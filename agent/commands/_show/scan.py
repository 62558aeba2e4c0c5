"""A scan for cells."""

from rich.markup import escape
from rich.table import Table

from agent.commands._page import Page
from agent.commands._show._common import counts
from agent.words import Words, printable
from wire.cells import Cell
from wire.kinds.scan import Payload
from wire.messages import AnyMeasurement

SHOWN = frozenset({"command", "duration_s", "rats", "cells", "unread"})


def page(record: AnyMeasurement, payload: Payload, words: Words) -> Page:
    """Every cell that was heard."""
    lines = [(words("label.method"), payload.command)]
    if payload.rats:
        lines.append((words("label.rats"), ", ".join(rat.upper() for rat in payload.rats)))
    if payload.unread is not None:
        lines.append((words("label.note"), words("unread", text=payload.unread)))
    took = words.number(payload.duration_s, "s")
    heard = words("scan", cells=len(payload.cells), time=took)
    if not counts(record):
        heard = words("not_counted", figure=heard) if payload.cells else words("no_figure")
    return Page(
        headline=heard,
        lines=tuple(lines),
        tables=(cells(payload.cells, words),) if payload.cells else (),
    )


def figure(record: AnyMeasurement) -> float | None:
    """How many cells were heard."""
    return None if record.payload is None else float(len(record.payload.cells))


def said(figure: float | None, words: Words) -> str:
    """The number."""
    return words.number(figure)


def cells(found: tuple[Cell, ...], words: Words) -> Table:
    """One line a cell."""
    columns = ("rat", "plmn", "arfcn", "band", "id", "code", "level")
    table = Table(*(words(f"cell.{column}") for column in columns))
    for cell in found:
        code = next((each for each in (cell.pci, cell.psc, cell.bsic) if each is not None), None)
        values = (cell.rat, cell.plmn, cell.arfcn, cell.band, cell.cell_id, code)
        table.add_row(
            *(escape(printable(words.text(value))) for value in values),
            words.number(level_dbm(cell)),
        )
    return table


def level_dbm(cell: Cell) -> float | None:
    """RSRP, RSCP or RSSI, whichever the technology has."""
    levels = (cell.rsrp_dbm, cell.rscp_dbm, cell.rssi_dbm)
    return next((level for level in levels if level is not None), None)
