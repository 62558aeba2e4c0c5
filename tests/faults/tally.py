"""What a fault test counted, for the table of docs/reference/reliability.md.

A test marked `@pytest.mark.fault(18)` takes the fixture `tally` and says what it saw. Where the
environment names a file in DOSONG_FAULT_REPORT, one JSON line a test is added to it.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from tests.faults.catalogue import FAULTS

REPORT = "DOSONG_FAULT_REPORT"


@dataclass
class Tally:
    """Counts of one test; `None` for what the fault cannot touch or the test does not count."""

    faults: tuple[int, ...]
    test: str
    tries: int = 0
    rows: int = 0
    """Accepted by an outbox, or sent, over all tries."""
    lost: int | None = None
    duplicates: int | None = None
    """Visible in the collector's database."""
    corrupt: int | None = None
    recovery_s: list[float] = field(default_factory=list)
    """From the end of the fault until all works again, each."""
    passed: bool = False

    def tried(
        self,
        *,
        times: int = 1,
        rows: int = 0,
        lost: int | None = None,
        duplicates: int | None = None,
        corrupt: int | None = None,
        recovery_s: float | None = None,
    ) -> None:
        """Count an injection of the fault, or so many, and what came of it."""
        self.tries += times
        self.rows += rows
        self.lost = _sum(self.lost, lost)
        self.duplicates = _sum(self.duplicates, duplicates)
        self.corrupt = _sum(self.corrupt, corrupt)
        if recovery_s is not None:
            self.recovery_s.append(recovery_s)

    def report(self) -> None:
        """Add it to the report, if one is wanted."""
        file = os.environ.get(REPORT)
        if file is not None:
            line: dict[str, Any] = dict(vars(self))
            with Path(file).open("ab") as report:
                report.write(msgspec.json.encode(line) + b"\n")


def mark_misfit(faults: Collection[int], fixtures: Collection[str]) -> str | None:
    """What is wrong with the marks of a test; None when nothing is."""
    unknown = sorted(set(faults) - FAULTS.keys())
    if unknown:
        return f"injects {unknown}, which tests/faults/catalogue.py does not know"
    if faults and "tally" not in fixtures:
        return "injects a fault and takes no `tally` of it"
    return None


def _sum(before: int | None, now: int | None) -> int | None:
    return before if now is None else (before or 0) + now
