import json
import os
import re
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from agent.cli import discover, main
from agent.commands.modems import line_up
from agent.config import ModemPlace
from agent.demand.messages import SOCKET_FILE
from agent.health import STATUS_FILE
from agent.main import STOP_TIMEOUT_S
from agent.outbox import OutboxFile
from drivers.modem.usb import PluggedModem
from sim.server import HttpServer
from wire.codec import decode_record
from wire.control import ModemState, Presence
from wire.messages import Outcome

WAIT_S = 30.0


@pytest.fixture
def probe(tmp_path, sim_modem):
    """A configuration with a modem; gives the file."""

    def make(*, modem=True, more=""):
        port = sim_modem().link if modem else tmp_path / "viettel-at"
        file = tmp_path / "probe.toml"
        file.write_text(
            f'probe = "dn-01"\nstate_dir = "state"\nrun_dir = "run"\n'
            f"[gps.surveyed]\nlat_deg = 12.0\nlon_deg = 107.7\n"
            f'[[modem]]\nname = "viettel"\nport = "{port}"\n{more}'
        )
        return file

    return make


class Running:
    """The agent as systemd starts it."""

    def __init__(self, config):
        self._log = config.with_suffix(".log").open("ab")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "agent.cli", "run", "--config", str(config)],
            stderr=self._log,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        self._run_dir = config.parent / "run"
        self.state_dir = config.parent / "state"

    def presence(self, wanted):
        """The first status that `wanted` accepts."""
        deadline = time.monotonic() + WAIT_S
        said = None
        while time.monotonic() < deadline:
            assert self.process.poll() is None, "the agent ended"
            try:
                said = msgspec.json.decode(
                    (self._run_dir / STATUS_FILE).read_bytes(), type=Presence
                )
            except FileNotFoundError:
                said = None
            if said is not None and wanted(said):
                return said
            time.sleep(0.1)
        raise AssertionError(f"never so: {said}")

    def end(self, number):
        """Send a signal and wait; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(STOP_TIMEOUT_S + 5)
        self._log.close()
        return code

    def rows(self):
        file = OutboxFile(self.state_dir / "outbox.db", check_s=None)
        try:
            found = file.rows_after(0, up_to=1 << 60, max_rows=100_000, max_bytes=1 << 30)
            return [decode_record(row.line) for row in found]
        finally:
            file.close()


@pytest.fixture
def run():
    running = []

    def start(config):
        running.append(Running(config))
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.end(signal.SIGKILL)


def test_the_agent_measures_without_a_broker_and_ends_on_sigterm(probe, run, capsys):
    more = '[uplink]\nhost = "127.0.0.1"\nport = 1\n'
    more += '[[plan]]\nname = "gsm"\nactivity = "scan"\nevery_s = 3600\nstart_after_s = 3000\n'
    config = probe(more=more)
    agent = run(config)
    said = agent.presence(
        lambda now: now.outbox_rows > 3 and now.modems[0].state == "ok" and now.made
    )
    assert said.health.uplink == "offline"
    assert said.position.lat_deg == 12.0
    assert set(said.health.workers.values()) == {"running"}
    assert main(["status", "--config", str(config)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"viettel\s+│ ok\s+│ RM520N-GL", shown)
    assert "-> No link to the collector" in shown
    assert main(["status", "--config", str(config), "--lang", "vi"]) == 0
    shown = capsys.readouterr().out
    assert "Máy đo dn-01 đang đo" in shown
    assert re.search(r"viettel\s+│ tốt\s+│ RM520N-GL", shown)
    assert "-> Chưa nối được với máy thu" in shown
    began = time.monotonic()
    assert agent.end(signal.SIGTERM) == 0
    assert time.monotonic() - began < 10
    rows = agent.rows()
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert {"radio", "position"} <= {row.kind for row in rows}
    assert any(row.kind == "radio" and row.outcome is Outcome.OK for row in rows)
    assert main(["status", "--config", str(config), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["running"] is False


def test_a_killed_agent_goes_on_counting_where_it_was(probe, run):
    config = probe(modem=False)
    first = run(config)
    before = first.presence(lambda now: (now.made or 0) > 2)
    first.end(signal.SIGKILL)
    second = run(config)
    after = second.presence(lambda now: (now.made or 0) > before.made + 2)
    assert after.epoch == before.epoch
    assert second.end(signal.SIGTERM) == 0
    seqs = [row.seq for row in second.rows()]
    assert seqs == list(range(1, len(seqs) + 1))


class Log:
    """What a running agent logs."""

    def __init__(self, file):
        self._file = file

    def wait(self, text):
        deadline = time.monotonic() + WAIT_S
        while text not in self._file.read_text():
            assert time.monotonic() < deadline, f"never logged: {text}"
            time.sleep(0.05)


def test_a_running_agent_takes_up_another_plan_and_keeps_the_last_good_one(probe, run, tmp_path):
    file, log = probe(modem=False), Log(tmp_path / "probe.log")
    later = '[[plan]]\nname = "gsm"\nactivity = "scan"\nevery_s = 3600\nstart_after_s = 3000\n'
    head = file.read_text()
    file.write_text(head + later)
    agent = run(file)
    log.wait("measures with 1 modems")
    file.write_text(head + later.replace("every_s", "evry_s"))
    agent.process.send_signal(signal.SIGHUP)
    log.wait("the plan is not changed")
    now = '[[plan]]\nname = "now"\nactivity = "scan"\nevery_s = 3600\n'
    file.write_text(head + later + now)
    agent.process.send_signal(signal.SIGHUP)
    log.wait("plan: 1 kept, 1 begun, 0 ended")
    log.wait("scan on modem viettel: modem_gone")
    assert agent.end(signal.SIGTERM) == 0
    rows = agent.rows()
    events = {row.payload.name: row.payload.detail for row in rows if row.kind == "event"}
    assert events["plan_refused"]["problem"].startswith("probe.toml: plan[0].evry_s: unknown key")
    assert events["plan_accepted"] == {"kept": 1, "begun": 1, "ended": 0}
    (scan,) = [row for row in rows if row.kind == "scan"]
    assert (scan.plan, scan.outcome) == ("now", Outcome.MODEM_GONE)


def test_a_wrong_configuration_ends_the_service_with_its_place(tmp_path, capsys):
    file = tmp_path / "probe.toml"
    file.write_text('probe = "a"\n[[modem]]\nname = "m"\nport = "p"\nlok = "4g"')
    assert main(["run", "--config", str(file)]) == 1
    assert "probe.toml: modem[0].lok: unknown key; did you mean 'lock'?" in capsys.readouterr().err


def test_one_look_at_the_radio_is_a_record(probe, capsys):
    assert main(["once", "radio", "--config", str(probe()), "--modem", "viettel", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["kind"] == "radio"
    assert record["modem"]["imei"] == "860000000000041"
    assert record["payload"]["serving"]["rsrp_dbm"] < 0
    assert record["payload"]["neighbours"]


def test_looks_are_shown_to_a_person_and_summed_up(probe, capsys):
    arguments = ["once", "radio", "--config", str(probe()), "--modem", "viettel", "--repeat", "2"]
    assert main([*arguments, "--lang", "en"]) == 0
    shown = capsys.readouterr()
    assert shown.out.startswith("radio: ok")
    assert len(re.findall(r"Serving cell +[A-Z]+; RSRP -\d+ dBm", shown.out)) == 2
    assert re.search(r"SIM +8984040000000000041", shown.out)
    assert re.search(r"2 runs, 0 of them not good; radio: median -\d+ dBm", shown.out)
    assert "radio 2/2: opening the modem" in shown.err


class Person:
    """`dosong-agent once` in a process of its own, as a technician starts it."""

    def __init__(self, config, *arguments):
        command = [sys.executable, "-m", "agent.cli", "once", *arguments]
        self.process = subprocess.Popen(
            [*command, "--modem", "viettel", "--config", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told = ""

    def wait_for(self, words):
        for line in self.process.stderr:
            self.told += line
            if words in line:
                return
        raise AssertionError(f"never said {words!r}: {self.told}")

    def interrupt(self, number=signal.SIGINT):
        """Send the signal; exit code, the record, and how long it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=WAIT_S)
        self.told += err
        return self.process.returncode, json.loads(out), time.monotonic() - began


