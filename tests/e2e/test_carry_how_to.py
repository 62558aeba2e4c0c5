"""What docs/how-to/carry-data-by-hand.md shows is run as it stands there, on other paths."""

import re
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from agent.clock import Clock
from agent.outbox.file import OutboxFile
from agent.recorder import Envelope
from sim.parts import find_command
from wire.messages import Position

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "carry-data-by-hand.md"
AS_SERVICE = "sudo -u dosong /opt/dosong/current/bin/"


@pytest.fixture
def run(tmp_path):
    """Runs a command of the page; what it says."""
    (tmp_path / "usb0").mkdir()
    (tmp_path / "probe.toml").write_text('probe = "dn-01"\nstate_dir = "state"')
    (tmp_path / "collector.toml").write_text('[store]\nfolder = "store"')

    def run(shown):
        command = shown.removeprefix(AS_SERVICE).replace("/media/usb0", str(tmp_path / "usb0"))
        program, _, rest = command.partition(" ")
        if program.startswith("dosong-"):
            config = "probe" if program == "dosong-agent" else "collector"
            command = f"{find_command(program)} {rest} --config {tmp_path / config}.toml"
        done = subprocess.run(
            ["bash", "-euc", command], capture_output=True, text=True, check=True, timeout=60
        )
        return done.stdout

    return run


def test_the_commands_do_what_the_page_says(run, tmp_path):
    envelope = Envelope(probe="dn-01", software="test", stamp=Clock().stamp, position=Position)
    (tmp_path / "state").mkdir()
    with closing(OutboxFile(tmp_path / "state" / "outbox.db")) as file:
        file.write([envelope.event("test")] * 40, cap_bytes=1 << 30, on_drop=None)
    shown = re.findall(r"^ *\$ (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    export, bring, ledger, look = shown
    assert "Records written: 40" in run(export)
    assert "Records written: 0" in run(export)
    assert "40 new" in run(bring)
    assert "40 were here before" in run(bring)
    assert re.search(r"dn-01.* 40 .* 40 .* 0 ", run(ledger))
    assert len(run(look).splitlines()) == 3
