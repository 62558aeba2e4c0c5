"""T7b: a declared map counts as far as a random audit confirms it."""

import shutil
from functools import partial

import msgspec
import pytest

from collector import stats
from collector.extracts import LakeSource
from collector.imports import table
from collector.imports.store import Draw, DrawnCell, ImportStore
from collector.kpi import PopulationCell, kpis
from collector.kpi._audit import METRES_PER_DEGREE
from collector.store.engine import connect
from collector.targets import judge, load, periods
from tests.unit.collector.campaigns import OCTOBER, VIETTEL, VINAPHONE, Campaign, ground
from tests.unit.collector.foreign_tables import Squares
from wire.cells import Cell, Rat, RatClass, TestRadio
from wire.kinds.latency import Payload as Latency
from wire.kinds.radio import Payload as Radio
from wire.kinds.radio import RegistrationState
from wire.messages import Outcome, RatMode

QUARTER = periods.quarter(2026, 4)
TARGET = next(target for target in load() if target.id == "T7B")
WEST = 107.02
"""People east of it are declared to be covered: 80 of 100."""
CELLS = 50


def people():
    """100 people along a line in the commune, two in each square."""
    return tuple(PopulationCell(12.05, 107.0001 + 0.002 * n, 2.0, 100.0) for n in range(CELLS))


def where(*, declared=None, operators=(VIETTEL,), population=None, layers=True):
    maps = {("Viettel", "5g"): WEST} if declared is None else declared
    return msgspec.structs.replace(
        ground(operators=operators),
        population=people() if population is None else population,
        layers=Squares(["24611"], maps) if layers else None,
    )


class Audit(Campaign):
    """Draws, and drives to what was drawn."""

    def __init__(self, folder, empty_lake):
        super().__init__()
        self._lake = folder / "lake"
        self._database = folder / "imports.db"
        shutil.copytree(empty_lake, self._lake)

    def draw(
        self, number, *, operator="Viettel", period=QUARTER, hits=1, first=11, step_deg=0.0015
    ):
        """Squares that lie in the declared map."""
        draw = Draw(
            operator=operator,
            technology="5g",
            period=period.label,
            utc_us=round(period.start_utc.timestamp() * 1_000_000),
            drawn_utc="2026-10-02T00:00:00+00:00",
            seed=1,
            cells=number,
            ground_sha256="",
        )
        cells = [
            DrawnCell(
                number=n + 1,
                district="660",
                lat_deg=12.0 + step_deg * n,
                lon_deg=107.0001 + 0.002 * first,
                side_m=100.0,
                population=2.0,
                hits=hits,
            )
            for n in range(number)
        ]
        with ImportStore(self._database) as store:
            store.add_draw(draw, cells)
        return cells

    def drive(self, cell, *, level_dbm=-90.0, seconds=10, good=True, **more):
        """Some seconds held on 5G in a square, and one data check."""
        plmn = more.pop("plmn", "45204")
        asked = more.pop("asked", RatMode.G5)
        place = {"lat": cell.lat_deg, "lon": cell.lon_deg, "at": OCTOBER, "home_plmn": plmn}
        serving = Cell(rat=Rat.NR, mcc="452", mnc=plmn[3:], rsrp_dbm=level_dbm)
        for _ in range(seconds):
            payload = (
                Radio(registration=RegistrationState.SEARCHING)
                if level_dbm is None
                else Radio(registration=RegistrationState.HOME, plmn=plmn, serving=serving)
            )
            outcome = Outcome.NO_SERVICE if level_dbm is None else Outcome.OK
            self.add("radio", payload, asked=asked, outcome=outcome, **place, **more)
        if good is None:
            return
        check = Latency(
            method="http",
            sent=5,
            received=5,
            data_ok=good,
            radio=TestRadio(rat_class=RatClass.G5, plmn=plmn),
        )
        self.add("latency", check, asked=asked, **place, **more)

    def source(self):
        self.store(self._lake).close()
        imported = partial(table.rows, self._database)
        return LakeSource(connect("duckdb://", self._lake), imported=imported)

    def measured(self, ground_, period=QUARTER):
        found = kpis()["population_5g"].measure(
            self.source(),
            ground=ground_,
            levels=("province",),
            period=period,
            threshold=0.5,
            parameters=TARGET.parameters,
        )
        return {one.scope.operator: one for one in found.findings}, found

    def verdicts(self, ground_):
        found = judge(self.source(), [TARGET], ground=ground_, now=QUARTER.end_utc, period=QUARTER)
        return {one.operator: one for one in found if one.level == "province"}


