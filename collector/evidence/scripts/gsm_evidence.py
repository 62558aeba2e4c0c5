"""The GSM cells that were heard, from `rows_in.csv`: which, how often, and what is said of them.

A row of a scan stands there once for each operator, with all GSM cells that the scan heard as JSON;
a cell is the operator's whose PLMN it has. A look at a modem that GSM served is a cell as well.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from folder import VIET_NAM, Row, compare, local, read_json, read_parameters, rows_that_count

SHOWN = 200
DIGITS = 12


class Cell(NamedTuple):
    """What names a cell, as far as it was said."""

    plmn: str | None
    lac: int | None
    ci: int | None
    arfcn: int | None


def heard_in(scan: Row) -> set[Cell]:
    """The cells of one scan."""
    return {
        Cell(
            one["mcc"] + one["mnc"] if "mcc" in one and "mnc" in one else None,
            one.get("lac"),
            one.get("cell_id"),
            one.get("arfcn"),
        )
        for one in json.loads(scan["cells"])
    }


def heard(
    scans: Sequence[Row], served: Sequence[Row], networks: dict[str, str]
) -> Iterator[tuple[Cell, str]]:
    """Each cell of the networks that the verdict is about, with when it was heard."""
    for scan in scans:
        yield from ((one, scan["utc"]) for one in heard_in(scan) if one.plmn in networks)
    first_of = {name: plmn for plmn, name in reversed(networks.items())}
    for row in served:
        numbers = (int(row[name]) if row[name] else None for name in ("lac", "ci", "arfcn"))
        yield Cell(first_of[row["operator"]], *numbers), row["utc"]


def statement(last: datetime | None, cells: int, scans: int, until: date) -> str:
    """How what is said in English begins."""
    if last is None:
        return f"no GSM cell heard in {scans} scans" if scans else "no GSM scan was made"
    day = (last + VIET_NAM).date()
    if day <= until:
        return f"{cells} GSM cells on the air, allowed to the end of {until}"
    return f"{cells} GSM cells on the air, last on {day}, after {until}"


def main() -> int:
    """Compute, compare, and say so."""
    scope, verdict = read_json("scope.json"), read_json("verdict.json")
    together = scope["operator"] == scope["together"]
    networks = {
        plmn: one["name"]
        for one in scope["operators"]
        for plmn in one["plmns"]
        if together or one["name"] == scope["operator"]
    }
    rows = rows_that_count()
    scans = {(r["probe"], r["epoch"], r["seq"]): r for r in rows if r.get("cells")}
    served = [row for row in rows if not row.get("cells")]
    times: dict[Cell, list[datetime]] = defaultdict(list)
    for cell, utc in heard(list(scans.values()), served, networks):
        times[cell].append(datetime.fromisoformat(utc))
    ordered = sorted(times, key=lambda one: [str(part).rjust(DIGITS) for part in one])
    last = max((max(found) for found in times.values()), default=None)
    until = date.fromisoformat(read_parameters()["carriers_until"])
    begins = statement(last, len(times), len(scans), until)
    told: list[dict[str, Any]] = [
        {
            **cell._asdict(),
            "first_utc": min(times[cell]).isoformat(),
            "last_utc": max(times[cell]).isoformat(),
            "times": len(times[cell]),
        }
        for cell in ordered[:SHOWN]
    ]
    wrong = compare(
        {
            "estimate": float(len(times)) if scans or times else None,
            "lower": None,
            "upper": None,
            "n": len(scans) + len(served),
            "blocks": len({(row["probe"], local(row["utc"]).date()) for row in scans.values()}),
            "context.gsm_cells": told,
        }
    )
    same = verdict["reason"]["en"].startswith(begins)
    sys.stdout.write(f"{'same ' if same else 'OTHER'} reason: {begins}\n")
    return wrong or int(not same)


if __name__ == "__main__":
    sys.exit(main())
