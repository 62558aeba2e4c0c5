"""Nothing is added without a word about it: the documents name whatever is discovered."""

import re
from pathlib import Path

import pytest

import agent.cli
import collector.cli
import sim.cli
from collector.kpi import kpis
from drivers.modem.family import families
from wire.kinds import kinds

ROOT = Path(__file__).parent.parent.parent
TEXTS = {
    path.relative_to(ROOT): path.read_text(encoding="utf-8")
    for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "_build" not in path.parts
}
ALL = "\n".join(TEXTS.values())


def _commands():
    programs = (agent.cli, collector.cli, sim.cli)
    for program in programs:
        prog = f"dosong-{program.__name__.partition('.')[0]}"
        yield from (f"{prog} {command.name}" for command in program.discover())


@pytest.mark.parametrize("command", list(_commands()))
def test_every_command_is_shown(command):
    assert command in ALL


@pytest.mark.parametrize("kind", list(kinds()))
def test_every_kind_of_record_is_described(kind):
    assert f"`{kind}`" in TEXTS[Path("docs/reference/records.md")]


@pytest.mark.parametrize("family", families(), ids=lambda family: family.name)
def test_every_modem_family_is_described(family):
    assert family.name.lower() in TEXTS[Path("docs/reference/modems.md")].lower()


@pytest.mark.parametrize("kpi", list(kpis()))
def test_every_kpi_is_described(kpi):
    assert f"`{kpi}`" in TEXTS[Path("docs/reference/targets.md")]


@pytest.mark.parametrize("target", sorted((ROOT / "config" / "targets").glob("*.toml")))
def test_every_target_is_described(target):
    assert target.stem.upper() in TEXTS[Path("docs/reference/targets.md")]


@pytest.mark.parametrize("page", TEXTS, ids=str)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", TEXTS[page]):
        assert (ROOT / page).parent.joinpath(target).exists(), target
