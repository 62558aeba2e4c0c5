"""`dosong-agent paths` in a network of its own, with two modems that have the same address."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

CONFIG = """
probe = "dn-01"
run_dir = "run"
{modems}
"""
MODEM = '[[modem]]\nname = "{name}"\nport = "/dev/null/{name}"\ninterface = "{name}"\n'
NAMES = ("w0", "w1")


def ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)
    return done.stdout


class Probe:
    """A namespace; nothing in it is anybody else's."""

    def __init__(self, folder: Path) -> None:
        self.name = f"dosong-{os.getpid()}-paths"
        self.config = folder / "probe.toml"
        modems = "".join(MODEM.format(name=name) for name in NAMES)
        self.config.write_text(CONFIG.format(modems=modems))

    def ip(self, *arguments: str) -> str:
        return ip("-n", self.name, *arguments)

    def command(self, *options: str) -> list[str]:
        run = [sys.executable, "-m", "agent.cli", "paths", "--config", str(self.config)]
        return ["ip", "netns", "exec", self.name, *run, *options]

    def paths(self, *options: str) -> dict:
        done = subprocess.run(
            self.command("--json", *options), capture_output=True, text=True, check=False
        )
        return json.loads(done.stdout) | {"exit": done.returncode}

    def plug_in(self, name: str) -> None:
        """With the address that the other one has as well."""
        self.ip("link", "add", name, "type", "veth", "peer", "name", f"{name}far")
        for end in (name, f"{name}far"):
            self.ip("link", "set", end, "up")
        self.ip("addr", "add", "10.9.0.2/24", "dev", name)
        self.ip("addr", "add", f"fd5d:{name[1]}::2/64", "dev", name, "nodad")

    def way(self, interface: str, to: str) -> dict:
        """Where something goes that is bound to the interface."""
        return json.loads(self.ip("-j", "route", "get", to, "oif", interface))[0]

    def rules(self) -> list[str]:
        return [
            rule["oif"]
            for family in ("-4", "-6")
            for rule in json.loads(self.ip("-j", family, "rule"))
            if "oif" in rule
        ]


@pytest.fixture
def probe(tmp_path) -> Iterator[Probe]:
    made = Probe(tmp_path)
    ip("netns", "add", made.name)
    try:
        made.ip("link", "set", "lo", "up")
        for name in NAMES:
            made.plug_in(name)
        made.ip("route", "add", "default", "via", "10.9.0.1", "dev", "w0", "metric", "700")
        yield made
    finally:
        ip("netns", "del", made.name)


def test_each_modem_has_its_own_way_out_and_again_changes_nothing(probe):
    first = probe.paths()
    assert (first["exit"], first["missing"]) == (0, [])
    assert [(each["interface"], each["family"]) for each in first["paths"]] == [
        (name, family) for name in NAMES for family in ("ipv4", "ipv6")
    ]
    assert first["changes"] > 0
    assert probe.way("w0", "192.0.2.1")["gateway"] == "10.9.0.1"
    assert probe.way("w1", "192.0.2.1")["dev"] == "w1"
    assert probe.way("w1", "2001:db8::1")["dev"] == "w1"
    assert probe.way("w1", "10.9.0.1")["dev"] == "w1"
    assert probe.paths()["changes"] == 0
    assert sorted(probe.rules()) == ["w0", "w0", "w1", "w1"]


def test_a_gateway_that_is_known_later_takes_over(probe):
    probe.paths()
    assert "gateway" not in probe.way("w1", "192.0.2.1")
    probe.ip("route", "add", "default", "via", "10.9.0.1", "dev", "w1", "metric", "900")
    probe.ip("-6", "route", "add", "default", "via", "fd5d:1::1", "dev", "w1", "metric", "2000")
    assert probe.paths()["changes"] == 4
    assert probe.way("w1", "192.0.2.1")["gateway"] == "10.9.0.1"
    assert probe.way("w1", "2001:db8::1")["gateway"] == "fd5d:1::1"
    assert probe.paths()["changes"] == 0


def test_what_went_is_removed_and_nobody_elses(probe):
    probe.ip("rule", "add", "oif", "w1", "table", "77", "priority", "900")
    probe.paths()
    probe.ip("link", "del", "w0")
    report = probe.paths()
    assert (report["exit"], report["missing"]) == (1, ["w0"])
    assert sorted(probe.rules()) == ["w1", "w1", "w1"]
    probe.paths("--remove")
    assert probe.rules() == ["w1"]
    assert "77" in probe.ip("rule")
    assert "proto 93" not in probe.ip("route", "show", "table", "all")


def test_a_strict_filter_of_the_kernel_is_told(probe):
    for name in ("all", "w0"):
        setting = f"/proc/sys/net/ipv4/conf/{name}/rp_filter"
        write = ["ip", "netns", "exec", probe.name, "sh", "-c", f"echo 1 > {setting}"]
        subprocess.run(write, check=True)
    hints = probe.paths()["hints"]
    assert "sysctl -w net.ipv4.conf.w0.rp_filter=2" in hints[0]


def test_without_the_privilege_it_says_so(probe):
    outside, run = probe.command()[:4], probe.command()[4:]
    unprivileged = ["setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin"]
    done = subprocess.run(
        [*outside, *unprivileged, *run], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "CAP_NET_ADMIN" in done.stderr


def test_one_capability_is_enough(probe):
    """As its unit gives it."""
    outside, run = probe.command("--json")[:4], probe.command("--json")[4:]
    only = ["setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all,+net_admin"]
    done = subprocess.run([*outside, *only, *run], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads(done.stdout)["paths"]) == 4


def test_a_modem_that_is_plugged_in_again_gets_its_table_at_once(probe):
    watching = subprocess.Popen(probe.command("--watch"), stderr=subprocess.PIPE, text=True)
    try:
        until(lambda: len(probe.rules()) == 4, "the first tables")
        probe.ip("link", "del", "w1")
        until(lambda: sorted(probe.rules()) == ["w0", "w0"], "the tables of one that went")
        probe.plug_in("w1")
        until(lambda: len(probe.rules()) == 4, "the tables of one that came back")
        assert probe.way("w1", "192.0.2.1")["dev"] == "w1"
    finally:
        watching.send_signal(signal.SIGTERM)
        _, said = watching.communicate(timeout=10)
    assert watching.returncode == 0
    assert "the tables stay" in said
    assert len(probe.rules()) == 4


def until(condition, what: str) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def test_the_agent_itself_has_none_of_it_in_memory():
    ask = "import sys, agent.cli, agent.main; list(agent.cli.discover());"
    ask += "print('pyroute2' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
