"""What can be measured. A new KPI is a new module here; no list names them.

A KPI's module defines

- `TITLE`, a `Text`, and `UNIT`, the unit of its estimate and of the target's threshold;
- `HIGHER_IS_BETTER`: whether the target is reached at or above the threshold, or at or below it;
- `TOGETHER`: the name of the scope that takes all operators together, `all` or `any`;
- `TABLES`: the kinds of record it reads;
- `Parameters`, a frozen struct with everything that may be set in the target's file;
- `measure`, with the signature of `Measure`.

A KPI says what was measured and what speaks against a verdict. It never gives one: that rule is
one for all and stands in `collector.targets`. Modules whose name begins with `_` are no KPIs.
"""

import importlib
import pkgutil
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec


class Text(msgspec.Struct, frozen=True):
    """One sentence in the two languages of the product."""

    vi: str
    en: str


class Area(msgspec.Struct, frozen=True, kw_only=True):
    """One administrative area of the boundary set in use."""

    level: str
    """`commune`, `district` or `province`."""
    code: str
    name: str
    within: dict[str, str] = {}
    """Code of the area around it by level, e.g. `{"district": "660", "province": "67"}`."""
    population: int | None = None


class Road(msgspec.Struct, frozen=True, kw_only=True):
    """One road with a centre line."""

    code: str
    name: str
    length_m: float


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """One network, by the PLMNs that are its own."""

    name: str
    plmns: tuple[str, ...]
    technologies: tuple[str, ...] = ()
    """`gsm`, `wcdma`, `lte`, `nr-nsa`, `nr-sa`: what it runs, and so is judged on."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where and whom the verdicts are about, from configuration and never from the rows."""

    boundary_set: str | None
    areas: tuple[Area, ...]
    roads: tuple[Road, ...]
    operators: tuple[Operator, ...]
    demo: bool = False
    """Whether areas or roads are drawn for the demo and no real ones."""

    def at(self, level: str) -> tuple[Area, ...]:
        """Areas of one level, in the order of their codes."""
        return tuple(
            sorted((area for area in self.areas if area.level == level), key=lambda a: a.code)
        )


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch of time, its start included and its end not."""

    label: str
    """`2026-10`, `2026-Q4` or `90 d to 2026-11-23`."""
    start_utc: datetime
    end_utc: datetime


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """Whom one verdict is about."""

    level: str
    """`commune`, `district`, `province` or `road`."""
    code: str
    name: str
    operator: str
    """Its name, or `all` or `any`."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing for a decision."""

    what: str
    """`blocks`, `passes`, `places` or `day_parts`."""
    more: int | None
    """None: the estimate lies too close to the threshold to say."""
    where: str | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured in one scope."""

    scope: Scope
    estimate: float | None
    lower: float | None
    upper: float | None
    n: int
    """Tests, attempts or samples that the estimate is made of."""
    blocks: int
    """Independent units among them: blocks, or passes of a road."""
    n_eff: float | None = None
    failures: int = 0
    """Attempts that the network failed."""
    excluded: dict[str, int] = {}
    """Rows left out, by reason."""
    against_pass: tuple[Text, ...] = ()
    against_fail: tuple[Text, ...] = ()
    need: tuple[Need, ...] = ()
    context: dict[str, Any] = {}
    """Figures shown beside the estimate; no verdict rests on them alone."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All findings of one KPI, the rows left out (each once), and the queries behind them."""

    findings: tuple[Finding, ...]
    n: int
    failures: int
    excluded: dict[str, int]
    queries: dict[str, str]


Measure = Callable[..., Measured]
"""`measure(tables, *, ground, levels, period, threshold, parameters)`."""


class Kpi(NamedTuple):
    """A discovered KPI."""

    name: str
    title: Text
    unit: str
    higher_is_better: bool
    together: str
    tables: tuple[str, ...]
    parameters: type[msgspec.Struct]
    measure: Measure


@cache
def kpis() -> dict[str, Kpi]:
    """Every KPI in this folder by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        if info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{__name__}.{info.name}")
        found[info.name] = Kpi(
            name=info.name,
            title=module.TITLE,
            unit=module.UNIT,
            higher_is_better=module.HIGHER_IS_BETTER,
            together=module.TOGETHER,
            tables=module.TABLES,
            parameters=module.Parameters,
            measure=module.measure,
        )
    return found
