"""What becomes of a lock on a modem that follows it late, wrongly or not at all."""

import pytest

from agent import lock_watch, rat_ladder, settling, silent_port
from agent.orders import OrderError
from agent.rat_ladder import _Step
from agent.rungs import Rung, RungLog
from drivers.modem.errors import NotPermittedError
from drivers.modem.family import Family
from drivers.modem.modem import Modem
from drivers.modem.reading import Bands, LockedCell
from wire.messages import Outcome, RatMode


def event(name, **detail):
    def wanted(row):
        return (
            row.kind == "event"
            and row.payload.name == name
            and detail.items() <= row.payload.detail.items()
        )

    return wanted


def agreed(row):
    return row.kind == "radio" and row.rat_lock is not None and row.rat_lock.serving_agreed is True


def setting_of(link):
    with Modem.open(str(link), usb_path="1-1") as modem:
        return modem.setting()


@pytest.fixture
def writes(monkeypatch):
    """Orders sent to the modem that set one of its levers."""
    sent = []
    send = Modem._send

    def spy(self, command, timeout_s):
        if command.startswith(('AT+QNWPREFCFG="', 'AT+QNWLOCK="')) and "," in command:
            sent.append(command)
        return send(self, command, timeout_s)

    monkeypatch.setattr(Modem, "_send", spy)
    return sent


@pytest.fixture
def quick(monkeypatch):
    """A ladder of seconds."""
    steps = [_Step(2.0, Rung.RADIO), _Step(2.0, Rung.RESET), _Step(2.0, None)]
    monkeypatch.setattr(rat_ladder, "STEPS", steps)
    monkeypatch.setattr(lock_watch, "LOCK_LOOK_EVERY_S", 1)


@pytest.fixture
def lte_cell(sim_modem):
    """A modem with LTE and NR, and the LTE cell it is served by when locked to 4G."""
    modem = sim_modem("vinaphone")
    with Modem.open(str(modem.link), usb_path="1-1") as opened:
        own = opened.setting()
        opened.lock(RatMode.G4)
        while (serving := opened.read_radio().serving) is None:
            pass
        opened.restore(own)
    return modem, serving


def test_bands_and_cell_are_set_proven_and_given_back(
    lte_cell, modem_worker, start, records, writes
):
    modem, cell = lte_cell
    original = setting_of(modem.link)
    here = LockedCell(earfcn=cell.arfcn, pci=cell.pci)
    bands = Bands(lte=(cell.band,))
    worker = modem_worker(modem.link, lock=RatMode.G4, bands=bands, cell=here)
    supervisor = start(worker.run)
    proof = records.wait(agreed).rat_lock
    assert proof.read_back is RatMode.G4
    assert proof.narrowed_to == f"bands lte {cell.band}, cell {cell.arfcn}:{cell.pci}"
    assert proof.narrowed_read_back is True
    assert f'AT+QNWLOCK="common/4g",1,{cell.arfcn},{cell.pci}' in writes
    assert supervisor.stop(10) == ()
    assert setting_of(modem.link) == original


def test_a_modem_that_is_set_so_already_is_not_written_again(
    sim_modem, modem_worker, start, records, writes
):
    modem = sim_modem()
    with Modem.open(str(modem.link), usb_path="1-1") as opened:
        opened.lock(RatMode.G4)
    writes.clear()
    supervisor = start(modem_worker(modem.link, lock=RatMode.G4).run)
    records.wait(agreed)
    assert supervisor.stop(10) == ()
    assert writes == []


def test_what_a_crash_left_narrowed_is_given_back(lte_cell, modem_worker, start, records, writes):
    modem, cell = lte_cell
    original = setting_of(modem.link)
    first = modem_worker(modem.link, lock=RatMode.G4, bands=Bands(lte=(cell.band,)))
    supervisor = start(first.run)
    records.wait(agreed)
    first._lock.release = lambda: None
    supervisor.stop(10)
    assert setting_of(modem.link) != original
    since = records.all("radio")[-1].mono_ns
    writes.clear()
    # The next one is configured otherwise: the bands are the modem's own again at once.
    second = start(modem_worker(modem.link, lock=RatMode.G4).run)
    row = records.wait(lambda row: agreed(row) and row.mono_ns > since)
    assert row.rat_lock.narrowed_to is None
    assert writes == [f'AT+QNWPREFCFG="lte_band",{original["lte_band"]}']
    assert second.stop(10) == ()
    assert setting_of(modem.link) == original


def test_a_test_with_another_lock_is_not_narrowed_by_the_configuration(
    lte_cell, modem_worker, start, records, stop
):
    modem, cell = lte_cell
    worker = modem_worker(modem.link, lock=RatMode.G4, bands=Bands(lte=(cell.band,)))
    start(worker.run)
    records.wait(agreed)
    worker.request_lock(RatMode.AUTO, stop=stop, timeout_s=20)
    row = records.wait(lambda row: agreed(row) and row.rat_lock.asked is RatMode.AUTO)
    assert row.rat_lock.narrowed_to is None
    worker.request_lock(None, stop=stop, timeout_s=20)
    row = records.wait(
        lambda late: agreed(late) and late.mono_ns > row.mono_ns and late.rat_lock.narrowed_to
    )
    assert row


