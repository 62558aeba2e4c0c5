from concurrent.futures import Future

import pytest

from agent import lock_watch, settling
from agent.modem_worker import LOOKS_IN_VAIN, _Order
from agent.orders import OrderError, UnableError
from agent.rat_setting import SavedSettings
from agent.runtime import Stop
from agent.ticks import NS_PER_S
from drivers.modem.errors import GoneError
from drivers.modem.modem import Modem
from wire.cells import Rat
from wire.messages import Outcome, RatMode


def heard(row):
    return row.kind == "radio" and row.outcome is Outcome.OK


def gone(row):
    return row.kind == "radio" and row.outcome is Outcome.MODEM_GONE


def event(name):
    return lambda row: row.kind == "event" and row.payload.name == name


def test_each_second_is_a_row_with_what_the_modem_heard(sim_modem, modem_worker, start, records):
    start(modem_worker(sim_modem().link).run)
    first = records.wait(heard)
    second = records.wait(lambda row: heard(row) and row.mono_ns > first.mono_ns)
    third = records.wait(lambda row: heard(row) and row.mono_ns > second.mono_ns)
    assert third.modem.imei == "860000000000041"
    assert third.modem.model == "RM520N-GL"
    assert third.sim.iccid == "8984040000000000041"
    assert third.payload.plmn == "45204"
    assert third.payload.serving.rsrp_dbm < 0
    assert third.rat_lock is None
    assert second.payload.neighbours == third.payload.neighbours == ()
    assert 1.0 < (third.mono_ns - first.mono_ns) / 1e9 < 4.0


def test_without_a_network_each_second_says_no_service(sim_modem, modem_worker, start, records):
    worker = modem_worker(sim_modem(silence=True).link)
    start(worker.run)
    row = records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.NO_SERVICE)
    assert row.reason
    assert row.payload.serving is None
    assert row.modem.imei == "860000000000041"
    assert worker.state().state == "no_service"


def test_a_lost_card_is_no_gap_of_the_network_in_any_second(
    sim_modem, modem_worker, start, records
):
    modem = sim_modem()
    start(modem_worker(modem.link).run)
    records.wait(heard)
    modem.fault("no-sim")
    row = records.wait(lambda row: row.kind == "radio" and row.reason == "SIM: absent")
    assert row.outcome is Outcome.INVALID
    modem.fault()
    records.wait(lambda later: heard(later) and later.mono_ns > row.mono_ns)
    assert not [row for row in records.all("radio") if row.outcome is Outcome.NO_SERVICE]


def test_a_modem_that_was_never_there_is_gone_each_second(modem_worker, tmp_path, start, records):
    start(modem_worker(tmp_path / "nowhere").run)
    first = records.wait(gone)
    second = records.wait(lambda row: gone(row) and row.mono_ns > first.mono_ns)
    assert second.payload is None
    assert "nowhere" in second.reason
    assert (second.modem.name, second.modem.imei) == ("viettel", None)
    assert records.events() == ["modem_gone"]


