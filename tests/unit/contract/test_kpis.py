"""What every KPI must keep, whatever it measures. A new KPI is found here by itself."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.resources import files

import msgspec
import pytest

from collector.extracts import LakeSource, Noting
from collector.imports import table
from collector.kpi import Area, Finding, Ground, Kpi, Operator, Period, Point, Road, Text, kpis
from collector.store.engine import connect
from collector.store.lake import Lake
from collector.targets import load
from collector.targets.show import needed
from collector.targets.target import LEVELS
from collector.web.view import View
from collector.web.words import LANGUAGES
from wire.kinds import kinds

PERIOD = Period(
    label="2026-10",
    start_utc=datetime(2026, 9, 30, 17, tzinfo=UTC),
    end_utc=datetime(2026, 10, 31, 17, tzinfo=UTC),
)
GROUND = Ground(
    boundary_set="somewhere",
    areas=(
        Area(level="province", code="67", name="Đắk Nông"),
        Area(level="district", code="660", name="Gia Nghĩa", within={"province": "67"}),
        Area(
            level="commune",
            code="24611",
            name="Nghĩa Đức",
            within={"district": "660", "province": "67"},
        ),
    ),
    roads=(Road(code="QL14", name="QL14", length_m=5000.0),),
    points=(
        Point(kind="signal_gap", code="p1", name="Bon Pi Nao", lat_deg=12.0, lon_deg=107.7),
        Point(kind="district_centre", code="660", name="Gia Nghĩa", lat_deg=12.0, lon_deg=107.69),
    ),
    operators=(
        Operator(name="One", plmns=("45201",), technologies=("lte",)),
        Operator(name="Two", plmns=("45202", "45208"), technologies=("lte",)),
    ),
)


@dataclass
class Answer:
    """What a KPI found in a lake without a row, by the target that uses it."""

    findings: tuple[Finding, ...]
    queries: dict[str, str]
    levels: tuple[str, ...]
    kpi: Kpi
    nothing_to_judge: Text | None


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    Lake(folder)
    nothing_imported = partial(table.rows, folder / "imports.db")
    source = LakeSource(connect("duckdb://", folder), imported=nothing_imported)
    yield source
    source.close()


@pytest.fixture(params=load(), ids=lambda target: target.id, scope="module")
def answer(request, source):
    target = request.param
    noting = Noting(source)
    measured = target.kpi.measure(
        noting,
        ground=GROUND,
        levels=target.levels,
        period=PERIOD,
        threshold=target.thresholds[0].value,
        parameters=target.parameters,
    )
    queries = {one.name: one.query for one in noting.taken}
    return Answer(measured.findings, queries, target.levels, target.kpi, measured.nothing_to_judge)


@pytest.fixture(params=kpis().values(), ids=lambda kpi: kpi.name)
def kpi(request):
    return request.param


def test_every_kpi_is_used_by_a_target():
    assert {target.kpi.name for target in load()} == set(kpis())


def test_its_evidence_goes_out_with_a_script_that_computes_it(kpi):
    script = files("collector.evidence") / "scripts" / f"{kpi.name}.py"
    assert script.is_file()
    assert "collector" not in script.read_text(encoding="utf-8")


def test_what_lies_beside_its_rows_is_there_without_a_row(kpi):
    target = next(target for target in load() if target.kpi.name == kpi.name)
    found = kpi.beside(ground=GROUND, parameters=target.parameters)
    assert all(len(table.schema) and not len(table) for table in found.values())


def test_it_says_what_it_is_in_both_languages(kpi):
    assert kpi.title.vi
    assert kpi.title.en
    assert kpi.unit
    assert kpi.together in {"all", "any"}
    assert set(kpi.tables) <= set(kinds())


def test_its_parameters_refuse_a_wrong_key(kpi):
    with pytest.raises(msgspec.ValidationError, match="no_such_key"):
        msgspec.convert({"no_such_key": 1}, kpi.parameters)


def test_every_scope_of_the_ground_is_answered_without_a_row(answer):
    scopes = {(one.scope.level, one.scope.code, one.scope.operator) for one in answer.findings}
    assert len(scopes) == len(answer.findings)
    if not scopes:
        assert answer.nothing_to_judge is not None
        return
    assert {level for level, *_ in scopes} == set(answer.levels)
    together = {answer.kpi.together}
    operators = {"One", "Two"} | together if answer.kpi.by_operator else together
    assert {operator for *_, operator in scopes} == operators


def test_nothing_measured_is_unknown_and_never_zero(answer):
    for one in answer.findings:
        assert (one.estimate, one.lower, one.upper) == (None, None, None)
        assert (one.n, one.blocks, one.failures) == (0, 0, 0)


def test_the_query_is_given_for_whoever_computes_again(answer):
    assert answer.queries or not answer.kpi.tables
    for query in answer.queries.values():
        assert "SELECT" in query or query.startswith("-- imported: ")


def test_findings_survive_json(answer):
    encoded = msgspec.json.encode(answer.findings)
    assert len(msgspec.json.decode(encoded, type=tuple[Finding, ...])) == len(answer.findings)


def test_levels_are_those_that_targets_may_name(answer):
    assert set(answer.levels) <= set(LEVELS)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_its_figures_are_called_by_name(answer, lang):
    view = View(lang)
    figures = {name for one in answer.findings for name in one.context} - {"strip", "gaps"}
    assert [name for name in sorted(figures) if view.figure_name(name) == name] == []


@pytest.mark.parametrize("lang", LANGUAGES)
def test_what_it_needs_is_a_sentence(answer, lang):
    for one in answer.findings:
        assert all(needed(need, lang) for need in one.need)
