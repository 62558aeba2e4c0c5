"""Looks and data checks together: which count, and which of the looks had service.

Shared by the KPIs of coverage, after their rows are in their places.
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from collector.kpi._arrays import Codes, Flags, Floats, Ints, flags, floats, micros, with_reason
from collector.kpi._coverage import MODEM
from collector.kpi._data_checks import Reach, Track, answers, explained
from collector.kpi._levels import LevelRule, Levels, compare


class Judged(NamedTuple):
    """Rows in the order they came in, with arrays of what is needed of them."""

    rows: pa.Table
    """With the final `reason` and `covered`."""
    is_look: Flags
    counts: Flags
    """Without a reason to be left out."""
    covered: Flags
    available: Flags
    data_ok: Flags
    doubtful: Flags
    """Looks left out because the data checks around them do not agree."""
    asked: Flags
    """Looks that a data check spoke for."""
    at_us: Ints
    """Zero where the time is unknown; such rows do not count."""
    modem: Ints
    names: dict[int, str]
    """Of the modems."""
    levels: Levels


def together(looks: pa.Table, checks: pa.Table) -> pa.Table:
    """Both in one table, with `kind`."""
    return pa.concat_tables(
        table.append_column("kind", pa.repeat(kind, len(table)))
        for table, kind in ((looks, "radio"), (checks, "latency"))
    ).combine_chunks()


def judged(
    rows: pa.Table, *, place: Ints, track: Ints, along_m: Floats, rule: LevelRule, reach: Reach
) -> Judged:
    """What is left after modems with a wrong antenna are out and the data checks have spoken.

    `place` numbers the places in which levels are compared. `track` numbers the roads or other
    tracks; a data check speaks for looks of its modem and operator on the same track, where
    `along_m` is the distance along it.
    """
    is_look = np.asarray(pc.equal(rows["kind"], "radio").to_numpy(), np.bool_)
    modems = Codes(rows, *MODEM)
    modem = modems.of_row
    operator = Codes(rows, "operator").of_row
    counts = np.asarray(pc.is_null(rows["reason"]).to_numpy(), np.bool_)
    levels = _levels(rows, counts & is_look, modem=modem, operator=operator, place=place, rule=rule)
    shifted = np.isin(modem, list(levels.shifted_db))
    rows = with_reason(rows, "level_shifted", shifted)
    counts &= ~shifted
    covered, available = flags(rows["covered"]), flags(rows["available"])
    at_us = micros(rows["utc"])
    mixed = (track * (operator.max(initial=0) + 1) + operator) * len(modems.labels) + modem
    whole = Track(np.unique(mixed, return_inverse=True)[1].astype(np.int64), at_us, along_m)
    data_ok = flags(rows["data_ok"])
    asked, failed, doubtful = (np.zeros(len(rows), np.bool_) for _ in range(3))
    look, check = np.flatnonzero(counts & is_look), np.flatnonzero(counts & ~is_look)
    without = explained(whole.at(check), whole.at(look[~covered[look]]))
    check = check[data_ok[check] | ~without]
    said = answers(whole.at(look), whole.at(check), data_ok[check], reach)
    asked[look], failed[look], doubtful[look] = said
    covered &= ~failed
    available &= ~failed
    doubtful &= covered
    rows = with_reason(rows, "data_doubtful", doubtful)
    return Judged(
        rows=_with_covered(rows, covered, is_look),
        is_look=is_look,
        counts=counts & ~doubtful,
        covered=covered,
        available=available,
        data_ok=data_ok,
        doubtful=doubtful & counts,
        asked=asked,
        at_us=at_us,
        modem=modem,
        names=dict(enumerate(" ".join(map(_text, label)) for label in modems.labels)),
        levels=levels,
    )


def _levels(
    rows: pa.Table, use: Flags, *, modem: Ints, operator: Ints, place: Ints, rule: LevelRule
) -> Levels:
    level_dbm = floats(rows["cell_rsrp_dbm"])
    use = use & np.isfinite(level_dbm) & np.asarray(pc.is_valid(rows["cell"]).to_numpy(), np.bool_)
    used = np.flatnonzero(use)
    cell = np.asarray(rows["cell"].take(pa.array(used)).to_numpy(), np.int64)
    order = np.lexsort((cell, operator[used]))
    changed = np.zeros(len(used), np.int64)
    changed[1:] = (np.diff(cell[order]) != 0) | (np.diff(operator[used][order]) != 0)
    number = np.empty(len(used), np.int64)
    number[order] = np.cumsum(changed)
    return compare(
        modem=modem[used], cell=number, place=place[used], level_dbm=level_dbm[used], rule=rule
    )


def _with_covered(rows: pa.Table, covered: Flags, is_look: Flags) -> pa.Table:
    column = pa.array(covered, mask=~is_look)
    return rows.set_column(rows.column_names.index("covered"), "covered", column)


def _text(part: object) -> str:
    return "?" if part is None else str(part)
