"""GSM cells still heard (target T4): evidence, and never a verdict.

What a GSM scan hears of each network in range, and what modems were served by on GSM, as a set of
cells with when each was first and last heard. Circulars 03/2024, 04/2024 and 10/2024 bar telephones
that know 2G only (from 16 October 2024); the carriers may stay until 15 September 2026 for those
without voice over LTE. So a cell on the air breaks no rule before that day, and after it there is
still the operator to be asked. Whether a 2G-only telephone is served, no LTE modem can say: the bar
goes by the telephone's own identity (TAC of its IMEI), and machines are exempt from it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import ibis
import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from ibis.expr import types as ir

from collector.kpi import (
    KEY,
    Area,
    Extract,
    Finding,
    Ground,
    Measured,
    Need,
    Period,
    Scope,
    Source,
    Text,
)
from collector.kpi._attempts import (
    AREA_COLUMNS,
    COLUMNS,
    LEVELS,
    located_in_areas,
    position_exclusions,
    probe_exclusions,
    settings,
    with_operator,
)
from collector.kpi._cadence import thinned
from wire.cells import Cell, Rat

TITLE = Text(vi="Ô GSM còn nghe được", en="GSM cells still heard")
UNIT = "cells"
HIGHER_IS_BETTER = False
TOGETHER = "any"
TABLES = ("scan", "radio")
EVIDENCE_ONLY = True

_LOCAL = timedelta(hours=7)
_SHOWN_CELLS = 200
_DIGITS = 12
_cells = msgspec.json.Decoder(tuple[Cell, ...])
_rats = msgspec.json.Decoder(tuple[str, ...])


class Parameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a target's file may set."""

    carriers_until: date
    """Last day on which GSM carriers may be on the air beside the bar on 2G-only telephones."""
    max_position_error_m: float = 1000.0
    """A cell of GSM reaches for kilometres."""


def extracts(*, ground: Ground, parameters: Parameters) -> tuple[Extract, ...]:
    """Scans that looked for GSM, and looks at the radio that found the modem served by it."""
    of_all = settings(ground, parameters)
    scans = partial(_scans, parameters=parameters)
    served = partial(_served, ground=ground, parameters=parameters)
    return (
        Extract("gsm_scans", "scan", scans, of_all, _gsm_only),
        Extract("gsm_served", "radio", served, of_all),
    )


def measure(
    source: Source,
    *,
    ground: Ground,
    levels: Sequence[str],
    period: Period,
    threshold: float,
    parameters: Parameters,
) -> Measured:
    """One finding for each area of `levels` and each operator, and for any of them."""
    del threshold
    scans, served = (
        source.rows(extract, period) for extract in extracts(ground=ground, parameters=parameters)
    )
    scans, served = (_located(rows, ground) for rows in (scans, served))
    survey = _Survey(scans, served, ground, period, parameters)
    return Measured(
        findings=tuple(
            survey.finding(area, operator)
            for level in levels
            for area in ground.at(level)
            for operator in (*(one.name for one in ground.operators), TOGETHER)
        ),
        n=scans["reason"].null_count + served["reason"].null_count,
        failures=0,
        excluded=_reasons(scans),
        rows=_rows(scans, served, ground),
    )


def _scans(table: ir.Table, *, parameters: Parameters) -> ir.Table:
    rows = table.select(*COLUMNS, *AREA_COLUMNS, "cells", "rats", "unread")
    before = (
        *probe_exclusions(rows),
        (rows.outcome.isin(["failed", "no_service"]), "failed"),
        *position_exclusions(rows, max_error_m=parameters.max_position_error_m),
        (rows.unread.notnull(), "unread"),
    )
    return _kept(rows, "cells", "rats", before=ibis.cases(*before, else_=None))


def _gsm_only(rows: pa.Table) -> pa.Table:
    """Scans that looked for GSM, each with the GSM cells it heard alone."""
    looked = [_looked_for_gsm(text) for text in rows["rats"].to_pylist()]
    rows = rows.drop_columns(["rats"]).filter(pa.array(looked, pa.bool_()))
    heard = [_gsm_cells(text) for text in rows["cells"].to_pylist()]
    return rows.set_column(rows.column_names.index("cells"), "cells", pa.array(heard, pa.string()))


