"""Verdicts arranged for the page: chapters, tables and road strips."""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby
from typing import NamedTuple
from urllib.parse import urlencode

from collector.kpi import Need, Period, Text
from collector.targets import HEADLINE, Target, Value, Verdict
from collector.targets.periods import VIET_NAM
from collector.targets.show import SYMBOLS, WORDS, limits, needed, said
from collector.targets.target import BASES
from collector.web.words import FIGURES, LEFT_OUT
from collector.web.words import WORDS as PAGE_WORDS

STRIP_WIDTH = 1000.0
"""Of a road strip, in units of its drawing."""
_OPEN_ROWS = 12
"""A table with more rows is folded away at first."""
_TICKS_AT_MOST = 12
_SHARE_AT_LEAST = re.compile(r"share_at_least_(?P<rate>.+)_mbit_s")
_NO_ANCHOR = re.compile(r"[^A-Za-z0-9]+")
_UNITS = {"m": "m", "s": "s", "dbm": "dBm"}
_PLAIN = frozenset({"design_effect", "scans_per_probe_and_day"})
"""Figures without a unit."""
_MINUTE_S = 60
_HOUR_S = 3600
_DAY_S = 86400


class Row(NamedTuple):
    """One area with the verdicts of each operator, in the order of the columns."""

    code: str
    name: str
    verdicts: tuple[Verdict | None, ...]


class Grid(NamedTuple):
    """The verdicts of one level."""

    level: str
    operators: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def open(self) -> bool:
        """Whether to show it unfolded."""
        return len(self.rows) <= _OPEN_ROWS


class Piece(NamedTuple):
    """One stretch of a road in the drawing."""

    x: float
    width: float
    state: str
    km: str


class Strip(NamedTuple):
    """One road as one operator covers it."""

    verdict: Verdict
    pieces: tuple[Piece, ...]
    ticks: tuple[tuple[float, str], ...]
    """Place in the drawing and kilometre."""


class Chapter(NamedTuple):
    """One target, by the areas of one boundary set."""

    target: Target
    boundary_set: str | None
    headline: Verdict
    grids: tuple[Grid, ...]
    strips: tuple[Strip, ...]

    @property
    def anchor(self) -> str:
        """Where it stands on the page."""
        parts = (self.target.id, self.boundary_set)
        return "-".join(_NO_ANCHOR.sub("-", part) for part in parts if part)


def chapters(verdicts: Iterable[Verdict], targets: Mapping[str, Target]) -> tuple[Chapter, ...]:
    """Everything there is to say, target by target: those of the plan first, and never mixed."""
    by_target: dict[tuple[str, str | None], list[Verdict]] = {}
    for verdict in sorted(verdicts, key=lambda one: BASES.index(one.basis)):
        by_target.setdefault((verdict.target, verdict.boundary_set), []).append(verdict)
    return tuple(
        Chapter(
            target=targets[name],
            boundary_set=boundary_set,
            headline=next(one for one in found if one.level == HEADLINE),
            grids=tuple(_grids(found)),
            strips=tuple(_strip(one) for one in found if one.context.get("strip")),
        )
        for (name, boundary_set), found in by_target.items()
    )


def by_basis(found: Iterable[Chapter]) -> list[tuple[str, list[Chapter]]]:
    """Chapters by the kind of paper their threshold stands in, in their order."""
    return [
        (basis, list(group)) for basis, group in groupby(found, key=lambda one: one.target.basis)
    ]


def names(verdict: Verdict) -> dict[str, str]:
    """What names one verdict in an address."""
    return {
        "target": verdict.target,
        **({} if verdict.boundary_set is None else {"areas": verdict.boundary_set}),
        "level": verdict.level,
        "code": verdict.code,
        "operator": verdict.operator,
    }


def is_meant(verdict: Verdict, asked: Mapping[str, str]) -> bool:
    """Whether an address asks for this verdict; without `areas` the first boundary set is meant."""
    wanted = names(verdict)
    if "areas" not in asked:
        wanted.pop("areas", None)
    return all(asked.get(key) == value for key, value in wanted.items())


