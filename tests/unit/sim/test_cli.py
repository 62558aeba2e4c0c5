import importlib
import sys

import pytest

import sim
from sim.cli import Command, Missing, discover, main

ANSWER = """
from sim.cli import Command

COMMAND = Command(
    name="answer",
    help="gives the number it was told",
    add_arguments=lambda parser: parser.add_argument("number", type=int) and None,
    run=lambda arguments: arguments.number,
)
"""


@pytest.fixture
def package_with(tmp_path, monkeypatch):
    """Adds a module to the package `sim` for one test."""

    def add(name: str, text: str) -> None:
        (tmp_path / f"{name}.py").write_text(text)
        monkeypatch.setattr(sim, "__path__", [*sim.__path__, str(tmp_path)])
        monkeypatch.delitem(sys.modules, f"sim.{name}", raising=False)
        importlib.invalidate_caches()

    yield add
    for name in ("extra", "lacking"):
        sys.modules.pop(f"sim.{name}", None)


def test_a_new_module_is_a_new_command(package_with):
    package_with("extra", ANSWER)
    assert main(["answer", "7"]) == 7


def test_a_command_named_as_its_module_imports_no_other(package_with):
    package_with("extra", ANSWER.replace('"answer"', '"extra"'))
    package_with("lacking", "raise RuntimeError\n")
    assert main(["extra", "7"]) == 7


def test_a_missing_library_takes_only_its_own_command_away(package_with, capsys):
    package_with("lacking", "import no_such_library\n")
    assert Missing("lacking", "no_such_library") in list(discover())
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    assert "no_such_library" in capsys.readouterr().out


def test_a_module_of_ours_that_is_not_there_is_an_error(package_with):
    package_with("lacking", "import wire.no_such_module\n")
    with pytest.raises(ModuleNotFoundError):
        list(discover())


def test_an_unknown_command_exits_with_2(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["no-such-command"])
    assert stop.value.code == 2
    assert "no-such-command" in capsys.readouterr().err


def test_commands_have_different_names_and_a_help():
    commands = [part for part in discover() if isinstance(part, Command)]
    assert len({command.name for command in commands}) == len(commands)
    assert all(command.help for command in commands)
