import threading

import pytest

from agent.budget import file
from agent.budget.purse import MOST_UNSAVED_BYTES
from agent.places import NoInterfaceError
from agent.runtime import Stop
from tests.unit.agent.budget.conftest import A, B

GB = 10**9


def test_everything_an_interface_carries_counts_from_the_first_look(probe):
    probe.carry("a", 7_000)
    probe.start()
    assert probe.used() == 0
    probe.carry("a", 1_000)
    assert probe.used() == 1_000
    assert probe.used("b") == 0


def test_a_test_costs_what_the_counters_say_not_what_was_reserved(probe):
    purse = probe.start(monthly_gb=1.0)
    reserved = purse.reserve("a", plan="p", optional=False, most_bytes=500_000_000)
    purse.look()
    assert purse.outlook("a").reserved_bytes == 500_000_000
    probe.carry("a", 200_000_000)
    purse.look()
    # What is counted already is not reserved once more.
    assert (purse.outlook("a").used_bytes, purse.outlook("a").reserved_bytes) == (
        *(200_000_000, 300_000_000),
    )
    purse.settle("a", reserved, carried_bytes=None)
    assert (purse.outlook("a").used_bytes, purse.outlook("a").reserved_bytes) == (200_000_000, 0)


def test_a_power_cut_during_a_test_costs_its_worst_case(probe):
    purse = probe.start(monthly_gb=1.0)
    purse.reserve("a", plan="p", optional=False, most_bytes=300_000_000)
    probe.carry("a", 50_000_000)
    probe.boot(monthly_gb=1.0)
    assert probe.used() == 300_000_000
    probe.boot(monthly_gb=1.0)
    assert probe.used() == 300_000_000


def test_an_agent_that_is_killed_during_a_test_settles_it_by_the_counters(probe):
    purse = probe.start()
    purse.reserve("a", plan="p", optional=False, most_bytes=300_000_000)
    probe.carry("a", 50_000_000)
    probe.start()
    assert probe.used() == 50_000_000
    assert probe.purse.outlook("a").reserved_bytes == 0


def test_an_interface_that_begins_anew_during_a_test_costs_the_worst_case_or_the_payload(probe):
    purse = probe.start()
    for carried, cost in ((None, 300_000), (120_000, 120_000)):
        before = probe.used()
        reserved = purse.reserve("a", plan="p", optional=False, most_bytes=300_000)
        probe.carry("a", 100_000)
        probe.plug_in("a")
        purse.settle("a", reserved, carried_bytes=carried)
        assert probe.used() - before == cost


def test_an_interface_that_is_gone_at_the_end_costs_the_same(probe):
    purse = probe.start()
    reserved = purse.reserve("a", plan="p", optional=False, most_bytes=300_000)
    probe.unplug("a")
    purse.settle("a", reserved, carried_bytes=None)
    assert probe.used() == 300_000


def test_a_modem_without_an_interface_of_its_own_pays_what_its_tests_say(probe):
    probe.bound = False
    purse = probe.start()
    reserved = purse.reserve("a", plan="p", optional=False, most_bytes=300_000)
    purse.settle("a", reserved, carried_bytes=70_000)
    assert probe.used() == 70_000
    purse.reserve("a", plan="p", optional=False, most_bytes=300_000)
    probe.start()
    assert probe.used() == 370_000


def test_a_missing_interface_counts_nothing_and_harms_nothing(probe, monkeypatch):
    purse = probe.start()

    def missing(_):
        raise NoInterfaceError("no network interface at USB path 1-1")

    monkeypatch.setattr(probe, "reading", missing)
    watched = purse._watched["a"]
    monkeypatch.setitem(
        purse._watched, "a", type(watched)(**(vars(watched) | {"interface": lambda: missing(0)}))
    )
    monkeypatch.setitem(purse._watched, "b", purse._watched["a"])
    assert probe.used() == 0