@pytest.fixture
def slow_test(tmp_path, probe):
    """A probe with a latency test that would take minutes, and one that takes an instant."""
    folder = tmp_path / "profiles"
    folder.mkdir()
    (folder / "slow.toml").write_text('kind = "latency"\ncount = 20\ninterval_s = 10\n')
    (folder / "quick.toml").write_text('kind = "latency"\ncount = 2\ninterval_s = 0\n')
    with HttpServer("127.0.0.1", 0) as running:
        config = probe(
            more=f'[[server]]\nname = "main"\nhttp_url = "http://127.0.0.1:{running.port}"\n'
            '[[plan]]\nname = "check"\nactivity = "latency"\nprofile = "quick"\n'
            "every_s = 9999\nstart_after_s = 9999\n"
        )
        config.write_text('profile_dir = "profiles"\n' + config.read_text())
        yield config


def test_ctrl_c_shows_what_was_measured_and_gives_the_modem_its_setting_back(slow_test, tmp_path):
    out = tmp_path / "records.jsonl"
    arguments = ["latency", "--profile", "slow", "--lock", "4g", "--json", "--out", str(out)]
    person = Person(slow_test, *arguments)
    person.wait_for("round trip 1 of")
    assert list((tmp_path / "state" / "rat-settings").iterdir())
    code, record, took_s = person.interrupt()
    assert (code, record["outcome"], record["reason"]) == (
        130,
        "invalid",
        "cancelled by the technician",
    )
    assert record["rat_lock"]["asked"] == "4g"
    assert took_s < 3
    assert json.loads(out.read_text()) == record
    assert list((tmp_path / "state" / "rat-settings").iterdir()) == []


