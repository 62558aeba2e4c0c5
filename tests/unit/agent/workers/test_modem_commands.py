"""The commands that speak to one modem: lock, suggest, at, and `modems --ask`."""

import json
import os
import pty
import queue
import re
import select
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from agent.asking import Answer
from agent.at_session import AtSession, Guard
from agent.cli import main
from agent.commands import _modem, lock, modems, suggest
from agent.commands._modem import NoSuchModemError, choose
from agent.config import ConfigError, parse
from agent.durable import publish
from agent.health import STATUS_FILE
from drivers.modem.errors import GoneError
from drivers.modem.modem import Modem
from drivers.modem.port import Port
from drivers.modem.standard import SimState
from drivers.modem.usb import PluggedModem
from wire.control import ModemState, Presence

WAIT_S = 30.0
PIN = "4711"


class Probe:
    """A configuration with one modem."""

    def __init__(self, folder, sim):
        self.sim = sim
        self.link = sim.link
        self.file = folder / "probe.toml"
        self.run_dir = folder / "run"
        self.run_dir.mkdir()
        self.file.write_text(
            f'probe = "dn-01"\nstate_dir = "state"\nrun_dir = "run"\n'
            f"[gps.surveyed]\nlat_deg = 12.0\nlon_deg = 107.7\n"
            f'[[modem]]\nname = "vina"\nport = "{sim.link}"\n'
        )

    def call(self, *arguments):
        return main([*arguments, "--config", str(self.file)])

    def setting(self):
        with Modem.open(str(self.link), usb_path="1-1") as modem:
            return modem.setting()

    def service_runs(self):
        state = ModemState(name="vina", state="ok", usb_path="1-1.4")
        presence = Presence(probe="dn-01", online=True, modems=(state,))
        publish(self.run_dir / STATUS_FILE, msgspec.json.encode(presence))


@pytest.fixture
def probe(tmp_path, sim_modem):
    return Probe(tmp_path, sim_modem("vinaphone"))


@pytest.fixture
def held(probe):
    """The modem's port, held by somebody else."""
    with Modem.open(str(probe.link), usb_path="1-1") as modem:
        yield modem


def test_a_lock_is_proven_kept_and_given_back(probe, capsys):
    original = probe.setting()
    assert probe.call("lock", "4g", "--modem", "vina", "--json") == 0
    proof = json.loads(capsys.readouterr().out)
    assert (proof["before"], proof["asked"], proof["read_back"]) == ("auto", "4g", "4g")
    assert (proof["wrote"], proof["held"], proof["serving_agreed"]) == (True, True, True)
    assert proof["serving"]["rat"] == "lte"
    assert proof["modem"]["imei"] == "860000000000025"
    assert proof["give_back"] == "dosong-agent lock restore --modem vina"
    assert probe.setting() != original
    assert probe.call("lock", "restore", "--modem", "vina", "--json") == 0
    restored = json.loads(capsys.readouterr().out)
    assert (restored["restored"], restored["read_back"]) == (original, "auto")
    assert probe.setting() == original


def test_the_agent_gives_back_what_the_command_locked(probe):
    original = probe.setting()
    assert probe.call("lock", "4g", "--modem", "vina") == 0
    assert probe.call("once", "radio", "--modem", "vina", "--json") == 0
    assert probe.setting() == original


def test_a_lock_is_told_to_a_person_with_what_comes_next(probe, capsys):
    assert probe.call("lock", "4g", "--modem", str(probe.link)) == 0
    shown = capsys.readouterr().out
    assert "is held on 4g" in shown
    assert re.search(r"serving cell\s+│ LTE, band 3, channel \d+, PCI \d+", shown)
    assert "-> To give it back: dosong-agent lock restore --modem vina" in shown
    assert probe.call("lock", "4g", "--modem", "vina") == 0
    assert "was so already: nothing was written" in capsys.readouterr().out


