"""The gaps of a road as they are told: where, how sharply, who saw them, and by which rows."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from collector.kpi._arrays import US_PER_S, Ints, starts
from collector.kpi._gaps import Gap
from collector.kpi._passes import BIN_M, Driven
from collector.kpi._road_drive import Drive
from collector.kpi._road_rows import OnRoads

SHOWN = 20
"""As many gaps are told, the longest first."""
_SHOWN_ROWS = 24
"""As many runs of rows are named for each gap, the latest first."""


class _Seen(NamedTuple):
    """Looks without service in a gap, as they stand in one operator's passes."""

    driven: Driven
    look: Ints


def told(rows: OnRoads, drive: Drive) -> list[dict[str, Any]]:
    """The longest gaps of a road: chainage and coordinates, length and its error, evidence."""
    longest = sorted(drive.gaps, key=lambda gap: (-gap.length_m, gap.from_m))
    return [_gap(rows, drive, gap) for gap in longest[:SHOWN]]


def chainage(from_m: float, to_m: float) -> str:
    """A stretch in kilometres of chainage."""
    return f"km {from_m / 1000:.2f}-{to_m / 1000:.2f}"


def _gap(rows: OnRoads, drive: Drive, gap: Gap) -> dict[str, Any]:
    seen = [_Seen(driven, inside(rows, driven, gap)) for driven in drive.driven]
    at_us = np.concatenate([np.empty(0, np.int64), *(one.driven.at_us[one.look] for one in seen)])
    return {
        "from_m": gap.from_m,
        "to_m": gap.to_m,
        "length_m": gap.length_m,
        "least_m": gap.least_m,
        "most_m": gap.most_m,
        "error_m": gap.error_m,
        "excepted_m": gap.to_m - gap.from_m - gap.length_m,
        "passes": gap.passes,
        "from": _place(rows, drive, gap.from_m),
        "to": _place(rows, drive, gap.to_m),
        "first_seen": _moment(int(at_us.min())) if len(at_us) else None,
        "last_seen": _moment(int(at_us.max())) if len(at_us) else None,
        "rows": _evidence(rows, seen),
    }


def inside(rows: OnRoads, driven: Driven, gap: Gap) -> Ints:
    """The looks without service of one operator's passes in a gap."""
    of = rows.judged
    within = np.zeros(len(driven.row), np.bool_)
    for piece in gap.pieces:
        within |= (driven.chainage_m >= piece.from_m) & (driven.chainage_m <= piece.to_m)
    return np.flatnonzero(within & (of.counts & ~of.covered)[driven.row])


def _place(rows: OnRoads, drive: Drive, at_m: float) -> dict[str, float] | None:
    """Where the look lies that is nearest to this chainage; None if none is in the next bin."""
    best: tuple[float, int] | None = None
    for driven in drive.driven:
        apart_m = np.abs(driven.chainage_m - at_m)
        index = int(np.argmin(apart_m))
        if best is None or apart_m[index] < best[0]:
            best = (float(apart_m[index]), int(driven.row[index]))
    if best is None or best[0] > 2 * BIN_M:
        return None
    return {name: rows.rows[name][best[1]].as_py() for name in ("lat_deg", "lon_deg")}


def _evidence(rows: OnRoads, seen: list[_Seen]) -> list[dict[str, Any]]:
    """The rows of each pass without service, by the numbers of the first and the last one."""
    found = [one for each in seen for one in _runs(rows, each)]
    found.sort(key=lambda run: (run["utc"], run["probe"], run["first_seq"]), reverse=True)
    return found[:_SHOWN_ROWS]


def _runs(rows: OnRoads, seen: _Seen) -> list[dict[str, Any]]:
    if not len(seen.look):
        return []
    leg, at_us = seen.driven.leg[seen.look], seen.driven.at_us[seen.look]
    keys = rows.rows.select(["probe", "epoch", "seq"]).take(pa.array(seen.driven.row[seen.look]))
    probe, epoch, seq = (keys[name].to_pylist() for name in ("probe", "epoch", "seq"))
    first = starts(leg)
    runs = []
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), len(leg)], strict=True):
        for one in sorted(set(zip(probe[begin:end], epoch[begin:end], strict=True))):
            own = [i for i in range(begin, end) if (probe[i], epoch[i]) == one]
            runs.append(
                {
                    "probe": one[0],
                    "epoch": one[1],
                    "first_seq": min(seq[i] for i in own),
                    "last_seq": max(seq[i] for i in own),
                    "rows": len(own),
                    "utc": _moment(int(min(at_us[i] for i in own))),
                }
            )
    return runs


def _moment(at_us: int) -> str:
    return datetime.fromtimestamp(at_us / US_PER_S, UTC).isoformat(timespec="seconds")