def test_the_seconds_between_a_crash_and_the_restart_are_rows(
    modem_worker, tmp_path, fake_clock, fake_time, records
):
    worker = modem_worker(tmp_path / "nowhere")
    worker._clock = fake_clock

    crashes = iter([False, True] * 2)

    def beat():
        if next(crashes):
            raise ZeroDivisionError

    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            worker.run(Stop(), beat)
        fake_time.advance(3)
    assert [row.mono_ns // NS_PER_S for row in records.all("radio")] == [1000, 1001, 1002, 1003]


def test_an_unplugged_modem_is_told_once_and_comes_back(sim_modem, modem_worker, start, records):
    modem = sim_modem()
    worker = modem_worker(modem.link)
    start(worker.run)
    before = records.wait(heard)
    modem.unplug()
    lost = records.wait(gone)
    assert lost.modem.usb_path == before.modem.usb_path
    assert lost.modem.imei is None
    assert lost.sim is None
    records.wait(lambda row: gone(row) and row.mono_ns > lost.mono_ns)
    assert worker.state().state == "modem_gone"
    modem.plug_in()
    records.wait(event("modem_back"))
    back = records.wait(lambda row: heard(row) and row.mono_ns > lost.mono_ns)
    assert back.modem.imei == before.modem.imei
    assert records.events() == ["modem_gone", "modem_back"]


def test_another_modem_at_the_same_place_has_its_own_identity(
    sim_modem, modem_worker, start, records, tmp_path
):
    modem = sim_modem()
    other = sim_modem("vinaphone", folder=tmp_path / "other")
    start(modem_worker(modem.link).run)
    records.wait(heard)
    modem.unplug()
    lost = records.wait(gone)
    modem.link.symlink_to(other.link)
    row = records.wait(lambda row: heard(row) and row.mono_ns > lost.mono_ns)
    assert row.modem.imei == "860000000000025"
    assert row.sim.iccid == "8984020000000000029"


def test_every_second_is_accounted_for_while_the_modem_is_slow(
    sim_modem, modem_worker, start, records
):
    modem = sim_modem()
    supervisor = start(modem_worker(modem.link).run)
    first = records.wait(heard)
    modem.fault("silent")
    invalid = records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.INVALID)
    assert invalid.reason.startswith("modem silent")
    modem.fault()
    last = records.wait(lambda row: heard(row) and row.mono_ns > invalid.mono_ns)
    supervisor.stop(10)
    between = [row for row in records.all("radio") if first.mono_ns <= row.mono_ns <= last.mono_ns]
    assert abs(len(between) - 1 - (last.mono_ns - first.mono_ns) / 1e9) <= 1.5
    assert any(row.reason == "busy with the look before" for row in between)


def test_garbage_is_kept_and_counted_and_does_not_stop_anything(
    sim_modem, modem_worker, start, records
):
    modem = sim_modem()
    worker = modem_worker(modem.link)
    start(worker.run)
    records.wait(heard)
    modem.fault("previous")
    row = records.wait(lambda row: row.kind == "radio" and row.payload and row.payload.unread)
    assert row.payload.unread[0].text
    modem.fault()
    records.wait(lambda later: heard(later) and later.mono_ns > row.mono_ns)
    assert worker.unread_replies >= 1


def test_what_comes_instead_of_a_reply_is_kept_and_counted(sim_modem, modem_worker, start, records):
    modem = sim_modem()
    worker = modem_worker(modem.link)
    start(worker.run)
    records.wait(heard)
    modem.fault("garbage")
    row = records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.INVALID)
    assert row.payload.unread[0].text
    assert row.payload.unread[0].command.startswith("AT")
    assert worker.unread_replies >= 1


def test_a_modem_that_stays_out_of_step_is_opened_anew(sim_modem, modem_worker, start, records):
    modem = sim_modem()
    start(modem_worker(modem.link).run)
    records.wait(heard)
    modem.fault("previous")
    lost = records.wait(gone)
    modem.fault()
    records.wait(lambda later: heard(later) and later.mono_ns > lost.mono_ns)


def setting_of(link):
    with Modem.open(str(link), usb_path="1-1") as modem:
        return modem.setting()


def test_a_lock_is_proven_in_each_row_and_restored_at_the_end(
    sim_modem, modem_worker, start, records, tmp_path
):
    modem = sim_modem()
    original = setting_of(modem.link)
    supervisor = start(modem_worker(modem.link, lock=RatMode.G4).run)
    row = records.wait(lambda row: heard(row) and row.rat_lock.serving_agreed is True)
    assert (row.rat_lock.asked, row.rat_lock.read_back) == (RatMode.G4, RatMode.G4)
    assert row.payload.serving.rat is Rat.LTE
    assert list((tmp_path / "rat-settings").iterdir())
    assert supervisor.stop(10) == ()
    assert setting_of(modem.link) == original
    assert list((tmp_path / "rat-settings").iterdir()) == []


