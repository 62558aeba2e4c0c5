import os
from pathlib import Path

import msgspec
import pytest

from agent.config import (
    Budget,
    Config,
    ConfigError,
    Gps,
    Host,
    ModemPlace,
    OutboxLimits,
    PlanUpdates,
    Server,
    SimBudget,
    Surveyed,
    Uplink,
    load,
    parse,
)
from agent.plan.entry import Area, Entry
from agent.plan.planning import Planning
from agent.planned import other_plan, prepare
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
    "section",
    [
        *(Config, Gps, Surveyed, Uplink, OutboxLimits, Server, ModemPlace, Planning, Area, Entry),
        *(Budget, SimBudget, Host, PlanUpdates),
    ],
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
    found = caught.value.problems
    stands = [each.place for each in found if each.what.startswith("needs a probe that moves")]
    assert {each.place for each in found} - set(stands) == {
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
            "probe = \"a\"\nserver = [{name='one', fallback='tow'}, {name='two'}]",
            "server[0].fallback: no server 'tow'; did you mean 'two'?",
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
        (
            'probe = "a"\n[uplink]\nhost = "h"\npaths = ["eth0", "eth0"]',
            "uplink.paths[1]: 'eth0' is there already",
        ),
        (
            'probe = "a"\n[uplink]\nhost = "h"\npaths = ["a long name or two"]',
            "uplink.paths[0]: 'a long name or two' is neither a modem nor an interface's name",
        ),
        (
            'probe="a"\nuplink={host="h",paths=["m"]}\nmodem=[{name="m",port="/dev/ttyUSB2"}]',
            "uplink.paths[0]: modem 'm' has a 'port' and needs 'interface' beside it",
        ),
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


def test_a_server_brings_those_to_try_after_it():
    config = read(
        'probe = "a"\n'
        "server = [{name='one', fallback='two'}, {name='two', fallback='x'},"
        " {name='x', fallback='one'}]\n"
        '[[modem]]\nname = "m"\nport = "p"'
    )
    chosen = config.server_for(config.modem[0])
    assert chosen.name == "one"
    assert [server.name for server in chosen.others] == ["two", "x"]


def test_a_surveyed_probe_asks_no_gpsd_unless_told_to():
    surveyed = 'probe = "a"\n[gps.surveyed]\nlat_deg = 12.0\nlon_deg = 107.7\n'
    assert read('probe = "a"').gps.gpsd == ("127.0.0.1", 2947)
    assert read(surveyed).gps.gpsd is None
    assert read('probe = "a"\n[gps]\nhost = "gps.local"').gps.gpsd == ("gps.local", 2947)


PLAN = 'probe = "a"\n[[plan]]\nname = "p"\nactivity = "scan"\n'


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ("", "plan[0]: needs one of 'every_s', 'cron', 'every_m', 'area', 'places', 'on_demand'"),
        ("on_demand = false", "plan[0]: needs one of"),
        ("every_s = 9\nevery_m = 1000", "plan[0].every_m: one trigger is enough: 'every_s'"),
        ("cron = '0 0 * * *'\non_demand = true", "plan[0].on_demand: one trigger is enough"),
        ("every_s = 0", "plan[0].every_s: expected float >= 1"),
        ("every_m = 50", "plan[0].every_m: expected float >= 100"),
        ("cron = '* * *'", "plan[0].cron: needs five fields: minute hour day-of-month"),
        ("cron = '*/5 * * * * *'", "plan[0].cron: needs five fields"),
        ("cron = '61 * * * *'", "plan[0].cron: Bad minute"),
        ("cron = '0 0 30 2 *'", "plan[0].cron: Bad day-of-month"),
        ("cron = '" + "1," * 60 + "1 * * * *'", "plan[0].cron: longer than 100 characters"),
        ("area = 'x'\non = 'enter'", "plan[0].area: no area 'x'; there are none"),
        ("area = 'x'", "plan[0].area: needs either 'on = \"enter\"' or 'dwell_s'"),
        ("area = 'x'\non = 'enter'\ndwell_s = 9", "plan[0].area: needs either"),
        ("area = 'x'\non = 'leave'", "plan[0].on: invalid enum value"),
        ("every_s = 9\non = 'enter'", "plan[0].on: needs 'area'"),
        ("every_s = 9\ndwell_s = 9", "plan[0].dwell_s: needs 'area'"),
        ("every_s = 9\nagain_after_s = 9", "plan[0].again_after_s: needs 'area' or 'places'"),
        ("every_m = 900\nstart_after_s = 9", "plan[0].start_after_s: needs 'every_s'"),
        ("on_demand = true\njitter_s = 9", "plan[0].jitter_s: needs 'every_s' or 'cron'"),
        ("on_demand = true\nquiet_hours = ['22:00-06:00']", "plan[0].quiet_hours: needs"),
        ("every_s = 9\npriority = 10", "plan[0].priority: expected int <= 9"),
        ("every_s = 9\noptional = 1", "plan[0].optional: expected bool"),
        ("every_s = 9\nquiet_hours = ['22-6']", "plan[0].quiet_hours[0]: expected text matching"),
        ("every_s = 9\nquiet_hours = ['24:00-06:00']", "plan[0].quiet_hours[0]: expected text"),
        ("every_s = 9\nquiet_hours = ['06:00-06:00']", "plan[0].quiet_hours[0]: ends when"),
        ("every_s = 9\nactive_from = 7", "plan[0].active_from: expected date"),
        (
            "every_s = 9\nactive_from = 2026-12-02\nactive_until = 2026-12-01",
            "plan[0].active_until: before 'active_from'",
        ),
        ("every_s = 9\n[planning]\nutc_offset_h = 15", "planning.utc_offset_h: expected float"),
        ("every_s = 9\n[planning]\nutc_ofset_h = 7", "did you mean 'utc_offset_h'?"),
        ("every_s = 9\n[[area]]\nname = 'x'", "area[0]: needs 'file', or 'lat_deg', 'lon_deg'"),
        (
            "every_s = 9\n[[area]]\nname = 'x'\nlat_deg = 1\nlon_deg = 1",
            "area[0].radius_m: required key of a circle is missing",
        ),
        (
            "every_s = 9\n[[area]]\nname = 'x'\nfile = 'x'\nradius_m = 9",
            "area[0].radius_m: a circle is there instead of 'file'",
        ),
        (
            "every_s = 9\n[[area]]\nname='x'\nlat_deg=1\nlon_deg=1\nradius_m=9\nwhere={a=1}",
            "area[0].where: needs 'file' beside it",
        ),
        (
            "every_s = 9\n[[area]]\nname='x'\nfile='x'\n[[area]]\nname='x'\nfile='y'",
            "area[1].name: 'x' is taken by area[0].name",
        ),
        (
            "every_m = 900\n[gps.surveyed]\nlat_deg = 1\nlon_deg = 1",
            "plan[0]: needs a probe that moves",
        ),
    ],
)
def test_a_wrong_plan_names_its_place(keys, complaint):
    found = problems(PLAN + keys)
    assert any(complaint in line for line in found), found


