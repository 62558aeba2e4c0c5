"""What can be measured. A new KPI is a new module here; no list names them.

A KPI's module defines

- `TITLE`, a `Text`, and `UNIT`, the unit of its estimate and of the target's threshold;
- `HIGHER_IS_BETTER`: whether the target is reached at or above the threshold, or at or below it;
- `TOGETHER`: the name of the scope that takes all operators together, `all` or `any`;
- `TABLES`: the kinds of record it reads;
- `Parameters`, a frozen struct with everything that may be set in the target's file;
- `IMPORTS`, the kinds of imported rows it reads, if any;
- `extracts(*, ground, parameters)`, what it reads its tables by; a KPI whose extracts depend on
  other rows has none, and is judged anew when any row of its tables is new;
- `measure`, with the signature of `Measure`;
- `spans(period)`, where it reads other periods than the one that is judged: all that it reads;
- `EVIDENCE_ONLY = True` where no figure of it can decide anything: then there is no PASS or FAIL;
- `BY_OPERATOR = False` where its target speaks of no operator: only `TOGETHER` is answered;
- `COMPARES = True` where what is found of one operator rests on the rows of all of them;
- `beside(*, ground, parameters)`, tables by name that its figures rest on besides the rows: they
  go out with the evidence, where a script named like the KPI computes them again
  (`collector/evidence/scripts`).

It asks a `Source` for rows by an `Extract`: row by row, what each record says and why it is left
out. Everything that takes several rows together happens here, in Python, so that both query
engines, a rebuild and a recomputation from frozen rows give the same number to the last bit.

A KPI says what was measured and what speaks against a verdict. It never gives one: that rule is
one for all and stands in `collector.targets`. Modules whose name begins with `_` are no KPIs.
"""

import importlib
import pkgutil
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Protocol

import msgspec
import pyarrow as pa
from ibis.expr import types as ir

KEY = ("probe", "epoch", "seq")
"""What names a row, in the lake and in any evidence."""


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


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a road that is judged apart, or not at all."""

    from_m: float
    to_m: float
    kind: str
    """`tunnel`, `detour`, `closed` or `ferry`."""
    operator: str | None = None
    """The only one it is granted to; None is granted to all."""


class Road(msgspec.Struct, frozen=True, kw_only=True):
    """One road with a centre line."""

    code: str
    name: str
    length_m: float
    exceptions: tuple[Stretch, ...] = ()
    line_sha256: str = ""
    """Of the centre line: one road may have another line on another day."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One place that a target names."""

    kind: str
    """`signal_gap`, `district_centre` or `key_place`."""
    code: str
    name: str
    lat_deg: float
    lon_deg: float
    within: dict[str, str] = {}
    """Code of the area around it by level, as in `Area`."""


class PopulationCell(NamedTuple):
    """Some of the people, and where they live."""

    lat_deg: float
    lon_deg: float
    population: float
    side_m: float
    """Of the square they live in."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One technology on one site, as its operator lists it."""

    operator: str
    """Its name."""
    code: str
    """Of the site, unique for the operator."""
    technology: str | None
    """`2g`, `3g`, `4g` or `5g`; None where the list does not say."""
    lat_deg: float
    lon_deg: float


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """One network, by the PLMNs that are its own."""

    name: str
    plmns: tuple[str, ...]
    technologies: tuple[str, ...] = ()
    """`gsm`, `wcdma`, `lte`, `nr-nsa`, `nr-sa`: what it runs, and so is judged on."""


class Layers(Protocol):
    """The polygons and lines behind a ground."""

    def areas(self, rows: pa.Table) -> pa.Table:
        """`commune`, `district`, `province` (codes or null) and `border` of each row, in order.

        Rows have `lat_deg`, `lon_deg` and `error_m`. `border` says that the position's error
        reaches over the area's border; the row counts once, where it lies.
        """

    def roads(self, rows: pa.Table) -> pa.Table:
        """`road` (or null), `chainage_m` and `offset_m` of each row, in order.

        Rows have `lat_deg`, `lon_deg`, `course_deg` and `speed_m_s`.
        """

    def road_cells(self) -> list[int]:
        """H3 cells of resolution 8 that hold all that may lie on a road."""

    def declared(self, rows: pa.Table, operator: str, technology: str) -> pa.ChunkedArray | None:
        """Whether each row lies in what the operator declares covered; None without a map."""


