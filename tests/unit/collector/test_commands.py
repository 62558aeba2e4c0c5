"""Commands at a terminal: what is wrong is named, and foreign text steers nothing."""

import io
import json
import shutil

import pytest
from rich.console import Console

from collector.cli import main
from collector.commands import printable
from collector.targets import load
from collector.targets.shipped import shipped

from .geography import feature, line, square, write


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
    assert (answer["targets"], answer["operators"]) == (len(load()), 5)


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


def test_check_config_warns_of_roads_on_which_a_gap_may_be_misjudged(config, tmp_path, capsys):
    ring = line([107.1, 12.0], [107.11, 12.0], [107.11, 12.01], [107.1, 12.0])
    write(tmp_path / "roads.geojson", feature(ring, road="ring"))
    write(tmp_path / "sets.geojson", feature(square(108.0, 12.0), code="1", name="x"))
    file = config('[geo]\nroads = ["roads.geojson"]\nboundaries = ["sets.geojson"]\n')
    assert main(["check-config", "--config", file]) == 0
    said = capsys.readouterr()
    assert "warning: road 'ring' ends where it begins" in said.err
    assert "warning: road 'ring' lies outside of every boundary" in said.err
    assert main(["check-config", "--json", "--config", file]) == 0
    assert len(json.loads(capsys.readouterr().out)["warnings"]) == 2


def test_foreign_text_neither_steers_the_terminal_nor_is_markup():
    console = Console(file=io.StringIO(), width=200)
    console.print(printable("Đắk [/red] \x1b[2J\r\u202e"))
    assert console.file.getvalue() == "Đắk [/red] \\x1b[2J\\r\\u202e\n"


@pytest.mark.parametrize("number", ["1", "-2", "two"])
def test_a_worker_beside_the_service_has_another_number(number, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["ingest", "--worker", number])
    assert ended.value.code == 2
    assert "`dosong-collector run` is worker 1" in capsys.readouterr().err