def _looked_for_gsm(text: str | None) -> bool:
    """No technology named is all that the command hears."""
    try:
        rats = _rats.decode(text) if text else ()
    except ValueError:
        return True
    return not rats or Rat.GSM in rats


def _gsm_cells(text: str | None) -> str:
    try:
        cells = _cells.decode(text) if text else ()
    except ValueError:
        return "[]"
    return msgspec.json.encode([one for one in cells if one.rat is Rat.GSM]).decode()


def _served(table: ir.Table, *, ground: Ground, parameters: Parameters) -> ir.Table:
    names = ("plmn", "serving_rat", "serving_lac", "serving_cell_id", "serving_arfcn")
    rows = table.select(*COLUMNS, *AREA_COLUMNS, *names, "serving_mcc", "serving_mnc")
    rows = thinned(rows.filter(rows.serving_rat == "gsm"))
    rows = with_operator(
        rows, ibis.coalesce(rows.plmn, rows.serving_mcc + rows.serving_mnc), ground
    )
    before = (
        *probe_exclusions(rows),
        *position_exclusions(rows, max_error_m=parameters.max_position_error_m),
        (rows.operator.isnull(), "other_operator"),
    )
    return _kept(
        rows,
        "operator",
        lac=rows.serving_lac,
        ci=rows.serving_cell_id,
        arfcn=rows.serving_arfcn,
        before=ibis.cases(*before, else_=None),
    )


def _kept(rows: ir.Table, *names: str, **says: ir.Value) -> ir.Table:
    return rows.select(
        *KEY,
        "date",
        "utc",
        "received_utc",
        *AREA_COLUMNS,
        *names,
        lat_deg=rows.position_lat_deg,
        lon_deg=rows.position_lon_deg,
        error_m=ibis.cases(
            (rows.position_source == "surveyed", 0.0), else_=rows.position_horizontal_error_m
        ),
        **says,
    )


def _located(rows: pa.Table, ground: Ground) -> pa.Table:
    found = located_in_areas(rows, ground)
    reason = pc.coalesce(rows["before"], found["reason"])
    rows = rows.drop_columns([*AREA_COLUMNS, "before"]).append_column("reason", reason)
    for name in LEVELS:
        rows = rows.append_column(name, found[name])
    return rows


class GsmCell(NamedTuple):
    """What names a cell, as far as it was said."""

    plmn: str | None
    lac: int | None
    ci: int | None
    arfcn: int | None
    """Of its broadcast carrier."""


class _Heard(NamedTuple):
    """One cell and when it was heard."""

    cell: GsmCell
    first: datetime
    last: datetime
    times: int


class _Scan(NamedTuple):
    probe: str
    utc: datetime
    codes: Mapping[str, str | None]
    cells: Sequence[GsmCell]