def test_the_running_service_does_the_tests_of_a_person(slow_test, run, capsys):
    agent = run(slow_test)
    agent.presence(lambda now: now.modems[0].state == "ok")
    common = ["--modem", "viettel", "--config", str(slow_test), "--lang", "en"]
    assert main(["once", "radio", *common]) == 0
    assert "Serving cell" in capsys.readouterr().out
    assert main(["once", "latency", "--profile", "quick", *common]) == 0
    shown = capsys.readouterr()
    assert "The service runs: it does the test" in shown.err
    assert "Median round trip" in shown.out
    assert main(["once", "--plan", "check", "--json", "--repeat", "2", *common]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["plan"] for line in lines] == ["check", "check"]
    assert main(["once", "latency", *common]) == 1
    assert "no profile 'latency'" in capsys.readouterr().err
    person = Person(slow_test, "latency", "--profile", "slow", "--json")
    person.wait_for("round trip 1 of")
    code, record, took_s = person.interrupt(signal.SIGHUP)
    assert (code, record["reason"]) == (130, "cancelled by the technician")
    assert took_s < 3
    assert agent.end(signal.SIGTERM) == 0
    rows = [row for row in agent.rows() if row.kind == "latency"]
    assert [(row.plan, row.outcome) for row in rows] == [
        ("on-demand", Outcome.OK),
        ("check", Outcome.OK),
        ("check", Outcome.OK),
        ("on-demand", Outcome.INVALID),
    ]


def test_a_service_that_does_not_listen_has_the_modem_all_the_same(probe, run, capsys):
    config = probe(modem=False)
    agent = run(config)
    agent.presence(lambda now: now.online)
    (config.parent / "run" / SOCKET_FILE).unlink()
    assert main(["once", "scan", "--config", str(config), "--modem", "viettel"]) == 3
    assert "The service holds the modem" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["scan", "--plan", "check"]])
def test_one_thing_is_measured_at_a_time(probe, capsys, arguments):
    line = ["once", *arguments, "--modem", "viettel", "--config", str(probe(modem=False))]
    assert main(line) == 2
    assert "--plan" in capsys.readouterr().err


@pytest.mark.parametrize("repeat", ["0", "1001", "x"])
def test_nobody_repeats_a_test_for_ever(repeat, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["once", "scan", "--modem", "viettel", "--repeat", repeat])
    assert ended.value.code == 2
    assert "--repeat" in capsys.readouterr().err