@pytest.mark.parametrize("by", ["replug", "boot"])
def test_counters_that_begin_anew_are_no_less(probe, by):
    probe.start()
    probe.carry("a", 900_000)
    assert probe.used() == 900_000
    probe.wait(seconds=61)
    probe.purse.look()
    if by == "replug":
        probe.plug_in("a")
    else:
        probe.boot()
    probe.carry("a", 1_000_000)
    assert probe.used() == 1_900_000


def test_a_counter_of_32_bits_may_wrap(probe):
    probe.start()
    probe.carry("a", (1 << 32) - 1000)
    before = probe.used()
    probe.carry("a", -((1 << 32) - 1000) + 500)
    assert probe.used() - before == 1500


def test_the_day_a_month_ends_a_new_one_begins_at_zero(probe):
    probe.start(monthly_gb=1.0)
    probe.carry("a", 800_000_000)
    assert probe.used() == 800_000_000
    probe.wait(days=20, hours=11, minutes=59)
    probe.carry("a", 1_000)
    assert probe.used() == 800_001_000
    probe.wait(minutes=2)
    probe.carry("a", 5_000)
    assert probe.used() == 5_000
    assert probe.purse.outlook("a").period.start.isoformat() == "2026-12-01"


def test_a_month_may_begin_on_another_day(probe):
    probe.start(resets_on_day=11)
    probe.carry("a", 1_000)
    assert probe.used() == 1_000
    probe.wait(hours=13)
    assert probe.used() == 0
    assert [day.isoformat() for day in probe.purse.outlook("a").period] == [
        *("2026-11-11", "2026-12-11"),
    ]


def test_what_is_carried_before_the_time_is_known_gets_its_day_later(probe):
    purse = probe.start(knows_time=False)
    assert probe.used() == 0
    probe.carry("a", 1_000)
    assert probe.used() == 1_000
    assert purse.outlook("a").period is None
    probe.wait(hours=14)  # past midnight
    probe.carry("a", 30_000)
    assert probe.used() == 31_000
    probe.learn_time()
    assert probe.used() == 31_000
    days = purse._ledger.book.accounts[A].days
    assert {day.isoformat(): one.carried_bytes for day, one in days.items()} == {
        "2026-11-10": 1_000,
        "2026-11-11": 30_000,
    }


def test_without_the_time_the_last_known_month_decides(probe):
    probe.start(monthly_gb=1.0)
    assert probe.test(850_000_000) is None
    probe.boot(monthly_gb=1.0, knows_time=False)
    assert probe.used() == 850_000_000
    assert probe.test(100_000_000).startswith("budget: 0.85 of 1.00 GB used or reserved")
    probe.utc = probe.utc.replace(month=12)
    probe.learn_time()
    assert probe.test(100_000_000) is None


def test_what_a_boot_without_time_carried_counts_when_the_time_is_known_at_last(probe):
    probe.start()
    probe.boot(knows_time=False)
    probe.purse.look()
    probe.carry("a", 6_000_000)
    probe.wait(minutes=2)
    probe.purse.look()
    probe.boot()
    assert probe.used() == 6_000_000


def test_a_card_that_moves_takes_its_account_along(probe):
    probe.start()
    probe.carry("a", 1_000)
    probe.carry("b", 20_000)
    probe.purse.look()
    probe.cards = {"a": B, "b": A}
    probe.carry("a", 300)  # before anybody could see it: of the card that was there
    probe.purse.look()
    probe.carry("a", 4_000_000)
    probe.carry("b", 50_000_000)
    probe.purse.look()
    assert probe.used("a") == 20_000 + 4_000_000
    assert probe.used("b") == 1_000 + 300 + 50_000_000


def test_what_a_modem_carries_before_its_card_is_known_goes_to_the_card(probe):
    probe.cards["a"] = None
    probe.start()
    probe.carry("a", 1_000)
    assert probe.used() == 1_000
    assert probe.purse.outlook("a").account == "modem:a"
    probe.cards["a"] = A
    assert probe.used() == 1_000
    assert probe.purse.outlook("a").account == A
    assert set(probe.purse._ledger.book.accounts) == {A}


