"""Radio rows of a real lake as clock hours of cells, and the looks that are left out."""

import contextlib
import itertools
import shutil
from datetime import UTC, date, datetime, timedelta

import ibis
import pytest

from collector.kpi import Period
from collector.spectrum import cells
from collector.spectrum import facts as facts_of
from collector.spectrum.seen import Looked, left_out, seen_carriers, seen_cells
from collector.spectrum.symptom import CellHour
from collector.spectrum.tv_sites import Point
from collector.store import engine
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload, RegistrationState
from wire.messages import Outcome

from .campaigns import OCTOBER, VIETTEL, Campaign

PERIOD = Period(label="2026-10", start_utc=OCTOBER, end_utc=OCTOBER + timedelta(days=31))
FIRST_HOUR = int((OCTOBER + timedelta(hours=7) - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
FIRST_HOUR //= 3600
FACTS = facts_of.load()


class Drive(Campaign):
    """Looks at one cell, a second apart."""

    def __init__(self):
        super().__init__()
        self._second = itertools.count()

    def sit(self, *, at=None, neighbours=(), nr=None, plmn="45204", serving=None, **more):
        """One look; `more` are fields of the serving cell or of the record."""
        of_record = {
            name: more.pop(name)
            for name in ("outcome", "narrowed_to", "commune", "lat", "lon", "boundary_set")
            if name in more
        }
        cell = {
            "rat": Rat.LTE,
            "mcc": "452",
            "mnc": "04",
            "cell_id": 100,
            "pci": 12,
            "arfcn": 1450,
            "band": 3,
            "bandwidth_mhz": 20.0,
            "rsrp_dbm": -90.0,
            "rsrq_db": -12.0,
            "sinr_db": 5.0,
        }
        payload = Payload(
            registration=RegistrationState.HOME,
            plmn=plmn,
            serving=Cell(**(cell | more)) if serving is None else serving,
            nr=nr,
            neighbours=tuple(neighbours),
        )
        at = OCTOBER + timedelta(seconds=next(self._second)) if at is None else at
        self.add("radio", payload, at=at, **of_record)


@pytest.fixture
def drive():
    return Drive()


@contextlib.contextmanager
def stored(drive, folder, empty_lake):
    shutil.copytree(empty_lake, folder)
    drive.store(folder).close()
    with engine.connect("duckdb://", folder) as tables:
        yield tables.radio


@pytest.fixture
def lake(drive, tmp_path, empty_lake):
    """What makes the drive's rows a table."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(stored(drive, tmp_path / "lake", empty_lake))


def hours(radio):
    return cells.cell_hours(radio).order_by("hour", "leg").to_pyarrow().to_pylist()


def reasons(radio):
    return left_out(radio, Looked(PERIOD))


def test_an_hour_has_the_quantiles_of_its_looks(drive, lake):
    for rsrp_dbm in range(-100, -89):
        drive.sit(rsrp_dbm=float(rsrp_dbm), sinr_db=rsrp_dbm + 100.0)
    (hour,) = hours(lake())
    assert (hour["plmn"], hour["cell_id"], hour["arfcn"], hour["band"]) == ("45204", 100, 1450, 3)
    assert (hour["n"], hour["hour"]) == (11, FIRST_HOUR)
    assert (hour["rsrp_dbm_p10"], hour["rsrp_dbm"], hour["rsrp_dbm_p90"]) == (-99, -95, -91)
    assert (hour["sinr_db_p10"], hour["sinr_db"], hour["sinr_db_p90"]) == (1, 5, 9)
    assert hour["rsrq_db"] == -12


def test_hours_are_clock_hours_of_viet_nam(drive, lake):
    for minutes in (59, 60, 61):
        drive.sit(at=OCTOBER + timedelta(minutes=minutes))
    found = hours(lake())
    assert [(one["hour"], one["n"]) for one in found] == [(FIRST_HOUR, 1), (FIRST_HOUR + 1, 2)]
    assert CellHour(FIRST_HOUR + 1, 2, -90.0, None, None, None).hour_of_day == 1


def beside(pci=13, arfcn=1450, rsrp_dbm=-101.5, rat=Rat.LTE, **more):
    return Cell(rat=rat, pci=pci, arfcn=arfcn, rsrp_dbm=rsrp_dbm, **more)


NEIGHBOURS = {
    "none": ((), None),
    "one": ((beside(),), 11.5),
    "the strongest": ((beside(), beside(pci=14, rsrp_dbm=-93.0), beside(pci=15)), 3.0),
    "stronger than serving": ((beside(rsrp_dbm=-85.0),), -5.0),
    "other carriers": ((beside(arfcn=1300), beside(arfcn=14500), beside(arfcn=145)), None),
    "other technology": ((beside(rat=Rat.NR),), None),
    "serving itself": ((beside(pci=12, rsrp_dbm=-90.0), beside(pci=121, rsrp_dbm=-99.0)), 9.0),
    "unknown values": ((beside(rsrp_dbm=None), beside(pci=None, rsrp_dbm=-99.0)), 9.0),
    "text like one": ((beside(mnc='"arfcn":1450,"rsrp_dbm":-40.0}', arfcn=1300),), None),
}
"""Neighbours of a serving cell at -90 dBm, PCI 12, and how much weaker the strongest is."""


@pytest.fixture(scope="module")
def below_db(tmp_path_factory, empty_lake):
    """What was found for each of the neighbours above, with how many looks heard one."""
    drive = Drive()
    for number, (neighbours, _) in enumerate(NEIGHBOURS.values()):
        drive.sit(neighbours=neighbours, cell_id=number)
    with stored(drive, tmp_path_factory.mktemp("neighbours") / "lake", empty_lake) as radio:
        found = {one["cell_id"]: one for one in hours(radio)}
    return {
        name: (found[number]["neighbour_below_db"], found[number]["n_neighbours"])
        for number, name in enumerate(NEIGHBOURS)
    }


@pytest.mark.parametrize("name", NEIGHBOURS)
def test_the_strongest_neighbour_on_the_carrier_is_found(below_db, name):
    expected = NEIGHBOURS[name][1]
    assert below_db[name] == (expected, 0 if expected is None else 1)


def test_an_nr_leg_is_a_cell_of_its_own_beside_its_anchor(drive, lake):
    leg = Cell(rat=Rat.NR, pci=500, arfcn=650000, band=78, rsrp_dbm=-100.0, sinr_db=-3.0)
    drive.sit(nr=leg, neighbours=[beside(rat=Rat.NR, pci=501, arfcn=650000, rsrp_dbm=-107.0)])
    anchor, found = hours(lake())
    assert (anchor["leg"], anchor["rat"], anchor["neighbour_below_db"]) == (False, "lte", None)
    assert (found["leg"], found["rat"], found["cell_id"], found["pci"]) == (True, "nr", 100, 500)
    assert (found["rsrp_dbm"], found["neighbour_below_db"]) == (-100, 7)


def test_every_look_counts_or_has_one_reason(drive, lake):
    drive.sit()
    drive.sit(outcome=Outcome.INVALID, plmn="45601")
    drive.sit(outcome=Outcome.SKIPPED)
    drive.sit(outcome=Outcome.MODEM_GONE)
    drive.sit(narrowed_to="bands lte 3")
    drive.sit(narrowed_to="cell 1450:12")
    drive.sit(serving=Cell(rat=Rat.GSM, cell_id=1, arfcn=62))
    drive.sit(plmn="45601")
    drive.sit(plmn=None)
    drive.sit(cell_id=None)
    drive.sit(arfcn=None)
    drive.sit(rsrp_dbm=None)
    drive.sit(rsrp_dbm=0.0)
    drive.sit(sinr_db=None, rsrq_db=None)
    drive.sit(sinr_db=99.0, rsrq_db=255.0)
    drive.add("radio", Payload(), at=OCTOBER, outcome=Outcome.NO_SERVICE)
    drive.add("radio", Payload(), at=None, outcome=Outcome.NO_SERVICE)
    radio = lake()
    assert [one["n"] for one in hours(radio)] == [1]
    assert reasons(radio) == {
        "cell_unknown": 2,
        "foreign_network": 1,
        "invalid": 1,
        "modem_gone": 1,
        "narrowed": 2,
        "no_cell": 1,
        "no_level": 2,
        "no_quality": 2,
        "operator_unknown": 1,
        "other_technology": 1,
        "skipped": 1,
        "time_unknown": 1,
    }


def test_a_modem_held_on_a_technology_still_counts(drive, lake):
    drive.sit()
    radio = lake()
    assert reasons(radio) == {}


def test_cells_have_their_hours_their_places_and_their_networks_name(drive, lake):
    drive.sit(commune="24611", lat=12.0, lon=107.7)
    drive.sit(commune="24612", lat=12.2, lon=107.8, at=OCTOBER + timedelta(hours=5))
    drive.sit(commune=None, at=OCTOBER + timedelta(hours=9), lat=12.4, lon=107.9)
    drive.sit(cell_id=7, plmn="45205")
    first, second = seen_cells(lake(), Looked(PERIOD), [VIETTEL])
    assert (first.operator, first.cell_id, second.operator) == ("Viettel", 100, None)
    assert first.communes == ("24611", "24612")
    assert first.heard_at == Point(lat_deg=12.2, lon_deg=107.8)
    assert [one.hour - FIRST_HOUR for one in first.hours] == [0, 5, 9]
    assert [one.downlink.low_mhz for one in first.carriers] == [1820.0]


def test_carriers_are_counted_by_network_and_frequency(drive, lake):
    leg = Cell(rat=Rat.NR, pci=500, arfcn=650000, band=78, rsrp_dbm=-100.0, sinr_db=3.0)
    drive.sit(nr=leg)
    drive.sit(cell_id=101)
    drive.sit(arfcn=9260, band=28, bandwidth_mhz=None)
    drive.sit(plmn="45601")
    found = seen_carriers(lake(), Looked(PERIOD), [VIETTEL])
    assert [(one.rat, one.arfcn, one.bandwidth_mhz, one.looks, one.cells) for one in found] == [
        (Rat.LTE, 1450, 20.0, 2, 2),
        (Rat.LTE, 9260, None, 1, 1),
        (Rat.NR, 650000, None, 1, 1),
    ]


def test_a_period_holds_its_first_instant_and_not_its_last(drive, lake):
    for at in (OCTOBER - timedelta(microseconds=1), OCTOBER, PERIOD.end_utc):
        drive.sit(at=at)
    (cell,) = seen_cells(lake(), Looked(PERIOD), [])
    assert [one.n for one in cell.hours] == [1]


@pytest.fixture(scope="module")
def two_communes(tmp_path_factory, empty_lake):
    drive = Drive()
    drive.sit(cell_id=1, commune="24611")
    drive.sit(cell_id=2, commune="24670")
    drive.sit(cell_id=3, commune=None)
    with stored(drive, tmp_path_factory.mktemp("communes") / "lake", empty_lake) as radio:
        yield radio


@pytest.mark.parametrize(
    ("asked", "cell_ids"),
    [
        ("24611", [1]),
        ("660", [1, 2]),
        ("Đắk Nông", [1, 2]),
        ("67", [1, 2]),
        ("Lâm Đồng", [1, 2]),
        ("Lâm Đồng cũ", []),
        ("Hà Nội", []),
    ],
)
def test_an_area_is_asked_for_by_code_or_by_old_province(two_communes, asked, cell_ids):
    place = FACTS.place(asked, date(2026, 11, 1))
    where = Looked(PERIOD, place, FACTS.provinces.province)
    assert [one.cell_id for one in seen_cells(two_communes, where, [])] == cell_ids


def test_one_cell_is_asked_for_with_its_legs(drive, lake):
    leg = Cell(rat=Rat.NR, pci=500, arfcn=650000, band=78, rsrp_dbm=-100.0, sinr_db=3.0)
    drive.sit(nr=leg)
    drive.sit(cell_id=101)
    where = Looked(PERIOD, plmn="45204", cell_id=100)
    assert [one.leg for one in seen_cells(lake(), where, [])] == [False, True]


def test_an_empty_lake_has_no_cells_and_leaves_nothing_out(empty_lake):
    with engine.connect("duckdb://", empty_lake) as tables:
        assert seen_cells(tables.radio, Looked(PERIOD), []) == ()
        assert seen_carriers(tables.radio, Looked(PERIOD), []) == ()
        assert left_out(tables.radio, Looked(PERIOD)) == {}


def test_the_query_does_not_rest_on_what_an_engine_makes_of_json(empty_lake):
    with engine.connect("duckdb://", empty_lake) as tables:
        assert "json" not in str(ibis.to_sql(cells.cell_hours(tables.radio))).lower()