@pytest.fixture
def audit(tmp_path, empty_lake):
    return Audit(tmp_path, empty_lake)


def test_59_of_59_confirmed_squares_prove_the_declared_map(audit):
    for cell in audit.draw(59):
        audit.drive(cell)
    found = audit.measured(where())[0]["Viettel"]
    assert (found.estimate, found.lower, found.upper) == pytest.approx((0.8, 0.8, 0.8))
    assert (found.blocks, found.context["draws_confirmed"]) == (59, 59)
    assert audit.verdicts(where())["any"].verdict == "PASS"


def test_58_of_59_shrink_the_map_to_what_is_proven(audit):
    cells = audit.draw(59)
    for cell in cells[1:]:
        audit.drive(cell)
    found = audit.measured(where())[0]["Viettel"]
    lower = stats.clopper_pearson(58, 59).lower
    assert lower < 0.95
    assert found.lower == pytest.approx(0.8 * lower)
    assert (found.estimate, found.upper) == pytest.approx((0.8, 0.8))
    assert found.context["open_cells"] == [1]
    assert [(need.what, need.more) for need in found.need] == [("cells", 1)]
    assert audit.verdicts(where())["Viettel"].verdict == "PASS"


def test_a_map_that_half_of_the_squares_refute_fails(audit):
    for index, cell in enumerate(audit.draw(60)):
        if index % 2:
            audit.drive(cell)
        else:
            audit.drive(cell, level_dbm=None, good=None)
    found = audit.measured(where())[0]["Viettel"]
    assert found.context["draws_refuted"] == 30
    assert found.estimate == pytest.approx(0.4)
    assert found.upper == pytest.approx(0.8 * stats.clopper_pearson(30, 60).upper)
    assert audit.verdicts(where())["Viettel"].verdict == "FAIL"


def test_a_modem_that_never_heard_5g_refutes_nothing(audit):
    for cell in audit.draw(60):
        audit.drive(cell, level_dbm=None, good=None)
    found = audit.measured(where())[0]["Viettel"]
    assert (found.context["draws_refuted"], len(found.context["open_cells"])) == (0, 60)
    assert found.upper == pytest.approx(0.8)
    assert found.lower == 0


@pytest.mark.parametrize(
    "drive",
    [
        {"level_dbm": -115.1},
        {"seconds": 9},
        {"good": False},
        {"good": None},
        {"error_m": 60.0},
        {"plmn": "45202"},
        {"outcome": Outcome.INVALID},
    ],
    ids=str,
)
def test_too_weak_too_short_or_without_data_confirms_nothing(audit, drive):
    (cell,) = audit.draw(1)
    if "outcome" in drive:
        audit.add("radio", Radio(), at=OCTOBER, lat=cell.lat_deg, lon=cell.lon_deg, **drive)
    else:
        audit.drive(cell, **drive)
    found = audit.measured(where(operators=(VIETTEL, VINAPHONE)))[0]["Viettel"]
    assert found.context["draws_confirmed"] == 0


def test_a_row_in_a_square_speaks_of_that_one_however_near_the_next_is(audit):
    first, second, third = audit.draw(3, step_deg=100 / METRES_PER_DEGREE)
    audit.drive(first)
    audit.drive(second, level_dbm=None, good=None)
    audit.drive(third)
    found = audit.measured(where())[0]["Viettel"]
    assert found.context["draws_confirmed"] == 2
    assert (found.context["draws_refuted"], found.context["open_cells"]) == (1, [])


def test_a_row_within_reach_of_a_square_speaks_of_it_and_no_farther(audit):
    near, far = audit.draw(2)
    audit.drive(moved(near, -149 / METRES_PER_DEGREE))
    audit.drive(moved(far, 151 / METRES_PER_DEGREE))
    found = audit.measured(where())[0]["Viettel"]
    assert found.context["open_cells"] == [2]


