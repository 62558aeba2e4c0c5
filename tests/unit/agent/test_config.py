from pathlib import Path

import msgspec
import pytest

from agent.config import (
    Config,
    ConfigError,
    Gps,
    ModemPlace,
    OutboxLimits,
    Server,
    Surveyed,
    Uplink,
    load,
    parse,
)
from agent.plan import Entry
from wire.messages import RatMode

EXAMPLE = Path("config/probe.example.toml")


def problems(text, folder=Path("/etc/dosong")):
    with pytest.raises(ConfigError) as caught:
        parse(text, name="probe.toml", folder=folder)
    return [str(problem) for problem in caught.value.problems]


def read(text, folder=Path("/etc/dosong")):
    return parse(text, name="probe.toml", folder=folder)


def test_the_example_is_valid():
    config = load(EXAMPLE)
    assert config.probe == "dn-01"
    assert [place.name for place in config.modem] == ["viettel", "vinaphone", "mobifone"]
    assert {entry.activity for entry in config.plan} == {"throughput", "video", "latency", "scan"}


@pytest.mark.parametrize(
    "section", [Config, Gps, Surveyed, Uplink, OutboxLimits, Server, ModemPlace, Entry]
)
def test_the_example_shows_every_key(section):
    text = EXAMPLE.read_text(encoding="utf-8")
    for field in msgspec.structs.fields(section):
        assert f"{field.name} = " in text or f"{field.name}]" in text


def test_the_keys_the_example_shows_as_defaults_are_valid():
    text = EXAMPLE.read_text(encoding="utf-8")
    shown = "\n".join(
        line[2:] if line.startswith("# ") and (" = " in line or "[" in line[:4]) else line
        for line in text.splitlines()[3:]
    )
    shown = shown.replace("certs/", "").replace('profile_dir = "..."', "")
    with pytest.raises(ConfigError) as caught:
        parse(shown, name="probe.toml", folder=Path("/nowhere"))
    assert {problem.place for problem in caught.value.problems} == {
        "uplink.ca",
        "uplink.cert",
        "uplink.key",
    }


def test_a_wrong_key_names_its_place_and_the_nearest_word():
    text = (
        'probe = "dn-01"\n[[modem]]\nname = "a"\nport = "/dev/a"\n'
        '[[modem]]\nname = "b"\nlok = "4g"\nusb_path = "1-1"\n'
    )
    assert problems(text) == ["probe.toml: modem[1].lok: unknown key; did you mean 'lock'?"]


