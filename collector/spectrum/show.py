"""Answers as lines and tables for people, in the terminal."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text as Styled

from collector.commands import printable
from collector.kpi import Text
from collector.spectrum import words
from collector.spectrum.about import (
    AreaAnswer,
    CarrierAnswer,
    ChannelAnswer,
    FrequencyAnswer,
    Seen,
)
from collector.spectrum.about_cells import CellInContext, CellsAnswer
from collector.spectrum.premises import CarrierInContext, Premises
from collector.spectrum.relation import mhz
from collector.spectrum.tv_sites import Transmitter

Answer = ChannelAnswer | CarrierAnswer | FrequencyAnswer | AreaAnswer | CellsAnswer

MAX_TRANSMITTERS = 10
"""Nearest sites that a person is shown; all of them are in the JSON."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def show(answer: Answer, lang: str) -> Group:
    """All of an answer; `lang` is `vi` or `en`."""
    if isinstance(answer, ChannelAnswer):
        body = _channel(answer, lang)
    elif isinstance(answer, CarrierAnswer):
        body = _carriers(answer.carriers, lang)
    elif isinstance(answer, FrequencyAnswer):
        body = _frequency(answer, lang)
    elif isinstance(answer, AreaAnswer):
        body = _area(answer, lang)
    else:
        body = _cells(answer, lang)
    given = answer.premises
    return Group(
        *_head(given, lang), *body, *_transmitters(given.transmitters, lang), *_foot(given, lang)
    )


def said(text: Text, lang: str) -> str:
    """The sentence of one language."""
    return text.vi if lang == "vi" else text.en


def _head(given: Premises, lang: str) -> Iterator[RenderableType]:
    where = _word("all_viet_nam", lang)
    if given.place is not None:
        inside = ", ".join(given.place.provinces)
        name = inside if inside == given.place.name else f"{given.place.name} - {inside}"
        where = f"{name} ({said(given.place.how, lang)})"
    yield printable(f"{where}; {_day(given.date, lang)}; {said(given.plan, lang)}")
    by_basis: dict[str, list[int]] = {}
    for one in given.channels:
        label = said(words.BASES[one.basis], lang)
        if given.place is not None and one.provinces is not None:
            label += f" - {', '.join(one.provinces)}"
        by_basis.setdefault(label, []).append(one.channel)
    listed = "; ".join(f"{words.numbers(found)} ({label})" for label, found in by_basis.items())
    yield printable(f"{_word('channels', lang)}: {listed}")


def _foot(given: Premises, lang: str) -> Iterator[RenderableType]:
    yield Styled("")
    for text in (given.elsewhere, given.limits.can, given.limits.cannot):
        yield printable(said(text, lang))


def _channel(answer: ChannelAnswer, lang: str) -> Iterator[RenderableType]:
    yield printable(
        f"{_word('channel', lang)} {answer.channel}: {mhz(answer.span)} MHz,"
        f" {_word('centre', lang)} {answer.centre_mhz:g} MHz"
    )
    for one in answer.allotments:
        until = (
            "" if one.valid_to is None else f" ({_word('until', lang)} {_day(one.valid_to, lang)})"
        )
        yield printable(f"  {said(one.note, lang)}{until}; {one.source}")
    if not answer.in_force:
        yield printable(f"  {_word('not_in_force', lang)}")
    if answer.provinces:
        yield printable(f"  {_word('old_provinces', lang)}: {', '.join(answer.provinces)}")
    multiples = ", ".join(f"{order} x: {mhz(span)}" for order, span in answer.harmonics.items())
    yield printable(f"  {_word('multiples', lang)} (MHz): {multiples}")
    table = _table(lang, "block", "holder", "relation", "downlink_gap", "uplink_gap")
    for beside in answer.blocks:
        found = beside.beside
        _row(
            table,
            beside.block.name,
            beside.block.holder or "?",
            said(words.relation(found.relation, answer.premises.rule), lang),
            _gap(found.downlink_gap_mhz),
            _gap(found.uplink_gap_mhz),
        )
    yield table


def _carriers(
    found: Iterable[CarrierInContext], lang: str, indent: str = ""
) -> Iterator[RenderableType]:
    for one in found:
        blocks = f" [{', '.join(one.blocks)}]" if one.blocks else ""
        yield printable(f"{indent}{said(words.carrier(one.carrier), lang)}{blocks}")
        yield printable(f"{indent}  {said(one.said, lang)}")
        for direction in ("downlink", "uplink"):
            nearest = one.context.nearest(direction)
            if nearest is not None:
                gap = getattr(nearest, f"{direction}_gap_mhz")
                yield printable(
                    f"{indent}  {_word(direction, lang)}: {_word('nearest', lang)}"
                    f" {nearest.channel}, {_gap(gap)} MHz"
                )
        listed = one.context.harmonics_only_listed
        if listed:
            yield printable(
                f"{indent}  {_word('only_listed', lang)}: {said(words.harmonics(listed), lang)}"
            )
        if one.carrier.note is not None:
            yield printable(f"{indent}  {said(one.carrier.note, lang)}")


