"""One look at the radio."""

from collections.abc import Iterator

from agent.commands._page import Page
from agent.commands._show.scan import cells, level_dbm
from agent.words import Words
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload
from wire.messages import AnyMeasurement

SHOWN = frozenset(
    {
        "mode",
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


def page(_: AnyMeasurement, payload: Payload, words: Words) -> Page:
    """What the modem hears."""
    return Page(
        headline=words(
            "radio",
            mode=words.text(payload.mode),
            plmn=words.text(payload.plmn),
            registration=words.text(payload.registration),
        ),
        lines=tuple(_lines(payload, words)),
        tables=(cells(payload.neighbours, words),) if payload.neighbours else (),
    )


def figure(record: AnyMeasurement) -> float | None:
    """The serving cell's level in dBm."""
    serving = None if record.payload is None else record.payload.serving
    return None if serving is None else level_dbm(serving)


def said(figure: float | None, words: Words) -> str:
    """In dBm."""
    return words.number(figure, "dBm")


def _lines(payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    yield words("label.serving"), _cell(payload.serving, words)
    yield words("label.nr"), words("none") if payload.nr is None else _cell(payload.nr, words)
    for carrier in payload.carriers:
        yield words("label.carriers"), _cell(carrier, words)
    if payload.temperature_c is not None:
        yield words("label.temperature"), words.number(payload.temperature_c, "°C")
    for unread in payload.unread:
        yield words("label.note"), words("unread", text=f"{unread.command}: {unread.text!r}")
    if payload.neighbours:
        yield words("label.neighbours"), str(len(payload.neighbours))


def _cell(cell: Cell | None, words: Words) -> str:
    if cell is None:
        return words("unknown")
    code = next((each for each in (cell.pci, cell.psc, cell.bsic) if each is not None), None)
    return f"{cell.rat.upper()}; {_levels(cell, words)}; " + words(
        "serving",
        cell=words.text(cell.cell_id),
        area=words.text(cell.lac if cell.tac is None else cell.tac),
        pci=words.text(code),
        arfcn=words.text(cell.arfcn),
        band=words.text(cell.band),
        bandwidth=words.number(cell.bandwidth_mhz, "MHz"),
    )


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