def test_areas_and_lists_are_files_beside_the_configuration(tmp_path):
    config = read(
        PLAN + "places = 'x.csv'\n[[area]]\nname = 'x'\nfile = 'x.geojson'\nwhere = {a = '1'}",
        tmp_path,
    )
    assert config.plan[0].places == tmp_path / "x.csv"
    assert config.area[0].file == tmp_path / "x.geojson"
    assert config.area[0].where == {"a": "1"}


def test_what_is_wrong_in_those_files_names_its_place(tmp_path):
    (tmp_path / "x.csv").write_text("name,lat,lon,radius_m\na,1,200,50\n")
    (tmp_path / "x.geojson").write_text("{}")
    area = "[[area]]\nname = 'x'\nfile = '{}'\n"
    config = read(
        PLAN + "places = 'x.csv'\n" + area.format("x.geojson") + area.replace("'x'", "'y'"),
        tmp_path,
    )
    with pytest.raises(ConfigError) as caught:
        prepare(config, name="probe.toml")
    found = [str(problem) for problem in caught.value.problems]
    assert found[0].startswith("probe.toml: area[0].file: x.geojson: Object missing required")
    assert found[1] == "probe.toml: area[1].file: {}: cannot be read: No such file or directory"
    assert found[2].startswith("probe.toml: plan[0].places: x.csv: line 2: lon: needs -180 to 180")