class Ground(msgspec.Struct, frozen=True, kw_only=True):
    """Where and whom the verdicts are about, from configuration and never from the rows."""

    boundary_set: str | None
    areas: tuple[Area, ...]
    roads: tuple[Road, ...]
    operators: tuple[Operator, ...]
    points: tuple[Point, ...] = ()
    population: tuple[PopulationCell, ...] = ()
    sites: tuple[Site, ...] = ()
    layers: Any = None
    """`Layers`; None takes each row where it was located when it was received."""
    digest: str = ""
    """Of all of it, the polygons and lines included."""
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
    """`commune`, `district`, `province`, `road` or `point`: also the column of `Measured.rows`
    that holds the code."""
    code: str
    name: str
    operator: str
    """Its name, or `all` or `any`."""


class Need(msgspec.Struct, frozen=True, kw_only=True):
    """What is missing for a decision."""

    what: str
    """`blocks`, `passes`, `places`, `day_parts`, ...: `collector.targets.show.NEEDS` has them."""
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
    p_below: float | None = None
    """How likely so low an estimate was if the threshold were just reached: small speaks for FAIL.
    With it the headline of many areas is corrected; None where there is no such test."""
    p_above: float | None = None
    """How likely so high an estimate was if the threshold were just missed."""
    statement: Text | None = None
    """Of a KPI that decides nothing: what was found."""
    context: dict[str, Any] = {}
    """Figures shown beside the estimate; no verdict rests on them alone."""


class Extract(NamedTuple):
    """What a KPI reads of one kind of record."""

    name: str
    kind: str
    build: Callable[[ir.Table], ir.Table]
    """Row by row, without joining or grouping them: the rows kept, and what each says. Keeps
    `KEY`, `utc`, `received_utc` and `date`; `utc` is the true time as far as it is known."""
    settings: Any
    """All that `build` and `finish` depend on besides the rows, as JSON can say it."""
    finish: Callable[[pa.Table], pa.Table] | None = None
    """What has to be worked out in Python, row by row again; it may leave rows out."""


class Source(Protocol):
    """Where rows come from: the lake, or what was frozen of it."""

    def rows(self, extract: Extract, period: Period) -> pa.Table:
        """Extracted rows whose time lies in the period, in the order of their keys.

        Rows whose time is still unknown go by when they were received. Columns are those of
        `build` and `finish`; the same rows give the same bytes, whatever the engine.
        """

    def imported(self, kind: str, period: Period) -> pa.Table:
        """Rows of others that were imported, e.g. `ispeed`; see `collector.imports`."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """All findings of one KPI, the rows left out (each once), and what both rest on."""

    findings: tuple[Finding, ...]
    n: int
    failures: int
    excluded: dict[str, int]
    headline: dict[str, Any] = {}
    """Figures shown beside the headline."""
    nothing_to_judge: Text | None = None
    """Why, if there is no finding: which list is missing."""
    rows: Any = None
    """Arrow table: `KEY`, `utc`, `operator`, the column of each level, and `reason`, null where a
    row counts; and whatever the estimate is computed from. A verdict's rows are those with its
    code in its level's column and, unless it takes all operators, its operator. A row that speaks
    for two points stands there twice."""


Measure = Callable[..., Measured]
"""`measure(source, *, ground, levels, period, threshold, parameters)`."""


class Kpi(NamedTuple):
    """A discovered KPI."""

    name: str
    title: Text
    unit: str
    higher_is_better: bool
    together: str
    tables: tuple[str, ...]
    imports: tuple[str, ...]
    parameters: type[msgspec.Struct]
    extracts: Callable[..., tuple[Extract, ...]] | None
    spans: Callable[[Period], tuple[Period, ...]]
    measure: Measure
    evidence_only: bool
    by_operator: bool
    compares: bool
    beside: Callable[..., dict[str, pa.Table]]

    def takes_all(self, operator: str) -> bool:
        """Whether what is found of this operator, or of all together, rests on the rows of all."""
        return self.compares or operator == self.together


def _nothing(**_: object) -> tuple[Extract, ...]:
    return ()


def _nothing_beside(**_: object) -> dict[str, pa.Table]:
    return {}


def _itself(period: Period) -> tuple[Period, ...]:
    return (period,)


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
            imports=getattr(module, "IMPORTS", ()),
            parameters=module.Parameters,
            extracts=getattr(module, "extracts", None if module.TABLES else _nothing),
            spans=getattr(module, "spans", _itself),
            measure=module.measure,
            evidence_only=getattr(module, "EVIDENCE_ONLY", False),
            by_operator=getattr(module, "BY_OPERATOR", True),
            compares=getattr(module, "COMPARES", False),
            beside=getattr(module, "beside", _nothing_beside),
        )
    return found
