"""What the actions of `geo` say alike."""

import sys
from collections.abc import Iterable, Mapping
from datetime import date

from collector.commands import print_json, printable, stdout
from collector.geo.finding import Finding
from collector.geo.importing import Draft
from collector.geo.layer import Dated
from collector.geo.library import Entry

_MANY_FIGURES = 8


def tell_draft(made: Draft, entry: Entry | None, *, json: bool) -> None:
    """What became of a draft: stored as `entry`, only tried, or refused."""
    if json:
        answer = {
            "stored": entry is not None,
            "name": made.about.name,
            "version": None if entry is None else entry.version,
            "sha256": None if entry is None else entry.sha256,
            "features": made.features,
            "figures": made.figures,
            "findings": made.findings,
        }
        print_json(answer)
        return
    _tell_findings(made.findings)
    if made.refused:
        sys.stderr.write("nothing was stored\n")
        return
    name = made.about.name if entry is None else f"{entry.name} {entry.version}"
    done = "fine, nothing was stored" if entry is None else "stored"
    figures = "".join(f"; {figure}" for figure in _figures(made.figures))
    stdout().print(printable(f"{name}: {done}; {made.features} features{figures}"))


def days_said(days: Dated, withdrawn_from: date | None = None) -> str:
    """From when to when, for a person."""
    first = "" if days.valid_from is None else f"from {days.valid_from}"
    last = "" if days.valid_to is None else f"to {days.valid_to}"
    gone = "" if withdrawn_from is None else f"withdrawn from {withdrawn_from}"
    return " ".join(part for part in (first, last, gone) if part) or "always"


def _tell_findings(findings: Iterable[Finding]) -> None:
    for one in findings:
        sort = "error" if one.fatal else "warning"
        sys.stderr.write(f"{printable(f'{sort}: {one}')}\n")


def _figures(figures: Mapping[str, float]) -> list[str]:
    """Each with its unit, as many decimals as mean something."""
    said = [f"{key} {value:,.2f}".removesuffix(".00") for key, value in figures.items()]
    rest = len(said) - _MANY_FIGURES
    return said if rest <= 0 else [*said[:_MANY_FIGURES], f"and {rest} more"]