def test_a_list_that_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "x.csv")
    with pytest.raises(ConfigError, match=r"x\.csv: is no file"):
        prepare(read(PLAN + "places = 'x.csv'", tmp_path), name="probe.toml")


def test_a_plan_says_when_it_runs():
    keys = {
        "every_s = 600": "every 600 s",
        "cron = '0 9 * * 1-5'": "cron 0 9 * * 1-5",
        "every_m = 1000": "every 1000 m",
        "places = 'x.csv'": "places of x.csv",
        "on_demand = true": "on demand",
    }
    assert [read(PLAN + key).plan[0].when() for key in keys] == list(keys.values())
    area = "[[area]]\nname = 'x'\nfile = 'x'"
    entered = read(f"{PLAN}area = 'x'\non = 'enter'\n{area}").plan[0]
    dwelt = read(f"{PLAN}area = 'x'\ndwell_s = 60\n{area}").plan[0]
    assert [entered.when(), dwelt.when()] == ["area x: entered", "area x: inside for 60 s"]


def test_another_plan_may_be_taken_up_and_other_modems_not():
    modem = "[[modem]]\nname = 'm'\nport = 'p'\n"
    before = read(PLAN + "every_s = 60\n" + modem)
    (planned,) = other_plan(before, read(PLAN + "every_s = 70\npriority = 1\n" + modem))
    assert (planned.entry.every_s, planned.entry.priority) == (70.0, 1)
    with pytest.raises(ConfigError, match="modem: is different: takes a restart"):
        other_plan(before, read(PLAN + "every_s = 60\n" + modem.replace("'p'", "'q'")))
    with pytest.raises(ConfigError, match="no activity 'scam'; did you mean 'scan'"):
        other_plan(before, read(PLAN.replace("scan", "scam") + "every_s = 60\n" + modem))


def test_each_sim_may_have_a_plan_of_its_own():
    config = read(
        'probe = "dn-01"\n[budget]\nmonthly_gb = 30\nresets_on_day = 5\n'
        '[[budget.sim]]\niccid = "8984048000012345678"\nmonthly_gb = 0.5\n'
    )
    own, other = (config.budget.allowance(each) for each in ("8984048000012345678", "modem:a"))
    assert (own.limit_bytes, own.tests_bytes, own.resets_on_day) == (5 * 10**8, 45 * 10**7, 5)
    assert (other.limit_bytes, other.reserve_share) == (30 * 10**9, 0.1)
    # A card of 19 digits fills its last half byte with F, which its modem's answer goes without.
    filled = read(
        'probe = "dn-01"\n[[budget.sim]]\niccid = "898404800001234567F"\nmonthly_gb = 1\n'
    )
    assert filled.budget.allowance("898404800001234567").limit_bytes == 10**9
    assert read('probe = "dn-01"').budget.allowance("x").tests_bytes is None


def test_a_budget_that_cannot_be_is_told_with_its_place():
    sim = '[[budget.sim]]\niccid = "8984048000012345678"\n'
    text = 'probe = "dn-01"\n[budget]\n'
    assert problems(text + sim + sim) == [
        "probe.toml: budget.sim[1].iccid: '8984048000012345678' is taken by budget.sim[0].iccid"
    ]
    for key in ("resets_on_day = 29", "monthly_gb = 0", "reserve_share = 1"):
        (problem,) = problems(f"{text}{key}\n")
        assert problem.startswith(f"probe.toml: budget.{key.split()[0]}: ")


def test_what_may_be_left_out_for_want_of_needs_is_optional():
    text = 'probe = "dn-01"\n[[plan]]\nname = "a"\nactivity = "video"\nevery_s = 60\nneeds = true\n'
    assert problems(text) == ["probe.toml: plan[0].needs: needs 'optional = true' beside it"]
    assert read(text + "optional = true\n").plan[0].needs