def test_bands_and_cell_are_held_as_well(probe, capsys):
    assert probe.call("lock", "4g", "--modem", "vina", "--json") == 0
    cell = json.loads(capsys.readouterr().out)["serving"]
    more = ["--bands", f"lte:{cell['band']}", "--cell", f"{cell['arfcn']}:{cell['pci']}"]
    assert probe.call("lock", "4g", "--modem", "vina", "--json", *more) == 0
    proof = json.loads(capsys.readouterr().out)
    assert proof["narrowed_to"] == f"bands lte {cell['band']}, cell {cell['arfcn']}:{cell['pci']}"
    assert (proof["narrowed_read_back"], proof["serving_agreed"]) == (True, True)


def test_a_lock_without_effect_fails_with_what_to_do(probe, capsys, monkeypatch):
    monkeypatch.setattr(lock, "WAIT_S", 4.0)
    monkeypatch.setattr(lock, "CONTRARY_S", 1.0)
    assert probe.call("lock", "4g", "--modem", "vina", "--bands", "lte:1") == 1
    shown = capsys.readouterr().out
    assert "is not held on 4g, bands lte 1" in shown
    assert "also after its radio went off and on" in shown


def test_a_stubborn_modem_has_its_radio_switched(probe, capsys, monkeypatch):
    monkeypatch.setattr(lock, "CONTRARY_S", 1.0)
    probe.sim.fault("stubborn")
    assert probe.call("lock", "4g", "--modem", "vina", "--json") == 0
    proof = json.loads(capsys.readouterr().out)
    assert (proof["radio_switched"], proof["serving_agreed"]) == (True, True)


def test_nothing_locked_is_nothing_to_give_back(probe, capsys):
    assert probe.call("lock", "restore", "--modem", "vina") == 0
    assert "Nothing to give back" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["2g", "--modem", "vina"], "no lock to 2g; this modem supports 3g, 4g"),
        (["4g", "--modem", "vino"], "no modem 'vino'"),
        (["4g", "--modem", "vina", "--bands", "nr-sa:78"], "--bands.nr_sa: a lock to 4g uses lte"),
        (["5g-sa", "--modem", "vina", "--cell", "627264:1"], "--cell.band: a cell of NR has"),
        (["restore", "--modem", "vina", "--bands", "lte:3"], "restore takes none"),
        (["4g", "--modem", "/dev/nowhere"], "`dosong-agent modems` shows what is plugged in"),
    ],
)
def test_what_cannot_be_locked_says_why(probe, capsys, arguments, complaint):
    original = probe.setting()
    assert probe.call("lock", *arguments) == 1
    assert complaint in capsys.readouterr().err
    assert probe.setting() == original


@pytest.mark.parametrize("more", [["--bands", "3,7"], ["--bands", "lte:x"], ["--cell", "1300"]])
def test_a_wrong_line_is_told_by_the_parser(probe, capsys, more):
    with pytest.raises(SystemExit) as ended:
        probe.call("lock", "4g", "--modem", "vina", *more)
    assert ended.value.code == 2
    assert "is not like" in capsys.readouterr().err


COMMANDS = [["lock", "4g", "--modem", "vina"], ["at", "vina", "AT"]]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_running_service_keeps_its_modem(probe, capsys, command):
    probe.service_runs()
    assert probe.call(*command) == 3
    assert "systemctl stop dosong-agent" in capsys.readouterr().err


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_port_that_is_held_is_left_alone(probe, capsys, command):
    assert probe.call(*command) == 3
    assert "is held by another program" in capsys.readouterr().err


def test_a_modem_is_meant_by_name_place_or_port(tmp_path):
    file = tmp_path / "probe.toml"
    file.write_text(
        'probe = "a"\n[[modem]]\nname = "one"\nusb_path = "1-1.2"\n'
        '[[modem]]\nname = "two"\nport = "/dev/two"\n'
    )
    assert choose("one", file).place.name == choose("1-1.2", file).place.name == "one"
    assert choose("two", file).place.name == choose("/dev/two", file).place.name == "two"
    stranger = choose("1-1.3", file)
    assert (stranger.place.usb_path, stranger.configured) == ("1-1.3", False)
    assert str(choose("/dev/ttyUSB9", file).place.port) == "/dev/ttyUSB9"
    with pytest.raises(NoSuchModemError, match="did you mean 'one'"):
        choose("ones", file)