def _frequency(answer: FrequencyAnswer, lang: str) -> Iterator[RenderableType]:
    channel = "-" if answer.channel is None else str(answer.channel)
    yield printable(f"{mhz(answer.span)} MHz: {_word('channel', lang)} {channel}")
    for direction, names in (("downlink", answer.downlink_of), ("uplink", answer.uplink_of)):
        if names:
            yield printable(f"  {_word(direction, lang)}: {', '.join(names)}")
    yield printable(f"  {_word('as_downlink', lang)}: {said(answer.said, lang)}")


def _area(answer: AreaAnswer, lang: str) -> Iterator[RenderableType]:
    table = _table(lang, "block", "downlink_mhz", "uplink_mhz", "holder", "relation")
    for one in answer.blocks:
        _row(
            table,
            one.block.name,
            mhz(one.block.downlink),
            mhz(one.block.uplink),
            one.block.holder or "?",
            said(one.said, lang),
        )
    yield table
    if answer.seen is None:
        yield printable(_word("no_lake", lang))
    else:
        yield from _seen(answer.seen, lang)


def _seen(seen: Seen, lang: str) -> Iterator[RenderableType]:
    yield printable(f"{_word('seen', lang)}, {seen.period.label}:")
    if not seen.carriers:
        yield printable(f"  {_word('nothing', lang)}")
    else:
        table = _table(lang, "operator", "carrier", "cells", "looks", "relation")
        for one in seen.carriers:
            for found in one.carriers:
                _row(
                    table,
                    one.seen.operator or one.seen.plmn,
                    said(words.carrier(found.carrier), lang),
                    str(one.seen.cells),
                    str(one.seen.looks),
                    said(found.said, lang),
                )
            if not one.carriers:
                _row(
                    table,
                    one.seen.operator or one.seen.plmn,
                    f"{one.seen.rat.value} {one.seen.arfcn}",
                    str(one.seen.cells),
                    str(one.seen.looks),
                    said(words.UNKNOWN_CARRIER, lang),
                )
        yield table
    yield from _left_out(seen.left_out, lang)


def _cells(answer: CellsAnswer, lang: str) -> Iterator[RenderableType]:
    counted = "; ".join(
        f"{count} {said(words.PATTERNS[pattern], lang)}"
        for pattern, count in answer.patterns.items()
    )
    yield printable(f"{answer.period.label}: {counted or _word('nothing', lang)}")
    for one in answer.cells:
        yield from _cell(one, lang)
    yield from _left_out(answer.left_out, lang)


def _cell(one: CellInContext, lang: str) -> Iterator[RenderableType]:
    cell, shows = one.cell, one.judged
    leg = f" ({_word('leg', lang)})" if cell.leg else ""
    yield Styled("")
    yield printable(
        f"{cell.operator or cell.plmn} {cell.plmn}:{cell.cell_id} PCI {_known(cell.pci)}{leg}:"
        f" {said(one.pattern, lang)}"
    )
    for label, found in (
        ("all_hours", shows.all_hours),
        ("busy", shows.busy),
        ("low_load", shows.low_load),
    ):
        yield printable(
            f"  {_word(label, lang)}: RSRP {_known(found.rsrp_dbm)} dBm, SINR"
            f" {_known(found.sinr_db)} dB, RSRQ {_known(found.rsrq_db)} dB,"
            f" {_word('neighbour', lang)} {_known(found.neighbour_below_db)} dB"
            f" (n = {found.samples}, {found.hours} h)"
        )
    if shows.first_poor_hour is not None and shows.last_poor_hour is not None:
        hours = ", ".join(f"{hour:02}" for hour in shows.poor_hours_of_day) or "-"
        yield printable(
            f"  {_word('poor', lang)}: {_clock(shows.first_poor_hour)} -"
            f" {_clock(shows.last_poor_hour)}; {_word('hours', lang)}: {hours}"
        )
    if one.places:
        yield printable(f"  {_word('heard_in', lang)}: {', '.join(p.name for p in one.places)}")
    yield from _carriers(one.carriers, lang, indent="  ")
    yield from _transmitters(one.transmitters, lang)
    if one.report is not None:
        yield printable(f"  => {said(one.report, lang)}")