def test_everything_wrong_is_told_at_once():
    text = '[gps]\nport = 0\n[gps.surveyed]\nlat_deg = 99\n[[modem]]\nname = "a"\nlock = "6g"\n'
    found = problems(text)
    assert "probe.toml: probe: required key is missing" in found
    assert "probe.toml: gps.port: expected int >= 1" in found
    assert "probe.toml: gps.surveyed.lat_deg: expected float <= 90.0" in found
    assert "probe.toml: gps.surveyed.lon_deg: required key is missing" in found
    assert any(line.startswith("probe.toml: modem[0].lock: invalid enum value") for line in found)
    assert any("5g-nsa" in line for line in found)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("probe = ", "not TOML"),
        ('probe = "A b"', "probe.toml: probe: expected text matching regex"),
        ('probe = "a"\nmodem = 1', "probe.toml: modem: expected a list, got int"),
        ('probe = "a"\ngps = "here"', "probe.toml: gps: expected a table, got text"),
        ('probe = "a"\n[[modem]]\nname = "m"', "modem[0]: needs 'usb_path' or 'port'"),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "/dev/a"\ndns = ["::1", "dns.example"]',
            "modem[0].dns[1]: no address: 'dns.example'",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nimei = "86"',
            "modem[0].imei: expected text matching",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nimei = "860000000000041"\nusb_path = "1-1"',
            "modem[0].imei: is there instead of 'usb_path' and 'port'",
        ),
        (
            """
            probe = "a"
            modem = [
                {name = "m", imei = "860000000000041"}, {name = "n", imei = "860000000000041"}
            ]
            """,
            "modem[1].imei: '860000000000041' is taken by modem[0].imei",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "x"\n[[modem]]\nname = "m"\nport = "y"',
            "modem[1].name: 'm' is taken by modem[0].name",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "x"\nserver = "s"',
            "modem[0].server: no server 's'; there are none",
        ),
        (
            """
            probe = "a"
            modem = [{name = "mobi", port = "x"}]
            plan = [{name = "p", activity = "scan", every_s = 60, modems = ["moby"]}]
            """,
            "plan[0].modems: no modem 'moby'; did you mean 'mobi'?",
        ),
        (
            'probe = "a"\n[[plan]]\nname = "p"\nactivity = "scan"\nevery_s = 10\nmax_wait_s = 20',
            "plan[0].max_wait_s: longer than 'every_s'",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "p"\nbands = { lte = [3] }',
            "modem[0].bands: needs 'lock' beside it",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "p"\nlock = "4g"\nbands = { nr_sa = [78] }',
            "modem[0].bands.nr_sa: a lock to 4g uses lte only",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "p"\nlock = "4g"\nbands = { lt = [3] }',
            "modem[0].bands.lt: unknown key; did you mean 'lte'?",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "p"\nlock = "4g"\nbands = [3]',
            "modem[0].bands: expected a table, got a list",
        ),
        (
            'probe = "a"\n[[modem]]\nname = "m"\nport = "p"\nlock = "4g"\ncell = { earfcn = 1 }',
            "modem[0].cell.pci: an LTE cell needs a number from 0 to 503",
        ),
        ('probe = "a"\n[uplink]\nhost = "h"\ncert = "c"', "'cert' and 'key' belong together"),
        ('probe = "a"\n[uplink]\nhost = "h"\nca = "ca.pem"', "uplink.ca: no file /etc/dosong/ca"),
    ],
)
def test_a_contradiction_names_its_place(text, complaint):
    assert any(complaint in line for line in problems(text))


def test_a_modem_may_be_named_by_its_imei():
    (place,) = read('probe = "a"\n[[modem]]\nname = "m"\nimei = "860000000000041"').modem
    assert place.place == "imei-860000000000041"


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load(tmp_path / "probe.toml")


def test_bytes_that_are_no_text_are_a_problem(tmp_path):
    file = tmp_path / "probe.toml"
    file.write_bytes(b"probe = '\xff'")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(file)


def test_relative_paths_are_taken_from_the_files_folder(tmp_path):
    (tmp_path / "ca.pem").touch()
    text = (
        'probe = "a"\nstate_dir = "state"\n[uplink]\nhost = "h"\nca = "ca.pem"\n'
        '[[modem]]\nname = "m"\nport = "ports/m"'
    )
    config = read(text, tmp_path)
    assert config.state_dir == tmp_path / "state"
    assert config.run_dir == Path("/run/dosong")
    assert config.uplink is not None
    assert config.uplink.ca == tmp_path / "ca.pem"
    assert config.modem[0].port == tmp_path / "ports/m"


def test_a_test_takes_the_plans_server_then_the_modems_then_the_first():
    config = read(
        'probe = "a"\n'
        "server = [{name='one'}, {name='two'}, {name='x'}]\n"
        '[[modem]]\nname = "m"\nport = "p"\n[[modem]]\nname = "n"\nport = "q"\nserver = "two"\n'
        '[[plan]]\nname = "p"\nactivity = "latency"\nevery_s = 60\nserver = "x"\nrat_lock = "4g"'
    )
    first, second = config.modem
    assert config.server_for(first).name == "one"
    assert config.server_for(second).name == "two"
    assert config.server_for(second, config.plan[0]).name == "x"
    assert config.plan[0].rat_lock is RatMode.G4


def test_a_surveyed_probe_asks_no_gpsd_unless_told_to():
    surveyed = 'probe = "a"\n[gps.surveyed]\nlat_deg = 12.0\nlon_deg = 107.7\n'
    assert read('probe = "a"').gps.gpsd == ("127.0.0.1", 2947)
    assert read(surveyed).gps.gpsd is None
    assert read('probe = "a"\n[gps]\nhost = "gps.local"').gps.gpsd == ("gps.local", 2947)