@pytest.mark.usefixtures("quick")
def test_bands_that_changed_by_themselves_are_a_lost_lock(lte_cell, modem_worker, start, records):
    modem, cell = lte_cell
    worker = modem_worker(modem.link, lock=RatMode.G4, bands=Bands(lte=(cell.band,)))
    start(worker.run)
    records.wait(agreed)
    worker._modem.change(worker._modem.wanted(None, bands=Bands(lte=(1, 3, 7))))
    lost = records.wait(event("rat_lock_lost"))
    assert lost.payload.detail["read_back"] == "4g, other bands or cell"
    records.wait(event("rat_lock_back"))


@pytest.mark.usefixtures("quick")
def test_what_a_modem_cannot_be_held_on_is_refused_once_with_what_it_can(
    sim_modem, modem_worker, start, records
):
    worker = modem_worker(sim_modem().link, lock=RatMode.G2, bands=Bands(gsm_mhz=(900,)))
    start(worker.run)
    refused = records.wait(event("rat_lock_refused"))
    assert "this modem supports" in refused.payload.detail["why"]
    first = records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.OK)
    records.wait(lambda row: row.kind == "radio" and row.mono_ns > first.mono_ns + 3e9)
    assert records.events() == ["rat_lock_refused"]
    assert "Change its `lock`" in worker.state().trouble


@pytest.mark.usefixtures("quick")
def test_a_lock_without_effect_until_the_radio_was_off(sim_modem, modem_worker, start, records):
    modem = sim_modem()
    modem.fault("stubborn")
    start(modem_worker(modem.link, lock=RatMode.G4).run)
    tried = records.wait(event("remedy_tried", remedy="radio off and on", failed=None))
    assert tried.payload.detail["asked"] == "4g"
    row = records.wait(agreed)
    assert row.mono_ns > tried.mono_ns
    assert "rat_lock_ineffective" not in records.events()


@pytest.mark.usefixtures("quick")
def test_a_lock_without_effect_until_the_modem_was_reset(sim_modem, modem_worker, start, records):
    modem = sim_modem()
    modem.fault("obstinate")
    start(modem_worker(modem.link, lock=RatMode.G4).run)
    records.wait(event("remedy_tried", remedy="radio off and on", failed=None))
    reset = records.wait(event("remedy_tried", remedy="modem reset", failed=None))
    records.wait(agreed)
    meanwhile = [
        row
        for row in records.all("radio")
        if row.mono_ns > reset.mono_ns and row.outcome is Outcome.SKIPPED
    ]
    assert {row.reason for row in meanwhile} >= {"not settled after a modem reset"}
    assert records.events() == ["remedy_tried", "remedy_tried"]


@pytest.mark.usefixtures("quick")
def test_a_lock_that_stays_without_effect_is_told_with_what_was_tried(
    lte_cell, modem_worker, start, records
):
    modem, cell = lte_cell
    nowhere = Bands(lte=(cell.band + 1,))
    worker = modem_worker(modem.link, lock=RatMode.G4, bands=nowhere)
    start(worker.run)
    told = records.wait(event("rat_lock_ineffective"))
    assert told.payload.severity == "error"
    assert told.payload.detail["tried"] == "radio off and on, modem reset"
    assert "take its power away" in worker.state().trouble
    rows = [row for row in records.all("radio") if row.outcome is Outcome.OK]
    assert not any(row.rat_lock.serving_agreed for row in rows)


@pytest.mark.usefixtures("quick")
def test_after_a_crash_nothing_is_tried_again_at_once(lte_cell, modem_worker, start, records):
    modem, cell = lte_cell
    nowhere = {"lock": RatMode.G4, "bands": Bands(lte=(cell.band + 1,))}
    first = start(modem_worker(modem.link, **nowhere).run)
    told = records.wait(event("rat_lock_ineffective"))
    first.stop(10)
    start(modem_worker(modem.link, **nowhere).run)
    again = records.wait(
        lambda row: event("rat_lock_ineffective")(row) and row.mono_ns > told.mono_ns
    )
    assert again.payload.detail["tried"].count("not again so soon") == 2
    assert records.events().count("remedy_tried") == 2