def test_a_path_needs_no_configuration_and_a_name_does(tmp_path):
    assert str(choose("/dev/ttyUSB9", tmp_path / "no.toml").place.port) == "/dev/ttyUSB9"
    with pytest.raises(ConfigError):
        choose("one", tmp_path / "no.toml")


def plugged(probe, usb_path="1-1.4"):
    return PluggedModem(
        usb_path=usb_path,
        vendor_id=0x2C7C,
        product_id=0x0801,
        at_port=str(probe.link.resolve()),
        net_interface="wwan0",
        product="RM520N-GL",
    )


@pytest.fixture
def on_usb(probe, monkeypatch):
    """The modem is on USB as well, and no configuration names it."""
    seen = (plugged(probe),)
    for module in (suggest, modems, _modem):
        monkeypatch.setattr(module, "plugged_modems", lambda: seen)
    probe.file.write_text(probe.file.read_text().partition("[[modem]]")[0])
    return probe


def test_what_is_plugged_in_is_suggested_ready_to_paste(on_usb, capsys):
    assert on_usb.call("suggest") == 0
    said = capsys.readouterr()
    assert "# RM520N-GL, IMEI 860000000000025" in said.out
    assert "it can: 3g 4g 5g-nsa 5g-sa 5g auto" in said.out
    on_usb.file.write_text(on_usb.file.read_text() + said.out)
    assert main(["check-config", str(on_usb.file)]) == 0
    assert "dosong-agent check-config" in said.err
    capsys.readouterr()
    assert on_usb.call("suggest") == 0
    again = capsys.readouterr()
    assert again.out == ""
    assert "1-1.4 is configured already, as rm520n-gl" in again.err


def test_a_suggestion_opens_no_port_when_told_so(on_usb, capsys, monkeypatch):
    monkeypatch.setattr(Modem, "open", pytest.fail)
    assert on_usb.call("suggest", "--no-ask", "--json") == 0
    (told,) = json.loads(capsys.readouterr().out)["modems"]
    assert (told["name"], told["usb_path"], told["imei"]) == ("rm520n-gl", "1-1.4", None)
    assert parse('probe = "a"\n' + told["toml"], name="x", folder=on_usb.run_dir)


def test_a_modem_that_is_named_by_its_imei_is_configured(on_usb, capsys):
    with on_usb.file.open("a") as file:
        file.write('[[modem]]\nname = "mine"\nimei = "860000000000025"\n')
    assert on_usb.call("suggest") == 0
    said = capsys.readouterr()
    assert said.out == ""
    assert "as mine" in said.err


def test_without_modems_there_is_nothing_to_suggest(probe, capsys, monkeypatch):
    monkeypatch.setattr(suggest, "plugged_modems", lambda: ())
    assert probe.call("suggest") == 1
    assert "Check cable and power" in capsys.readouterr().err


def test_modems_touches_no_port_unless_asked_to(on_usb, capsys, monkeypatch):
    monkeypatch.setattr(Modem, "open", pytest.fail)
    assert on_usb.call("modems") == 0
    shown = capsys.readouterr().out
    assert "not configured" in shown
    assert "dosong-agent suggest" in shown
    assert "ICCID" not in shown


def test_modems_asks_who_they_are(probe, capsys):
    assert probe.call("modems", "--ask", "--json") == 0
    (line,) = json.loads(capsys.readouterr().out)["modems"]
    said = line["said"]
    assert (said["family"], said["imei"], said["sim"]) == ("quectel", "860000000000025", "ready")
    assert said["iccid"] == "8984020000000000029"
    assert (said["registration"], said["plmn"]) == ("home", "45202")
    assert said["addresses"][0]["ipv4"] == "10.64.7.31"
    assert said["lock"] == "auto"


def test_a_table_shows_the_end_of_the_cards_number_only(probe, capsys):
    assert probe.call("modems", "--ask") == 0
    shown = capsys.readouterr().out
    assert "...0029" in shown
    assert "8984020000000000029" not in shown
    assert "10.64.7.31" in shown


@pytest.mark.usefixtures("held")
def test_a_modem_that_is_held_is_not_asked(probe, capsys):
    assert probe.call("modems", "--ask", "--json") == 0
    (line,) = json.loads(capsys.readouterr().out)["modems"]
    assert line["said"] is None
    assert "held by another program" in line["unasked"]