def moved(cell, north_deg):
    return msgspec.structs.replace(cell, lat_deg=cell.lat_deg + north_deg)


def test_a_square_that_was_drawn_twice_counts_twice(audit):
    for cell in audit.draw(30, hits=2):
        audit.drive(cell)
    found = audit.measured(where())[0]["Viettel"]
    assert (found.context["draws"], found.context["draws_confirmed"]) == (60, 60)
    assert found.lower == pytest.approx(0.8)


def test_drawing_again_adds_and_never_replaces(audit):
    audit.draw(30)
    audit.draw(30)
    assert audit.measured(where())[0]["Viettel"].context["draws"] == 60


def test_a_square_outside_of_the_map_of_today_says_nothing(audit):
    audit.draw(5, first=0)
    found, whole = audit.measured(where())
    assert whole.excluded == {"not_declared": 5}
    assert found["Viettel"].context["draws"] == 0


def test_a_draw_counts_for_its_own_quarter(audit):
    audit.draw(5, period=periods.quarter(2026, 3))
    assert audit.measured(where())[0]["Viettel"].context["draws"] == 0


def test_nothing_is_proven_without_an_audit_a_map_or_people(audit):
    said = audit.verdicts(where(operators=(VIETTEL, VINAPHONE)))
    assert (said["Viettel"].verdict, said["VinaPhone"].verdict) == ("NOT_PROVEN", "NOT_PROVEN")
    assert "no random audit sample was drawn" in said["Viettel"].reason.en
    assert said["Viettel"].estimate == pytest.approx(0.8)
    assert said["VinaPhone"].reason.en == "no declared 5G coverage was imported"
    assert said["any"].verdict == "NOT_PROVEN"


def test_without_people_there_is_no_data_and_the_reason_says_so(audit):
    said = audit.verdicts(where(population=()))
    assert {one.verdict for one in said.values()} == {"NO_DATA"}
    assert said["any"].reason.en.startswith("no population grid was imported")


def test_a_map_of_too_few_people_fails_even_where_all_of_it_is_confirmed(audit):
    for cell in audit.draw(59, first=45):
        audit.drive(cell)
    said = audit.verdicts(where(declared={("Viettel", "5g"): 107.08}))
    assert said["Viettel"].estimate == pytest.approx(0.2)
    assert said["Viettel"].verdict == "FAIL"


def test_any_operator_is_the_union_of_the_maps_that_hold(audit):
    maps = {("Viettel", "5g"): 107.06, ("VinaPhone", "5g"): 107.04}
    for cell in audit.draw(59, first=35):
        audit.drive(cell)
    for cell in audit.draw(59, operator="VinaPhone", first=25):
        audit.drive(cell, plmn="45202")
    ground_ = where(declared=maps, operators=(VIETTEL, VINAPHONE))
    found = audit.measured(ground_)[0]
    assert found["Viettel"].estimate == pytest.approx(0.4)
    assert found["any"].estimate == pytest.approx(0.6)
    assert found["any"].context["maps_that_hold"] == ["Viettel", "VinaPhone"]


def test_shrunk_maps_are_not_added_up(audit):
    maps = {("Viettel", "5g"): 107.06, ("VinaPhone", "5g"): 107.04}
    audit.drive(audit.draw(10, first=35)[0])
    audit.drive(audit.draw(10, operator="VinaPhone", first=25)[0], plmn="45202")
    found = audit.measured(where(declared=maps, operators=(VIETTEL, VINAPHONE)))[0]
    best = max(found["Viettel"].lower, found["VinaPhone"].lower)
    assert found["any"].lower == pytest.approx(best)
    assert found["any"].upper == pytest.approx(0.6)


def test_every_row_that_was_looked_at_is_in_the_evidence(audit):
    (cell,) = audit.draw(1)
    audit.drive(cell)
    audit.drive(cell, error_m=60.0)
    whole = audit.measured(where())[1]
    what = whole.rows["what"].to_pylist()
    assert (what.count("cell"), what.count("radio"), what.count("check")) == (1, 20, 2)
    assert whole.excluded == {"position_error": 11}
