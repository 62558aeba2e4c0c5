"""What every KPI must keep, whatever it measures. A new KPI is found here by itself."""

from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec
import pytest

from collector.kpi import Area, Finding, Ground, Operator, Period, Road, kpis
from collector.store.engine import connect
from collector.store.lake import Lake
from collector.targets import load
from collector.targets.target import LEVELS
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


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lake")
    Lake(folder)
    with connect("duckdb://", folder) as tables:
        yield tables


@pytest.fixture(params=load(), ids=lambda target: target.id, scope="module")
def answer(request, tables):
    target = request.param
    measured = target.kpi.measure(
        tables,
        ground=GROUND,
        levels=target.levels,
        period=PERIOD,
        threshold=target.thresholds[0].value,
        parameters=target.parameters,
    )
    return Answer(measured.findings, measured.queries, target.levels)


@pytest.fixture(params=kpis().values(), ids=lambda kpi: kpi.name)
def kpi(request):
    return request.param


def test_every_kpi_is_used_by_a_target():
    assert {target.kpi.name for target in load()} == set(kpis())


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
    assert {level for level, *_ in scopes} == set(answer.levels)
    assert {"One", "Two"} < {operator for *_, operator in scopes}


def test_nothing_measured_is_unknown_and_never_zero(answer):
    for one in answer.findings:
        assert (one.estimate, one.lower, one.upper) == (None, None, None)
        assert (one.n, one.blocks, one.failures) == (0, 0, 0)


def test_the_query_is_given_for_whoever_computes_again(answer):
    assert answer.queries
    assert all("SELECT" in query for query in answer.queries.values())


def test_findings_survive_json(answer):
    encoded = msgspec.json.encode(answer.findings)
    assert msgspec.json.decode(encoded, type=tuple[Finding, ...])


def test_levels_are_those_that_targets_may_name(answer):
    assert set(answer.levels) <= set(LEVELS)
