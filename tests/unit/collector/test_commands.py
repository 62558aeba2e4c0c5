"""Commands at a terminal: what is wrong is named, and foreign text steers nothing."""

import io
import json
import shutil

import pytest
from rich.console import Console

from collector.cli import main
from collector.commands import printable
from collector.targets.shipped import shipped


@pytest.fixture
def config(tmp_path):
    def config(text):
        file = tmp_path / "collector.toml"
        file.write_text(text)
        return str(file)

    return config


def test_check_config_counts_all_that_a_verdict_needs(config, capsysbinary):
    assert main(["check-config", "--json", "--config", config("")]) == 0
    answer = json.loads(capsysbinary.readouterr().out)
    assert answer["ok"] is True
    assert (answer["targets"], answer["operators"]) == (4, 5)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('[store]\nengine = "mysql://"', "engine 'mysql://': unknown"),
        ('[store]\nengine = "duckdb://?memory_limit=much"', "memory_limit=much"),
        ('[targets]\nfolder = "targets"', "t1.toml: levels"),
        ('[targets]\noperators = "operators.toml"', "operators.toml: operator[0]"),
    ],
)
def test_check_config_names_what_a_verdict_would_stumble_over(config, tmp_path, capsys, text, says):
    shutil.copytree(shipped("targets"), tmp_path / "targets")
    t1 = tmp_path / "targets" / "t1.toml"
    t1.write_text(t1.read_text().replace('levels = ["commune"', 'levels = ["village"'))
    (tmp_path / "operators.toml").write_text('[[operator]]\nname = "X"\n')
    assert main(["check-config", "--config", config(text)]) == 1
    assert says in capsys.readouterr().err


def test_foreign_text_neither_steers_the_terminal_nor_is_markup():
    console = Console(file=io.StringIO(), width=200)
    console.print(printable("Đắk [/red] \x1b[2J\r\u202e"))
    assert console.file.getvalue() == "Đắk [/red] \\x1b[2J\\r\\u202e\n"