def test_a_lock_that_a_crash_left_behind_is_given_back(
    sim_modem, modem_worker, start, records, tmp_path
):
    modem = sim_modem()
    with Modem.open(str(modem.link), usb_path="1-1") as opened:
        original = opened.setting()
        SavedSettings(tmp_path / "rat-settings").save(opened.identity.imei, original)
        opened.lock(RatMode.G4)
        assert opened.setting() != original
    supervisor = start(modem_worker(modem.link).run)
    records.wait(heard)
    assert supervisor.stop(10) == ()
    assert setting_of(modem.link) == original


def test_a_modem_that_was_just_locked_proves_no_gap_until_it_settled(
    sim_modem, modem_worker, start, records, monkeypatch
):
    monkeypatch.setattr(settling, "SETTLE_S", 4)
    start(modem_worker(sim_modem(silence=True).link, lock=RatMode.G4).run)
    row = records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.NO_SERVICE)
    before = [each for each in records.all("radio") if each.payload and each is not row]
    assert before
    assert {each.outcome for each in before} == {Outcome.SKIPPED}
    assert {each.reason for each in before} == {"not settled after a new RAT setting"}


def test_a_modem_that_came_back_may_need_time_to_find_its_network(
    modem_worker, sim_modem, start, records
):
    modem = sim_modem(silence=True)
    modem.unplug()
    start(modem_worker(modem.link).run)
    records.wait(gone)
    modem.plug_in()
    row = records.wait(lambda row: row.kind == "radio" and row.payload)
    assert (row.outcome, row.reason) == (
        Outcome.SKIPPED,
        "not settled after the modem came back",
    )


def test_a_silent_unlock_is_an_event_and_the_lock_comes_back(
    sim_modem, modem_worker, start, records, monkeypatch
):
    monkeypatch.setattr(lock_watch, "LOCK_LOOK_EVERY_S", 1)
    worker = modem_worker(sim_modem().link, lock=RatMode.G4)
    start(worker.run)
    records.wait(lambda row: heard(row) and row.rat_lock.read_back is RatMode.G4)
    worker._orders.post(unlocking(worker))
    records.wait(event("rat_lock_lost"))
    records.wait(event("rat_lock_back"))
    assert records.events().count("rat_lock_lost") == 1


def unlocking(worker):
    """What a firmware does that forgets a lock."""
    return _Order("unlock", lambda: worker._modem.lock(RatMode.AUTO), Future())


def test_a_test_may_hold_another_lock_and_give_it_back(
    sim_modem, modem_worker, start, records, stop
):
    worker = modem_worker(sim_modem().link)
    start(worker.run)
    records.wait(heard)
    worker.request_lock(RatMode.G4, stop=stop, timeout_s=20)
    records.wait(lambda row: row.kind == "radio" and row.rat_lock is not None)
    worker.request_lock(None, stop=stop, timeout_s=20)
    since = records.all("radio")[-1].mono_ns
    row = records.wait(lambda row: row.kind == "radio" and row.mono_ns > since)
    assert row.rat_lock is None


def test_what_a_modem_cannot_be_locked_to_is_refused_with_a_reason(
    sim_modem, modem_worker, start, records, stop
):
    worker = modem_worker(sim_modem("mobifone").link)
    start(worker.run)
    records.wait(heard)
    with pytest.raises(OrderError, match="no lock to 5g-sa"):
        worker.request_lock(RatMode.G5_SA, stop=stop, timeout_s=20)


def test_an_order_to_a_modem_that_is_gone_is_refused(modem_worker, tmp_path, start, records, stop):
    worker = modem_worker(tmp_path / "nowhere")
    start(worker.run)
    records.wait(gone)
    with pytest.raises(OrderError, match="the modem is gone"):
        worker.request_scan(stop=stop, timeout_s=20)