class View:
    """How values read in one language, and where links lead; the templates ask it."""

    def __init__(self, lang: str, period: Period | None = None) -> None:
        """`lang` is one of `collector.web.words.LANGUAGES`, `period` the one asked for."""
        self._lang = lang
        self._period = None if period is None else period.label

    def text(self, text: Text) -> str:
        """A sentence."""
        return text.vi if self._lang == "vi" else text.en

    def word(self, value: Value) -> str:
        """A verdict in words."""
        return WORDS[self._lang][value]

    def symbol(self, value: Value) -> str:
        """A verdict as a sign, for whoever cannot tell the colours apart."""
        return SYMBOLS[value]

    def said(self, value: float | None, unit: str) -> str:
        """A number with its unit."""
        return said(value, unit, self._lang) or "-"

    def limits(self, verdict: Verdict) -> str:
        """Both limits."""
        return limits(verdict, self._lang) or "-"

    def need(self, need: Need) -> str:
        """What is missing."""
        return needed(need, self._lang)

    def count(self, number: int) -> str:
        """A whole number."""
        text = f"{number:,}"
        return text.replace(",", ".") if self._lang == "vi" else text

    def km(self, from_m: float, to_m: float) -> str:
        """A stretch of road."""
        text = f"{from_m / 1000:.2f}-{to_m / 1000:.2f}"
        return f"km {text.replace('.', ',') if self._lang == 'vi' else text}"

    def figure_name(self, name: str) -> str:
        """What a figure of the context is called."""
        if found := _SHARE_AT_LEAST.fullmatch(name):
            return FIGURES[self._lang]["share_at_least"].format(found["rate"])
        return FIGURES[self._lang].get(name, name)

    def figure(self, name: str, value: object) -> str:
        """A figure of the context with the unit that its name tells."""
        if isinstance(value, list):
            return "; ".join(self.figure(name, each) for each in value) or "-"
        if isinstance(value, dict):
            return ", ".join(self._part(name, key, each) for key, each in value.items())
        if isinstance(value, float):
            return self._number(name, value)
        if name.endswith("_seen"):
            return self.moment(value if isinstance(value, str) else None)
        return "-" if value is None else str(value)

    def _number(self, name: str, value: float) -> str:
        if name in _PLAIN:
            return self.decimal(value)
        unit = name.rpartition("_")[2]
        if unit in _UNITS:
            return self.said(value, _UNITS[unit])
        is_share = any(part in {"share", "ratio", "wilson"} for part in name.split("_"))
        return self.said(value, "share" if is_share else "Mbit/s")

    def _part(self, whole: str, key: str, value: object) -> str:
        """One of several figures: its own name tells the unit, or else that of the whole."""
        known = key in FIGURES[self._lang]
        return f"{self.figure_name(key)} {self.figure(key if known else whole, value)}"

    def left_out(self, reason: str) -> str:
        """Why rows were left out."""
        return LEFT_OUT[self._lang].get(reason, reason.replace("_", " "))

    def decimal(self, number: float) -> str:
        """A number with one decimal."""
        text = f"{number:.1f}"
        return text.replace(".", ",") if self._lang == "vi" else text

    def moment(self, at: datetime | str | None) -> str:
        """A time of day in Viet Nam."""
        if at is None:
            return "-"
        when = datetime.fromisoformat(at) if isinstance(at, str) else at
        return when.astimezone(VIET_NAM).strftime("%d/%m/%Y %H:%M:%S")

    def age(self, at: datetime | str | None, now: datetime) -> str:
        """How long ago."""
        if at is None:
            return "-"
        when = datetime.fromisoformat(at) if isinstance(at, str) else at
        seconds = max(int((now - when).total_seconds()), 0)
        if seconds < _MINUTE_S:
            return f"{seconds} {PAGE_WORDS[self._lang]['seconds']}"
        if seconds < _HOUR_S:
            return f"{seconds // _MINUTE_S} {PAGE_WORDS[self._lang]['minutes']}"
        if seconds < 2 * _DAY_S:
            return f"{seconds // _HOUR_S} {PAGE_WORDS[self._lang]['hours']}"
        return f"{seconds // _DAY_S} {PAGE_WORDS[self._lang]['days']}"

    def link(self, verdict: Verdict) -> str:
        """Where the verdict is told in full."""
        return self.address("/verdict", names(verdict))

    def address(self, path: str, query: Mapping[str, str] | None = None) -> str:
        """A page for the same period in the same language."""
        return _address(path, query or {}, self._period, self._lang)

    def over(self, period: Period | None) -> str:
        """The first page for another period; None lets each target take its own."""
        return _address("/", {}, None if period is None else period.label, self._lang)

    def translated(self, path: str, query: Mapping[str, str], lang: str) -> str:
        """The same page in another language."""
        return _address(path, query, self._period, lang)


def _address(path: str, query: Mapping[str, str], period: str | None, lang: str) -> str:
    asked = {} if period is None else {"period": period}
    return f"{path}?{urlencode({**query, **asked, 'lang': lang})}"


def _grids(verdicts: list[Verdict]) -> Iterable[Grid]:
    levels: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if verdict.level != HEADLINE:
            levels.setdefault(verdict.level, []).append(verdict)
    # Wide areas first: the reader goes from the province down.
    for level in ("province", "district", "commune", "road", "point"):
        found = levels.get(level, [])
        if not found:
            continue
        operators = tuple(dict.fromkeys(one.operator for one in found))
        cells = {(one.code, one.operator): one for one in found}
        names = {one.code: one.name for one in found}
        yield Grid(
            level=level,
            operators=operators,
            rows=tuple(
                Row(code, name, tuple(cells.get((code, operator)) for operator in operators))
                for code, name in names.items()
            ),
        )


def _strip(verdict: Verdict) -> Strip:
    road_m = float(verdict.context["road_m"])
    scale = STRIP_WIDTH / road_m
    step_km = next(
        step
        for step in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 10_000)
        if road_m / 1000 / step <= _TICKS_AT_MOST
    )
    return Strip(
        verdict=verdict,
        pieces=tuple(
            Piece(
                x=round(first_m * scale, 2),
                width=round((last_m - first_m) * scale, 2),
                state=state,
                km=f"km {first_m / 1000:.2f}-{last_m / 1000:.2f}",
            )
            for first_m, last_m, state in verdict.context["strip"]
        ),
        ticks=tuple(
            (round(km * 1000 * scale, 2), str(km))
            for km in range(0, int(road_m / 1000) + 1, step_km)
        ),
    )
