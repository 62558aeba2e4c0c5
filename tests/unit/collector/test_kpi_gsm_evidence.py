"""T4: what is on the air is told, with dates, and nothing of it is ever a verdict."""

from datetime import UTC, datetime, timedelta

import pytest

from collector.kpi import Operator
from collector.targets import HEADLINE, Value, judge, periods
from collector.targets.judging import for_target
from tests.unit.collector.attempts import TARGETS, measured, scan
from tests.unit.collector.campaigns import NOW, OCTOBER, VIETTEL, Campaign, ground
from wire.cells import Cell, Rat
from wire.kinds.radio import Payload as Radio
from wire.kinds.radio import RegistrationState
from wire.messages import Outcome

MONTH = periods.month(2026, 10)
EARLY = datetime(2026, 8, 1, tzinfo=UTC)
GMOBILE = Operator(name="Gmobile", plmns=("45207",), technologies=("gsm",))
BOTH = (VIETTEL, GMOBILE)
A, B = ("45204", 31, 4711, 70), ("45204", 31, 4712, 71)
FOREIGN = ("45601", 9, 9, 5)


@pytest.fixture
def campaign():
    return Campaign()


def found(campaign, folder, period=MONTH):
    result = measured(
        "T4", campaign.store(folder), period=period, levels=("province",), operators=BOTH
    )
    return result, {one.scope.operator: one for one in result.findings}


def test_no_cell_in_some_scans_is_consistent_and_no_more(campaign, tmp_path):
    for day in range(3):
        scan(campaign, at=OCTOBER + timedelta(days=day))
    _, by = found(campaign, tmp_path)
    one = by["Viettel"]
    assert (one.estimate, one.n, one.blocks) == (0, 3, 3)
    assert "no GSM cell heard in 3 scans: consistent" in one.statement.en
    assert "only a try with one" in one.statement.en
    assert "máy chỉ có 2G" in one.statement.vi


def test_a_cell_is_its_operators_whoever_heard_it(campaign, tmp_path):
    scan(campaign, [A, FOREIGN], at=OCTOBER, home_plmn="45207")
    scan(campaign, [A, B], at=OCTOBER + timedelta(days=2))
    result, by = found(campaign, tmp_path)
    assert (by["Viettel"].estimate, by["Gmobile"].estimate, by["any"].estimate) == (2, 0, 2)
    first, second = by["Viettel"].context["gsm_cells"]
    assert (first["lac"], first["ci"], first["arfcn"], first["times"]) == (31, 4711, 70, 2)
    assert first["first_utc"] == OCTOBER.isoformat()
    assert first["last_utc"] == (OCTOBER + timedelta(days=2)).isoformat()
    assert (second["ci"], second["times"]) == (4712, 1)
    assert result.n == 2
    assert len(result.rows) == 4  # each scan speaks of both operators


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (datetime(2026, 9, 15, 16, 59, tzinfo=UTC), "allowed to the end of 2026-09-15"),
        (datetime(2026, 9, 15, 17, 0, tzinfo=UTC), "last on 2026-09-16, after 2026-09-15"),
    ],
)
def test_carriers_are_allowed_up_to_a_day_of_the_vietnamese_calendar(campaign, tmp_path, at, says):
    scan(campaign, [A], at=at)
    _, by = found(campaign, tmp_path, periods.month(2026, 9))
    assert "1 GSM cells on the air" in by["Viettel"].statement.en
    assert says in by["Viettel"].statement.en


def test_who_says_that_his_gsm_is_off_is_looked_at_all_the_same():
    assert for_target(TARGETS["T4"], ground(operators=BOTH)).operators == BOTH


def test_being_served_by_gsm_is_heard_as_well(campaign, tmp_path):
    radio = Radio(
        registration=RegistrationState.HOME,
        plmn="45204",
        serving=Cell(rat=Rat.GSM, mcc="452", mnc="04", lac=31, cell_id=4711, arfcn=70),
    )
    campaign.add("radio", radio, at=OCTOBER)
    campaign.look(0, at=OCTOBER)  # of LTE
    _, by = found(campaign, tmp_path)
    assert (by["Viettel"].estimate, by["Viettel"].n) == (1, 1)
    assert by["Viettel"].context["scans"] == 0
    assert (by["Gmobile"].estimate, by["Gmobile"].n) == (None, 0)


def test_scans_that_did_not_listen_to_gsm_say_nothing(campaign, tmp_path):
    scan(campaign, [A], rats=(Rat.LTE,))
    scan(campaign, [A], outcome=Outcome.SKIPPED)
    scan(campaign, unread="+QSCAN: what")
    scan(campaign, [A], outcome=Outcome.INVALID)
    scan(campaign, [A], lat=None, lon=None, commune=None)
    scan(campaign, [A], rats=(), at=OCTOBER)
    result, by = found(campaign, tmp_path)
    assert (by["Viettel"].n, by["Viettel"].estimate) == (1, 1)
    assert result.excluded == {"invalid": 1, "no_position": 1, "skipped": 1, "unread": 1}


def test_one_scan_a_day_of_each_probe_is_wanted(campaign, tmp_path):
    for day in range(10):
        scan(campaign, at=OCTOBER + timedelta(days=day), probe="dn-01")
        scan(campaign, at=OCTOBER + timedelta(days=day, hours=1), probe="dn-01")
    scan(campaign, at=OCTOBER, probe="dn-02")
    _, by = found(campaign, tmp_path)
    context = by["any"].context
    assert (context["scans"], context["scanning_probes"]) == (21, 2)
    assert context["scans_per_probe_and_day"] == pytest.approx(21 / 62)
    assert context["probe_days_without_scan"] == 62 - 11
    assert [(need.what, need.more) for need in by["any"].need] == [("scans", 51)]


def test_neither_silence_nor_a_cell_is_a_verdict(campaign, tmp_path):
    scan(campaign, [A])
    source = campaign.store(tmp_path)
    for cells in (BOTH, (GMOBILE,)):
        verdicts = judge(source, [TARGETS["T4"]], ground=ground(operators=cells), now=NOW)
        said = {one.verdict for one in verdicts}
        assert not said & {Value.PASS, Value.FAIL}
        assert verdicts[0].level == HEADLINE


def test_a_scan_that_hears_all_operators_is_one_day_of_its_probe(campaign, tmp_path):
    for day in range(3):
        scan(campaign, [A], at=OCTOBER + timedelta(days=day))
    source = campaign.store(tmp_path)
    [headline, *_] = judge(source, [TARGETS["T4"]], ground=ground(operators=BOTH), now=NOW)
    assert (headline.n, headline.blocks) == (3, 3)


def test_without_a_scan_there_are_no_data(campaign, tmp_path):
    campaign.look(0, at=OCTOBER)
    verdicts = judge(
        campaign.store(tmp_path), [TARGETS["T4"]], ground=ground(operators=BOTH), now=NOW
    )
    assert {one.verdict for one in verdicts} == {Value.NO_DATA}
    assert verdicts[1].reason.en == "no GSM scan was made"
