import logging
import threading

import pytest

from agent.runtime import Supervisor, Worker
from agent.runtime.supervisor import FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S, back_off_s

DEADLINE_S = 10.0
SOON = {"delay_s": lambda _failures: 0.01, "look_every_s": 0.01}


class Listener:
    """Hears what systemd would hear."""

    def __init__(self):
        self.words = []

    def ready(self):
        self.words.append("ready")

    def alive(self):
        self.words.append("alive")

    def stopping(self):
        self.words.append("stopping")

    def status(self, text):
        self.words.append(text)


def patient(stop, beat):
    while not stop.wait(0.01):
        beat()


def test_a_crash_is_logged_once_reported_and_the_worker_runs_again(
    supervise, reports, until, caplog
):
    runs = []

    def run(stop, beat):
        runs.append(1)
        if len(runs) < 3:
            raise OSError("no such modem")
        patient(stop, beat)

    supervisor = supervise(Worker(name="modem", run=run), **SOON)
    until(lambda: len(runs) == 3, "the third run")
    until(lambda: supervisor.states() == {"modem": "running"}, "it runs")
    assert [(report.worker, report.restarts) for report in reports.restarts] == [
        ("modem", 1),
        ("modem", 2),
    ]
    assert reports.restarts[0].reason == "OSError: no such modem"
    crashes = [record for record in caplog.records if record.exc_info]
    assert len(crashes) == 2


def test_an_early_return_is_a_crash(supervise, reports, until):
    supervise(Worker(name="gps", run=lambda _stop, _beat: None), **SOON)
    until(lambda: reports.restarts, "it is reported")
    assert reports.restarts[0].reason == "an early return"


def test_one_crash_leaves_the_others_alone(supervise, reports, until):
    def crash(_stop, _beat):
        raise RuntimeError

    supervisor = supervise(Worker(name="bad", run=crash), Worker(name="good", run=patient), **SOON)
    until(lambda: len(reports.restarts) > 3, "several restarts")
    assert supervisor.states()["good"] == "running"


def test_a_waiting_worker_says_why(supervise, reports, until):
    def crash(_stop, _beat):
        raise ValueError("bad frame")

    supervisor = supervise(Worker(name="at", run=crash), delay_s=lambda _failures: 60.0)
    until(lambda: reports.restarts, "it crashed")
    assert supervisor.states()["at"] == "waiting: 60.0 s after ValueError: bad frame"


def test_stopping_wakes_whatever_blocks(supervise):
    released = threading.Event()

    def run(stop, _beat):
        with stop.wakes(released.set):
            assert released.wait(DEADLINE_S)

    supervisor = supervise(Worker(name="blocked", run=run))
    assert supervisor.stop(DEADLINE_S) == ()
    assert supervisor.states() == {"blocked": "stopped"}


def test_who_does_not_stop_is_named(reports):
    release = threading.Event()

    def deaf(_stop, _beat):
        release.wait(DEADLINE_S)

    supervisor = Supervisor(on_restart=reports.restarts.append, on_stall=reports.stalls.append)
    supervisor.start([Worker(name="deaf", run=deaf), Worker(name="good", run=patient)])
    assert supervisor.stop(0.2) == ("deaf",)
    release.set()
    assert supervisor.stop(DEADLINE_S) == ()


def test_the_last_hears_what_the_others_say_at_their_end(supervise):
    heard = []
    last_words = []

    def speaker(stop, _beat):
        stop.wait(DEADLINE_S)
        last_words.append("goodbye")

    def listener(stop, _beat):
        stop.wait(DEADLINE_S)
        heard.extend(last_words)

    supervisor = supervise(
        Worker(name="outbox", run=listener, stops_last=True), Worker(name="modem", run=speaker)
    )
    assert supervisor.stop(DEADLINE_S) == ()
    assert heard == ["goodbye"]


def test_a_worker_can_come_and_go(supervise):
    supervisor = supervise()
    supervisor.add(Worker(name="modem", run=patient))
    with pytest.raises(ValueError, match="'modem' already"):
        supervisor.add(Worker(name="modem", run=patient))
    assert supervisor.remove("modem", DEADLINE_S)
    assert supervisor.states() == {}
    supervisor.add(Worker(name="modem", run=patient))