def test_one_test_of_a_modem_that_is_not_there_says_so(probe, capsys):
    config = probe(modem=False)
    assert main(["once", "scan", "--config", str(config), "--modem", "viettel"]) == 1
    assert capsys.readouterr().out.startswith("scan: modem_gone")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["scan", "--modem", "vietel"], "no modem 'vietel'"),
        (["latency", "--modem", "viettel"], "latency: needs a [[server]]"),
        (["latency", "--modem", "viettel", "--profile", "latenzy"], "did you mean 'latency'?"),
        (["video", "--modem", "viettel", "--profile", "latency"], "is for another activity"),
        (["scan", "--modem", "viettel", "--profile", "x"], "no profile 'x'"),
    ],
)
def test_a_test_that_cannot_be_prepared_says_what_is_missing(probe, capsys, arguments, complaint):
    config = probe(modem=False)
    assert main(["once", *arguments, "--config", str(config)]) == 1
    assert complaint in capsys.readouterr().err


def test_check_config_says_what_the_file_means(probe, capsys):
    more = '[[plan]]\nname = "gsm"\nactivity = "scan"\nevery_s = 3600\n'
    assert main(["check-config", str(probe(modem=False, more=more))]) == 0
    shown = capsys.readouterr().out
    assert "right" in shown
    assert re.search(r"gsm\s+│ scan\s+│\s+│ viettel\s+│ every 3600 s", shown)


def test_check_config_finds_what_only_the_plan_knows(probe, capsys):
    more = (
        '[[plan]]\nname = "a"\nactivity = "scn"\nevery_s = 3600\n'
        '[[plan]]\nname = "b"\nactivity = "video"\nevery_s = 3600\n'
    )
    assert main(["check-config", "--json", str(probe(modem=False, more=more))]) == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    assert [(each["place"], each["what"]) for each in problems] == [
        ("plan[0]", "no activity 'scn'; did you mean 'scan'?"),
        ("plan[1]", "needs a [[server]] with 'http_url'"),
    ]


def test_a_family_that_is_not_there_is_a_problem(probe, capsys):
    assert main(["check-config", str(probe(modem=False, more='family = "quektel"\n'))]) == 1
    assert "modem[0].family: no modem family 'quektel'" in capsys.readouterr().out


def test_a_right_configuration_is_told_in_json_too(probe, capsys):
    assert main(["check-config", "--json", str(probe(modem=False))]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert said["config"]["probe"] == "dn-01"


def test_each_command_has_its_help(capsys):
    for command in discover():
        with pytest.raises(SystemExit) as ended:
            main([command.name, "--help"])
        assert ended.value.code == 0
        assert "exit codes:" in capsys.readouterr().out


def plugged(usb_path, at_port):
    return PluggedModem(
        usb_path=usb_path,
        vendor_id=0x2C7C,
        product_id=0x0801,
        at_port=at_port,
        net_interface="wwan0",
        product="RM520N-GL",
    )


def test_plugged_and_configured_modems_go_together():
    lines = list(
        line_up(
            (ModemPlace(name="a", usb_path="1-1"), ModemPlace(name="b", usb_path="1-2")),
            (plugged("1-2", "/dev/ttyUSB3"), plugged("1-4", "/dev/ttyUSB7")),
            {"b": ModemState(name="b", state="ok", model="RM520N-GL")},
        )
    )
    assert [(line.name, line.usb_path, line.plugged, line.state) for line in lines] == [
        ("a", "1-1", False, None),
        ("b", "1-2", True, "ok"),
        (None, "1-4", True, None),
    ]
    assert lines[1].port == "/dev/ttyUSB3"


def test_a_modem_named_by_its_imei_is_where_the_agent_found_it():
    place = ModemPlace(name="a", imei="860000000000041")
    plugged_in = (plugged("1-2", "/dev/ttyUSB3"), plugged("1-4", "/dev/ttyUSB7"))
    state = ModemState(name="a", state="ok", usb_path="1-4")
    here, other = line_up((place,), plugged_in, {"a": state})
    assert (here.name, here.usb_path, here.port, here.plugged) == ("a", "1-4", "/dev/ttyUSB7", True)
    assert (other.name, other.usb_path) == (None, "1-2")
    unknown, *others = line_up((place,), plugged_in, {})
    assert (unknown.usb_path, unknown.plugged) == (None, False)
    assert len(others) == 2


def test_without_usb_the_configured_ports_are_told(probe, capsys):
    assert main(["modems", "--json", "--config", str(probe())]) == 0
    (line,) = json.loads(capsys.readouterr().out)["modems"]
    assert (line["name"], line["plugged"]) == ("viettel", True)