def test_a_card_that_is_not_read_for_a_while_gives_no_new_allowance(probe):
    probe.start(monthly_gb=1.0)
    assert probe.test(850_000_000) is None
    probe.cards["a"] = None
    assert probe.test(100_000_000).startswith("budget:")


def test_each_card_may_have_its_own_allowance(probe):
    probe.start(monthly_gb=1.0, sim=({"iccid": B, "monthly_gb": 5.0, "reserve_share": 0.0},))
    assert probe.test(2 * GB).startswith("budget: 0.00 of 1.00 GB used or reserved, the test may")
    assert probe.test(2 * GB, name="b") is None


def test_tests_stop_before_the_part_that_is_kept_for_records(probe):
    probe.start(monthly_gb=1.0, reserve_share=0.2)
    assert probe.test(700_000_000) is None
    reason = probe.test(50_000_000, most=101_000_000)
    assert reason == (
        "budget: 0.70 of 1.00 GB used or reserved, the test may need 0.10, 0.20 are kept for"
        " records"
    )
    assert probe.test(50_000_000, most=100_000_000) is None


def test_two_tests_cannot_reserve_the_same_bytes(probe):
    purse = probe.start(monthly_gb=1.0)
    probe.cards["b"] = A
    results = []
    threads = [
        threading.Thread(
            target=lambda: results.append(
                purse.reserve("a", plan="p", optional=False, most_bytes=500_000_000)
            )
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(not isinstance(result, str) for result in results) == 1


def test_optional_tests_are_thinned_out_evenly_and_others_are_not(probe):
    """A test of 20 MB each hour fits a month of 9 GB in two of three times."""
    probe.utc = probe.utc.replace(day=1, hour=0)
    probe.start(monthly_gb=10.0)
    ran = []
    for _ in range(24 * 29):
        ran.append(probe.test(20_000_000, most=20_000_000, optional=True) is None)
        probe.wait(hours=1)
    share = sum(ran[48:]) / len(ran[48:])
    assert 0.55 < share < 0.72
    rest = "".join("x" if each else "." for each in ran[48:])
    assert "...." not in rest
    assert "xxxxxxxx" not in rest
    assert 8.5 * GB < probe.used() <= 9.0 * GB


def test_a_test_that_was_left_out_says_what_is_foreseen(probe):
    probe.start(monthly_gb=1.0)
    reasons = []
    for _ in range(24):
        reasons.append(probe.test(10_000_000, optional=True))
        probe.wait(hours=1)
    left_out = [reason for reason in reasons if reason is not None]
    assert left_out
    assert left_out[-1].startswith("budget: ")
    assert "% of the optional tests fit" in left_out[-1]


def test_without_a_limit_nothing_is_left_out_and_all_is_counted(probe):
    probe.start()
    for _ in range(48):
        assert probe.test(10 * GB, optional=True) is None
        probe.wait(hours=1)
    assert probe.used() == 480 * GB


def test_most_and_all_of_the_data_are_told_once_a_month(probe):
    probe.start(monthly_gb=1.0)
    for count in (700, 90, 20, 20, 300, 100):
        probe.carry("a", count * 10**6)
        probe.used()
    assert [event["percent"] for event in probe.records.named("budget_used")] == [80, 100]
    probe.wait(seconds=61)
    probe.purse.look()
    probe.boot(monthly_gb=1.0)
    probe.used()
    assert len(probe.records.named("budget_used")) == 2
    probe.wait(days=21)
    probe.carry("a", 850 * 10**6)
    probe.used()
    assert [event["percent"] for event in probe.records.named("budget_used")] == [80, 100, 80]


@pytest.mark.parametrize("change", [b"", b"{}", b"0\n{}", "digit"])
def test_a_damaged_ledger_is_kept_aside_and_counts_as_used_in_proportion(probe, change):
    probe.start(monthly_gb=3.0)
    assert probe.test(100_000_000) is None
    path = probe.state / file.NAME
    content = path.read_bytes()
    path.write_bytes(content.replace(b"100000000", b"100000001") if change == "digit" else change)
    probe.start(monthly_gb=3.0)
    # Nine and a half of thirty days had passed.
    assert probe.used() == pytest.approx(3.0 * GB * 9.5 / 30, rel=1e-6)
    (told,) = probe.records.named("budget_ledger_damaged")
    assert told["kept_as"] == "budget.damaged"
    assert (probe.state / "budget.damaged").exists()
    probe.start(monthly_gb=3.0)
    assert probe.used() == pytest.approx(3.0 * GB * 9.5 / 30, rel=1e-6)
    probe.wait(days=21)
    assert probe.used() == 0


def test_a_damaged_ledger_without_the_time_leaves_nothing(probe):
    (probe.state / file.NAME).write_bytes(b"garbage")
    probe.start(monthly_gb=1.0, knows_time=False)
    assert probe.test(1_000).startswith("budget: 1.00 of 1.00 GB")
    probe.learn_time()
    assert probe.test(1_000) is None


def test_a_ledger_that_cannot_be_written_stops_tests_that_have_a_limit(probe):
    probe.start(monthly_gb=1.0)
    probe.used()
    (probe.state / f".{file.NAME}.new").mkdir()
    assert probe.test(1_000) == "budget: the ledger cannot be written"
    assert probe.test(1_000) == "budget: the ledger cannot be written"
    assert len(probe.records.named("budget_ledger_unwritable")) == 1
    assert probe.purse.outlook("a").reserved_bytes == 0
    probe.start()
    assert probe.test(1_000) is None


def test_the_card_is_spared(probe):
    writes = 0
    probe.start()
    for _ in range(360):
        before = (probe.state / file.NAME).stat().st_ino if writes else None
        probe.carry("a", 100_000)
        probe.wait(seconds=10)
        probe.purse.look()
        now = (probe.state / file.NAME).stat().st_ino if (probe.state / file.NAME).exists() else 0
        writes += now not in {before, 0}
    assert writes <= 61


def test_much_at_once_is_written_at_once(probe):
    probe.start()
    probe.wait(seconds=61)
    probe.carry("a", 1)
    probe.purse.look()
    probe.carry("a", MOST_UNSAVED_BYTES)
    probe.wait(seconds=10)
    probe.purse.look()
    probe.boot()
    assert probe.used() == MOST_UNSAVED_BYTES + 1


def test_the_last_thing_is_to_save(probe):
    purse = probe.start()
    purse.look()
    probe.carry("a", 1_000)
    stop = Stop()
    stop.set()
    purse.run(stop, lambda: None)
    probe.boot()
    assert probe.used() == 1_000


def test_a_date_that_was_wrong_once_empties_nothing(probe):
    probe.start()
    assert probe.test(1_000) is None
    right = probe.utc
    probe.utc = right.replace(year=2031)
    probe.start()
    assert probe.used() == 0
    probe.utc = right
    probe.start()
    assert probe.used() == 1_000


def test_boots_that_never_know_the_time_fill_no_card(probe):
    probe.start(knows_time=False)
    sizes = []
    for _ in range(20):
        for _ in range(3):
            probe.carry("a", 6_000_000)
            probe.wait(hours=1)
            probe.purse.look()
        probe.boot(knows_time=False)
        sizes.append((probe.state / file.NAME).stat().st_size)
    assert max(sizes) - min(sizes) < 200
    assert probe.used() == 20 * 3 * 6_000_000


def test_a_test_that_takes_more_than_its_worst_case_is_written_meanwhile(probe):
    purse = probe.start()
    purse.reserve("a", plan="p", optional=False, most_bytes=MOST_UNSAVED_BYTES)
    for _ in range(4):
        probe.carry("a", MOST_UNSAVED_BYTES)
        probe.wait(seconds=10)
        purse.look()
    probe.carry("a", MOST_UNSAVED_BYTES)
    probe.boot()
    assert probe.used() == 4 * MOST_UNSAVED_BYTES