def test_the_watchdog_is_fed_while_critical_workers_make_progress(supervise, until):
    notify = Listener()
    supervisor = supervise(Worker(name="outbox", run=patient, critical=True), notify=notify, **SOON)
    until(lambda: notify.words.count("alive") > 3, "it is fed")
    assert notify.words[0] == "ready"
    supervisor.stop(DEADLINE_S)
    assert "stopping" in notify.words


def test_a_stuck_critical_worker_starves_the_watchdog_and_is_reported_once(
    supervise, reports, until, caplog
):
    caplog.set_level(logging.INFO)
    stuck = threading.Event()
    free = threading.Event()
    notify = Listener()

    def run(stop, beat):
        beat()
        stuck.set()
        free.wait(DEADLINE_S)
        patient(stop, beat)

    def slower(stop, _beat):
        stop.wait(DEADLINE_S)

    supervisor = supervise(
        Worker(name="outbox", run=run, critical=True, stall_limit_s=0.1),
        Worker(name="scan", run=slower, stall_limit_s=0.3),
        notify=notify,
        **SOON,
    )
    assert stuck.wait(DEADLINE_S)
    until(lambda: reports.stalls, "the stall is reported")
    fed = notify.words.count("alive")
    until(lambda: len(reports.stalls) > 1, "the watcher has looked many times since")
    assert notify.words.count("alive") == fed
    assert supervisor.states()["outbox"].startswith("stuck: no progress for")
    free.set()
    until(lambda: notify.words.count("alive") > fed, "it is fed again")
    assert [(stall.worker, stall.critical) for stall in reports.stalls] == [
        ("outbox", True),
        ("scan", False),
    ]
    assert "outbox makes progress again" in caplog.text


def test_a_stuck_worker_that_is_not_critical_starves_nobody(supervise, reports, until):
    notify = Listener()

    def run(stop, _beat):
        stop.wait(DEADLINE_S)

    supervise(Worker(name="scan", run=run, stall_limit_s=0.05), notify=notify, **SOON)
    until(lambda: reports.stalls, "the stall is reported")
    fed = notify.words.count("alive")
    until(lambda: notify.words.count("alive") > fed, "the watchdog is fed")


def test_a_critical_worker_that_only_crashes_starves_the_watchdog(supervise, reports, until):
    notify = Listener()
    healed = threading.Event()

    def run(stop, beat):
        beat()
        if not healed.wait(0.02):
            raise RuntimeError
        patient(stop, beat)

    supervise(
        Worker(name="outbox", run=run, critical=True, stall_limit_s=0.2),
        notify=notify,
        steady_s=0.1,
        **SOON,
    )
    until(lambda: reports.stalls, "that is no progress")
    fed, crashes = notify.words.count("alive"), len(reports.restarts)
    until(lambda: len(reports.restarts) > crashes + 10, "it crashes on")
    assert notify.words.count("alive") == fed
    healed.set()
    until(lambda: notify.words.count("alive") > fed, "it is fed again")
    assert len(reports.stalls) == 1


def test_a_listener_that_fails_does_not_end_supervision(until, caplog):
    runs = []

    def crash(_stop, _beat):
        runs.append(1)
        raise RuntimeError

    supervisor = Supervisor(on_restart=lambda _news: 1 / 0, on_stall=lambda _news: None, **SOON)
    supervisor.start([Worker(name="bad", run=crash)])
    until(lambda: len(runs) > 2, "it is restarted all the same")
    assert supervisor.stop(DEADLINE_S) == ()
    assert "could not report" in caplog.text


def test_back_off_grows_with_jitter_up_to_its_limit():
    for failures in (1, 2, 5, 50):
        ceiling_s = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** min(failures - 1, 16))
        delays = {back_off_s(failures) for _ in range(50)}
        assert len(delays) > 10
        assert all(ceiling_s / 2 <= delay <= ceiling_s for delay in delays)