def test_a_modem_the_service_measures_with_is_not_asked(probe, capsys, monkeypatch):
    monkeypatch.setattr(Modem, "open", pytest.fail)
    probe.service_runs()
    assert probe.call("modems", "--ask", "--json") == 0
    (line,) = json.loads(capsys.readouterr().out)["modems"]
    assert "the service measures with it" in line["unasked"]


def test_a_silent_modem_is_told_with_what_to_do(probe, capsys):
    probe.sim.fault("silent")
    assert probe.call("modems", "--ask") == 0
    assert "does not answer AT" in capsys.readouterr().out
    assert Answer(None, "x").said is None


def test_lines_are_sent_and_their_replies_shown(probe, capsys):
    assert probe.call("at", "vina", "AT+CGMM", "+CPIN?") == 0
    assert [line for line in capsys.readouterr().out.splitlines() if line[0] != "*"] == [
        "RM520N-GL",
        "OK",
        "+CPIN: READY",
        "OK",
    ]


def test_what_is_understood_stands_beside_the_reply(probe, capsys):
    assert probe.call("at", "vina", 'AT+QENG="servingcell"', "--decode") == 0
    assert "-> cells[0].rsrp_dbm = -" in capsys.readouterr().out


def test_an_error_ends_as_one_and_the_next_line_is_sent_all_the_same(probe, capsys):
    assert probe.call("at", "vina", "AT+NOPE", "AT+CGMM", "--json") == 1
    first, second = json.loads(capsys.readouterr().out)["answers"]
    assert (first["ok"], first["final"]) == (False, "ERROR")
    assert second["lines"] == ["RM520N-GL"]


def test_what_does_harm_needs_to_be_said_twice(probe, capsys):
    assert probe.call("at", "vina", "AT+CFUN=1,1", "AT+CGMM") == 1
    said = capsys.readouterr()
    assert "not sent: the modem restarts" in said.err
    assert "--yes" in said.err
    assert "RM520N-GL" not in said.out
    assert probe.call("at", "vina", "AT+CFUN=1,1", "--yes") == 0


def test_a_pin_is_sent_once_at_most_and_shown_to_nobody(probe, capsys):
    probe.sim.fault("sim-pin")
    once = f'AT+CPIN="{PIN}"'
    assert probe.call("at", "vina", once, once, "--yes", "--log-level", "debug") == 1
    said = capsys.readouterr()
    assert "AT+CPIN...: not sent: a PIN was tried already" in said.err
    assert PIN not in said.out + said.err


def test_a_card_that_wants_no_pin_gets_none(probe, capsys):
    assert probe.call("at", "vina", f"AT+CPIN={PIN}", "--yes", "--json") == 1
    (answer,) = json.loads(capsys.readouterr().out)["answers"]
    assert "does not ask for a PIN" in answer["failure"]
    assert PIN not in str(answer)


def test_a_pin_that_was_not_confirmed_was_not_tried():
    answers = iter([False, True, True])
    guard = Guard(lambda: SimState.PIN, lambda _: next(answers))
    assert "lock the card" in guard.refusal("AT+CPIN=1")
    assert guard.refusal("AT+CPIN=1") is None
    assert "tried already" in guard.refusal("AT+CPIN=2")
    assert guard.refusal("AT+CSQ") is None


def test_a_silent_port_says_what_to_do(probe, capsys):
    probe.sim.fault("silent")
    assert probe.call("at", "vina", "AT+CSQ") == 1
    assert "does not answer AT: perhaps it is another" in capsys.readouterr().err


def test_a_line_that_is_no_command_is_not_sent(probe, capsys):
    assert probe.call("at", "vina", "hello") == 1
    assert "not an AT command: 'hello'" in capsys.readouterr().err