def _transmitters(found: Sequence[Transmitter], lang: str) -> Iterator[RenderableType]:
    if not found:
        return
    yield printable(f"{_word('sites', lang)}:")
    for one in found[:MAX_TRANSMITTERS]:
        power = "" if one.erp_kw is None else f", {one.erp_kw:g} kW"
        yield printable(
            f"  {one.distance_km:.1f} km: {one.name}, {_word('channel', lang)} {one.channel}{power}"
        )


def _left_out(found: dict[str, int], lang: str) -> Iterator[RenderableType]:
    if found:
        listed = ", ".join(f"{reason} {count}" for reason, count in found.items())
        yield printable(f"{_word('left_out', lang)}: {listed}")


def _table(lang: str, *headings: str) -> Table:
    table = Table(expand=False, pad_edge=False)
    for heading in headings:
        table.add_column(_word(heading, lang))
    return table


def _row(table: Table, *texts: str) -> None:
    table.add_row(*map(printable, texts))


def _gap(gap_mhz: float | None) -> str:
    return "-" if gap_mhz is None else f"{gap_mhz:g}"


def _known(value: float | None) -> str:
    return "?" if value is None else f"{value:g}"


def _day(day: date, lang: str) -> str:
    return f"{day:%d/%m/%Y}" if lang == "vi" else day.isoformat()


def _clock(hour: int) -> str:
    """A local clock hour since 1970."""
    return f"{_EPOCH + timedelta(hours=hour):%Y-%m-%d %H:00}"


def _word(key: str, lang: str) -> str:
    vi, en = _WORDS[key]
    return vi if lang == "vi" else en


_WORDS = {
    "all_hours": ("mọi giờ", "all hours"),
    "all_viet_nam": ("toàn Việt Nam", "all of Viet Nam"),
    "as_downlink": ("xét như tần số thu", "taken as something to receive on"),
    "block": ("Khối băng tần", "Block"),
    "busy": ("giờ khác", "other hours"),
    "carrier": ("Sóng mang", "Carrier"),
    "cells": ("Số cell", "Cells"),
    "centre": ("tâm", "centre"),
    "channel": ("kênh", "channel"),
    "channels": ("Kênh truyền hình theo quy hoạch", "Television channels by the plan"),
    "downlink": ("đường xuống", "downlink"),
    "downlink_gap": ("Cách đường xuống (MHz)", "From downlink (MHz)"),
    "downlink_mhz": ("Đường xuống (MHz)", "Downlink (MHz)"),
    "heard_in": ("thu được tại", "heard in"),
    "holder": ("Đơn vị được cấp", "Holder"),
    "hours": ("các giờ kém", "poor hours of the day"),
    "left_out": ("bị loại", "left out"),
    "leg": ("nhánh NR của EN-DC", "NR leg of EN-DC"),
    "looks": ("Số lần đo", "Looks"),
    "low_load": ("giờ thấp tải", "low load"),
    "nearest": ("gần nhất là kênh", "nearest is channel"),
    "neighbour": ("lân cận cùng tần số yếu hơn", "neighbour on the carrier weaker by"),
    "no_lake": (
        "không có kho số liệu: chưa xem sóng mang nào được thu tại đây (--config)",
        "no lake at hand: carriers seen here were not looked for (--config)",
    ),
    "not_in_force": (
        "không được quy hoạch cho nơi và ngày này: coi như không liên quan",
        "not in force at this place on this day: it stands in no relation",
    ),
    "nothing": ("không có số liệu", "nothing measured"),
    "old_provinces": ("các tỉnh trước 01/07/2025", "provinces as before 1 July 2025"),
    "only_listed": (
        "hài bậc cao, chỉ liệt kê",
        "harmonics of high order, listed only",
    ),
    "multiples": ("bội tần", "multiples"),
    "operator": ("Nhà mạng", "Operator"),
    "poor": ("kém", "poor"),
    "relation": ("Quan hệ với truyền hình", "Relation to television"),
    "seen": ("Sóng mang đầu đo đã thu", "Carriers probes were served by"),
    "sites": ("Trạm truyền hình trong danh sách", "Television sites of the list"),
    "until": ("đến", "to"),
    "uplink": ("đường lên", "uplink"),
    "uplink_gap": ("Cách đường lên (MHz)", "From uplink (MHz)"),
    "uplink_mhz": ("Đường lên (MHz)", "Uplink (MHz)"),
}