@pytest.mark.usefixtures("quick")
def test_what_cannot_be_put_on_record_is_not_tried_and_hides_nothing(
    lte_cell, modem_worker, start, records, monkeypatch
):
    def refuse(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(RungLog, "note", refuse)
    modem, cell = lte_cell
    worker = modem_worker(modem.link, lock=RatMode.G4, bands=Bands(lte=(cell.band + 1,)))
    start(worker.run)
    tried = records.wait(event("remedy_tried", remedy="radio off and on"))
    assert "Read-only" in tried.payload.detail["failed"]
    assert "radio off" not in worker._settling._after


def test_another_modem_on_the_open_port_is_held_anew_and_proven_by_its_own_answers(
    lte_cell, modem_worker, start, records, monkeypatch
):
    modem, _ = lte_cell
    worker = modem_worker(modem.link, lock=RatMode.G4)
    start(worker.run)
    records.wait(agreed)
    original = worker._lock._hold._saved.find("860000000000025")
    monkeypatch.setattr(Family, "read_imei", lambda _: "350000000000014")
    monkeypatch.setattr(Modem, "read_lock", lambda _: None)
    worker._modem._identity_due_s = 0.0
    row = records.wait(
        lambda row: row.kind == "radio" and row.modem.imei == "350000000000014", "the other modem"
    )
    assert row.rat_lock.read_back is None
    assert worker._lock._hold._saved.find("860000000000025") == original
    monkeypatch.undo()


def test_a_radio_that_somebody_left_off_is_switched_on(sim_modem, modem_worker, start, records):
    modem = sim_modem()
    with Modem.open(str(modem.link), usb_path="1-1") as opened:
        opened._dialogue.order("AT+CFUN=4")
    start(modem_worker(modem.link).run)
    records.wait(event("radio_was_off"))
    records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.OK)
    assert not [row for row in records.all("radio") if row.outcome is Outcome.NO_SERVICE]


@pytest.fixture
def replugs(monkeypatch):
    """Places whose USB port was switched off and on."""
    seen = []
    monkeypatch.setattr(silent_port, "replug", seen.append)
    monkeypatch.setattr(silent_port, "SILENT_S", 2.0)
    monkeypatch.setattr(settling, "LINGER_S", 0)
    return seen


def test_a_port_that_never_answers_goes_off_the_bus_and_back(
    sim_modem, modem_worker, start, records, replugs
):
    modem = sim_modem()
    modem.fault("silent")
    start(modem_worker(modem.link, usb_path="1-1.4").run)
    tried = records.wait(event("remedy_tried", remedy="USB port off and on", failed=None))
    modem.fault()
    records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.OK)
    assert replugs == ["1-1.4"]
    reasons = {row.reason for row in records.all("radio") if row.mono_ns > tried.mono_ns}
    assert "not settled after a USB port off and on" in reasons


@pytest.mark.usefixtures("replugs")
def test_where_that_is_not_allowed_a_person_is_told_what_to_do(
    sim_modem, modem_worker, start, records, monkeypatch
):
    def refuse(_):
        raise NotPermittedError("may not switch it off and on: /sys/x: Permission denied")

    monkeypatch.setattr(silent_port, "replug", refuse)
    modem = sim_modem()
    modem.fault("silent")
    worker = modem_worker(modem.link, usb_path="1-1.4")
    start(worker.run)
    told = records.wait(event("modem_silent"))
    assert "Permission denied" in told.payload.detail["tried"]
    assert "take its power away" in worker.state().trouble.replace("\n", " ")
    modem.fault()
    records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.OK)
    assert worker.state().trouble is None


def test_a_lock_ordered_from_a_modem_that_is_gone_is_refused(
    modem_worker, tmp_path, start, records, stop
):
    worker = modem_worker(tmp_path / "nowhere", lock=RatMode.G4)
    start(worker.run)
    records.wait(event("modem_gone"))
    with pytest.raises(OrderError, match="the modem is gone"):
        worker.request_lock(RatMode.AUTO, stop=stop, timeout_s=20)


def test_a_modem_that_restarts_to_be_set_is_set_once_and_is_never_gone(
    sim_modem, modem_worker, start, records, monkeypatch
):
    sent = []
    send = Modem._send

    def spy(self, command, timeout_s):
        sent.append(command)
        return send(self, command, timeout_s)

    monkeypatch.setattr(Modem, "_send", spy)
    modem = sim_modem("mobifone", persona="foxconn_t99w175")
    start(modem_worker(modem.link, lock=RatMode.G4).run)
    row = records.wait(agreed)
    records.wait(lambda later: agreed(later) and later.mono_ns > row.mono_ns + 6e9)
    assert len([command for command in sent if command.startswith("AT^SLMODE=1")]) == 1
    assert records.events() == []
    assert not [row for row in records.all("radio") if row.outcome is Outcome.MODEM_GONE]


def test_an_order_to_a_modem_that_restarts_is_answered_when_it_is_back(
    sim_modem, modem_worker, start, records, stop
):
    worker = modem_worker(sim_modem("mobifone", persona="foxconn_t99w175").link)
    start(worker.run)
    records.wait(lambda row: row.kind == "radio" and row.outcome is Outcome.OK)
    worker.request_lock(RatMode.G4, stop=stop, timeout_s=40)
    row = records.wait(agreed)
    assert row.rat_lock.read_back is RatMode.G4
    worker.request_lock(None, stop=stop, timeout_s=40)
    assert "modem_gone" not in records.events()