class Terminal:
    """A person at a terminal."""

    def __init__(self, command, **environment):
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            env={**os.environ, "TERM": "xterm", **environment},
        )
        os.close(slave)
        self.seen = ""

    def type(self, text):
        self.seen = ""
        os.write(self._master, text.encode())

    def wait(self, words, poke=lambda: None):
        """Until they are seen; `poke` is done now and then."""
        deadline = time.monotonic() + WAIT_S
        while words not in self.seen:
            assert time.monotonic() < deadline, f"{words!r} never came: {self.seen!r}"
            ready, _, _ = select.select([self._master], [], [], 0.3)
            if ready:
                self.seen += os.read(self._master, 4096).decode(errors="replace")
            else:
                poke()

    def end(self):
        code = self.process.wait(WAIT_S)
        os.close(self._master)
        return code


def test_a_person_types_interrupts_and_leaves_no_secret(probe, tmp_path):
    command = [sys.executable, "-m", "agent.cli", "at", "vina", "--config", str(probe.file)]
    terminal = Terminal(command, XDG_STATE_HOME=str(tmp_path / "state-home"))
    terminal.wait("at> ")
    terminal.type("AT+CGMM\r")
    terminal.wait("RM520N-GL\r\nOK")
    terminal.type(f"AT+CPIN={PIN}\r")
    terminal.wait("does not ask for a PIN")
    terminal.type(f"{PIN}\r")
    terminal.wait("not an AT command")
    terminal.type("AT+CFUN=1,1\r")
    terminal.wait("Type yes: ")
    terminal.type("no\r")
    terminal.wait("not sent")
    probe.sim.fault("silent")
    terminal.wait("at> ")
    terminal.type("AT+COPS=?\r")
    terminal.wait("AT+COPS=?\r\n")
    terminal.wait(
        "AT+COPS=?: interrupted", poke=lambda: terminal.process.send_signal(signal.SIGINT)
    )
    probe.sim.fault()
    terminal.type("+CSQ\r")
    terminal.wait("+CSQ: ")
    terminal.wait("at> ")
    terminal.type("\x04")
    assert terminal.end() == 0
    history = tmp_path / "state-home" / "dosong" / "at_history"
    assert history.stat().st_mode & 0o777 == 0o600
    kept = history.read_text()
    assert "AT+CGMM" in kept
    assert PIN not in kept


def test_a_port_that_goes_is_told_and_ends_the_session(probe):
    heard = queue.Queue()
    with AtSession(Port.open(str(probe.link)), heard.put) as session:
        session.meet()
        assert session.who.model == "RM520N-GL"
        probe.sim.unplug()
        while "the port is gone" not in heard.get(timeout=WAIT_S):
            pass
        with pytest.raises(GoneError):
            session.send("AT")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_for_a_port_that_is_not_listened_to_any_more(probe, monkeypatch):
    with AtSession(Port.open(str(probe.link)), print) as session:
        monkeypatch.setattr(Port, "urcs", lambda _: 1 / 0)
        session._thread.join(WAIT_S)
        with pytest.raises(GoneError, match="not listened to"):
            session.send("AT")


def test_a_lock_that_the_service_could_not_give_back_is_not_set(probe, capsys, monkeypatch):
    original = probe.setting()
    (probe.file.parent / "state").mkdir()
    monkeypatch.setattr(lock.os, "geteuid", lambda: os.getuid() + 1)
    assert probe.call("lock", "4g", "--modem", "vina") == 1
    assert "sudo -u" in capsys.readouterr().err
    assert probe.setting() == original


def test_lines_may_be_piped_in(probe):
    done = subprocess.run(
        [sys.executable, "-m", "agent.cli", "at", "vina", "--config", str(probe.file)],
        input="AT+CGMM\n\nAT+CFUN=1,1\n",
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert "RM520N-GL" in done.stdout
    assert "not sent" in done.stderr
    assert done.returncode == 1


def test_a_modem_that_restarts_to_be_set_is_waited_for(tmp_path, sim_modem, capsys):
    probe = Probe(tmp_path, sim_modem("mobifone", persona="foxconn_t99w175"))
    original = probe.setting()
    assert probe.call("lock", "4g", "--modem", "vina", "--json") == 0
    proof = json.loads(capsys.readouterr().out)
    assert (proof["wrote"], proof["read_back"], proof["serving_agreed"]) == (True, "4g", True)
    assert probe.call("lock", "restore", "--modem", "vina", "--json") == 0
    assert json.loads(capsys.readouterr().out)["restored"] == original
    assert probe.setting() == original
