"""One look at the radio."""

from collections.abc import Iterator

from agent.commands._page import Page
from agent.commands._show._common import counts
from agent.commands._show.scan import cells, level_dbm
from agent.words import Words
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload
from wire.messages import AnyMeasurement

SHOWN = frozenset(
    {
        "mode",
        "rrc_state",
        "registration",
        "plmn",
        "serving",
        "nr",
        "carriers",
        "neighbours",
        "temperature_c",
        "unread",
    }
)


def page(record: AnyMeasurement, payload: Payload, words: Words) -> Page:
    """What the modem hears."""
    parts = []
    if payload.mode is not None:
        parts.append(words.named("mode", payload.mode))
    if payload.plmn is not None:
        parts.append(words("of_plmn", plmn=payload.plmn))
    if payload.registration is not None:
        parts.append(words.named("registration", payload.registration))
    return Page(
        headline=", ".join(parts) or words("nothing_heard" if counts(record) else "no_figure"),
        lines=tuple(_lines(record, payload, words)),
        tables=(cells(payload.neighbours, words),) if payload.neighbours else (),
    )


def figure(record: AnyMeasurement) -> float | None:
    """The serving cell's level in dBm."""
    serving = None if record.payload is None else record.payload.serving
    return None if serving is None else level_dbm(serving)


def said(figure: float | None, words: Words) -> str:
    """In dBm."""
    return words.number(figure, "dBm")


def _lines(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    serving = payload.serving
    nowhere = words("none" if counts(record) else "unknown")
    yield words("label.serving"), nowhere if serving is None else _cell(serving, words)
    yield from _of_nr(payload, words)
    for carrier in payload.carriers:
        yield words("label.carriers"), _cell(carrier, words)
    if payload.rrc_state is not None:
        yield words("label.rrc"), words.named("rrc", payload.rrc_state)
    if payload.temperature_c is not None:
        yield words("label.temperature"), words.number(payload.temperature_c, "°C")
    for unread in payload.unread:
        yield words("label.note"), words("unread", text=f"{unread.command}: {unread.text!r}")
    if payload.neighbours:
        yield words("label.neighbours"), str(len(payload.neighbours))


def _of_nr(payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    """The NR leg beside LTE; other technologies have none."""
    if payload.nr is not None:
        yield words("label.nr"), _cell(payload.nr, words)
    elif payload.serving is None:
        return
    elif payload.serving.rat is Rat.NR:
        yield words("label.note"), words("alone")
    elif payload.serving.rat is Rat.LTE:
        yield words("label.nr"), words("none")


def _cell(cell: Cell, words: Words) -> str:
    """Levels, then what is known of its identity."""
    area = ("LAC", cell.lac) if cell.tac is None else ("TAC", cell.tac)
    codes = (area, ("PCI", cell.pci), ("PSC", cell.psc), ("BSIC", cell.bsic))
    parts = [] if cell.cell_id is None else [words("cell_id", cell=cell.cell_id)]
    parts += [f"{name} {value}" for name, value in codes if value is not None]
    if cell.arfcn is not None:
        parts.append(words("channel", arfcn=cell.arfcn))
    if cell.band is not None:
        parts.append(words("band", band=cell.band))
    if cell.bandwidth_mhz is not None:
        parts.append(words.number(cell.bandwidth_mhz, "MHz"))
    said = (cell.rat.upper(), _levels(cell, words), ", ".join(parts))
    return "; ".join(part for part in said if part)


def _levels(cell: Cell, words: Words) -> str:
    if cell.rat is Rat.GSM:
        return words("levels_2g", rssi=words.number(cell.rssi_dbm, "dBm"))
    if cell.rat is Rat.WCDMA:
        return words(
            "levels_3g",
            rscp=words.number(cell.rscp_dbm, "dBm"),
            ecio=words.number(cell.ecio_db, "dB"),
        )
    return words(
        "levels",
        rsrp=words.number(cell.rsrp_dbm, "dBm"),
        rsrq=words.number(cell.rsrq_db, "dB"),
        sinr=words.number(cell.sinr_db, "dB"),
    )