def test_an_order_ends_when_the_agent_stops(modem_worker, tmp_path):
    stop = Stop()
    stop.set()
    with pytest.raises(OrderError, match="the agent stops"):
        modem_worker(tmp_path / "nowhere").request_lock(RatMode.G4, stop=stop, timeout_s=20)


def test_a_scan_hears_cells_and_the_seconds_meanwhile_are_rows(
    sim_modem, modem_worker, start, records, stop
):
    worker = modem_worker(sim_modem().link)
    start(worker.run)
    before = records.wait(heard)
    found = worker.request_scan(stop=stop, timeout_s=30)
    assert found.cells
    after = records.wait(lambda row: heard(row) and row.mono_ns > before.mono_ns)
    assert after.outcome is Outcome.OK


def test_a_scan_for_gsm_hears_only_that(sim_modem, modem_worker, start, records, stop):
    worker = modem_worker(sim_modem(persona="quectel_ec25").link)
    start(worker.run)
    records.wait(heard)
    found = worker.request_scan(frozenset({Rat.GSM}), stop=stop, timeout_s=30)
    assert (found.command, found.rats) == ("AT+QOPS", (Rat.GSM,))
    assert {cell.rat for cell in found.cells} == {Rat.GSM}
    cell = found.cells[0]
    assert None not in {cell.lac, cell.cell_id, cell.bsic, cell.arfcn, cell.rssi_dbm, cell.plmn}


def test_a_modem_without_a_radio_for_gsm_says_so(sim_modem, modem_worker, start, records, stop):
    worker = modem_worker(sim_modem(persona="quectel_rm520n").link)
    start(worker.run)
    records.wait(heard)
    with pytest.raises(UnableError, match="no scan for gsm"):
        worker.request_scan(frozenset({Rat.GSM}), stop=stop, timeout_s=30)


def test_the_modem_tells_its_name_servers_once(sim_modem, modem_worker, start, records, stop):
    worker = modem_worker(sim_modem(persona="quectel_ec25").link)
    start(worker.run)
    records.wait(heard)
    servers = worker.request_name_servers(stop=stop, timeout_s=20)
    assert servers == ("10.64.0.53", "10.64.0.54", "fd5d:53::1", "fd5d:53::2")
    stop.set()
    assert worker.request_name_servers(stop=stop, timeout_s=20) == servers


def test_the_looks_of_a_test_include_the_fresh_one_before_it(
    sim_modem, modem_worker, start, records, clock
):
    worker = modem_worker(sim_modem().link)
    start(worker.run)
    records.wait(heard)
    now_ns = clock.mono_ns()
    assert len(worker.snapshots(now_ns)) == 1
    look = worker.next_snapshot(now_ns, 10.0)
    assert look.mono_ns > now_ns
    assert worker.snapshots(now_ns)[-1].mono_ns >= look.mono_ns
    assert worker.next_snapshot(clock.mono_ns() + 10**12, 0.01) is None


def test_a_port_that_stays_silent_is_opened_anew(sim_modem, modem_worker, start, records):
    assert LOOKS_IN_VAIN > 1
    modem = sim_modem()
    modem.fault("silent")
    start(modem_worker(modem.link).run)
    row = records.wait(gone)
    assert "AT" in row.reason
    modem.fault()
    records.wait(heard)


def test_a_question_on_which_the_modem_goes_is_not_answered_by_its_return(
    sim_modem, modem_worker, start, records, *, stop, monkeypatch
):
    worker = modem_worker(sim_modem(persona="quectel_ec25").link)

    def go(_):
        worker._settling.begin("a new setting", worker._clock.mono_ns(), away_s=60.0)
        raise GoneError("it restarts")

    monkeypatch.setattr(Modem, "name_servers", go)
    start(worker.run)
    records.wait(heard)
    with pytest.raises(OrderError, match="it restarts"):
        worker.request_name_servers(stop=stop, timeout_s=20)