class _Survey:
    """All that was heard, by area and operator."""

    def __init__(
        self,
        scans: pa.Table,
        served: pa.Table,
        ground: Ground,
        period: Period,
        parameters: Parameters,
    ) -> None:
        self._scans = list(_read(scans))
        self._left = scans.filter(pc.is_valid(scans["reason"]))
        self._served = served.filter(pc.is_null(served["reason"])).to_pylist()
        self._names = {plmn: one.name for one in ground.operators for plmn in one.plmns}
        self._days = (period.end_utc - period.start_utc).days
        self._parameters = parameters

    def finding(self, area: Area, operator: str) -> Finding:
        """What was heard of one operator, or of any, in one area."""
        scans = [one for one in self._scans if one.codes[area.level] == area.code]
        served = [
            row
            for row in self._served
            if row[area.level] == area.code and operator in {row["operator"], TOGETHER}
        ]
        cells = self._heard(operator, scans, served)
        probes = {one.probe for one in scans}
        days = {(one.probe, (one.utc + _LOCAL).date()) for one in scans}
        missing = max(len(probes), 1) * self._days - len(days)
        here = pc.fill_null(pc.equal(self._left[area.level], area.code), False)
        return Finding(
            scope=Scope(level=area.level, code=area.code, name=area.name, operator=operator),
            estimate=float(len(cells)) if scans or cells else None,
            lower=None,
            upper=None,
            n=len(scans) + len(served),
            blocks=len(days),
            excluded=_reasons(self._left.filter(here)),
            need=(Need(what="scans", more=missing, where=area.name),) if missing else (),
            statement=self._statement(cells, len(scans)),
            context={
                "scans": len(scans),
                "scanning_probes": len(probes),
                "scans_per_probe_and_day": len(scans) / (len(probes) * self._days)
                if probes
                else None,
                "probe_days_without_scan": missing if probes else None,
                "gsm_cells": [_told(one) for one in cells[:_SHOWN_CELLS]],
            },
        )

    def _heard(
        self, operator: str, scans: Iterable[_Scan], served: Iterable[Mapping[str, Any]]
    ) -> list[_Heard]:
        """The cells, in the order of their names."""
        times: dict[GsmCell, list[datetime]] = defaultdict(list)
        for scan in scans:
            for cell in scan.cells:
                if self._is_of(cell, operator):
                    times[cell].append(scan.utc)
        for row in served:
            plmn = self._plmn_of(row["operator"])
            times[GsmCell(plmn, row["lac"], row["ci"], row["arfcn"])].append(row["utc"])
        found = [_Heard(cell, min(at), max(at), len(at)) for cell, at in times.items()]
        return sorted(found, key=lambda one: [str(part).rjust(_DIGITS) for part in one.cell])

    def _is_of(self, cell: GsmCell, operator: str) -> bool:
        name = self._names.get(cell.plmn or "")
        return name is not None and operator in {name, TOGETHER}

    def _plmn_of(self, operator: str) -> str:
        return next(plmn for plmn, name in self._names.items() if name == operator)

    def _statement(self, cells: Sequence[_Heard], scans: int) -> Text:
        until = self._parameters.carriers_until
        if not scans and not cells:
            return Text(vi="chưa quét GSM", en="no GSM scan was made")
        if not cells:
            return Text(
                vi=f"không nghe thấy ô GSM nào trong {scans} lần quét: phù hợp với việc đã dừng;"
                f" {_PHONES.vi}",
                en=f"no GSM cell heard in {scans} scans: consistent with the stop; {_PHONES.en}",
            )
        last = max(one.last for one in cells) + _LOCAL
        if last.date() <= until:
            return Text(
                vi=f"{len(cells)} ô GSM còn phát, được phép đến hết {_day(until)} để phục vụ thoại"
                f" cho máy chưa có VoLTE; {_PHONES.vi}",
                en=f"{len(cells)} GSM cells on the air, allowed to the end of {until} for voice of"
                f" telephones without VoLTE; {_PHONES.en}",
            )
        return Text(
            vi=f"{len(cells)} ô GSM còn phát, lần cuối ngày {_day(last.date())}, sau hạn"
            f" {_day(until)}: đề nghị nhà mạng giải trình; {_PHONES.vi}",
            en=f"{len(cells)} GSM cells on the air, last on {last.date()}, after {until}: the"
            f" operator is to be asked; {_PHONES.en}",
        )


_PHONES = Text(
    vi="máy chỉ có 2G còn được phục vụ hay không thì phải thử bằng chính máy đó",
    en="whether 2G-only telephones are served only a try with one can tell",
)


def _day(day: date) -> str:
    return f"{day:%d/%m/%Y}"


def _told(one: _Heard) -> dict[str, str | int | None]:
    return {
        **one.cell._asdict(),
        "first_utc": one.first.isoformat(),
        "last_utc": one.last.isoformat(),
        "times": one.times,
    }


def _read(scans: pa.Table) -> Iterable[_Scan]:
    counts = scans.filter(pc.is_null(scans["reason"]))
    for row in counts.to_pylist():
        cells = {
            GsmCell(one.plmn, one.lac, one.cell_id, one.arfcn)
            for one in _cells.decode(row["cells"])
        }
        codes = {level: row[level] for level in LEVELS}
        yield _Scan(row["probe"], row["utc"], codes, sorted(cells, key=str))


def _reasons(rows: pa.Table) -> dict[str, int]:
    counted = pc.value_counts(pc.drop_null(rows["reason"].combine_chunks())).to_pylist()
    return dict(sorted((one["values"], one["counts"]) for one in counted))


def _rows(scans: pa.Table, served: pa.Table, ground: Ground) -> pa.Table:
    """One row for each scan and operator, since a scan hears them all; and those served by GSM."""
    parts = [
        scans.append_column("operator", pa.repeat(one.name, len(scans))) for one in ground.operators
    ]
    return pa.concat_tables([*parts, served], promote_options="default")
