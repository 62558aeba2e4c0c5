"""The reference page names everything that can be asked of the simulated hardware."""

from pathlib import Path

import pytest

from sim import gps
from sim.modem import answer
from sim.modem.persona import HEADER, NEEDED_SETTINGS
from sim.world.technology import Technology

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "simulator.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "word",
    [
        *answer.Fault,
        *gps.Fault,
        *Technology,
        *(f"{key}:" for key in HEADER),
        *NEEDED_SETTINGS,
    ],
)
def test_the_page_names_it(word):
    assert f"`{word}`" in PAGE


def test_the_example_of_the_page_runs(capsys, tmp_path):
    example = PAGE.split("```python\n")[1].split("```")[0]
    assert "/tmp/world.json" in example  # noqa: S108 - replaced below
    exec(example.replace("/tmp/world.json", str(tmp_path / "world.json")), {})  # noqa: S102, S108
    assert capsys.readouterr().out == "QL14-demo 38700.0 40100.0\n"
