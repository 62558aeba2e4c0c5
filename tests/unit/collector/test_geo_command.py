"""`dosong-collector geo` as a technician and as a program uses it."""

import json
import re
import shlex
import shutil
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from collector.cli import main
from collector.geo.boundaries import Boundaries
from collector.geo.locate import Locator
from collector.geo.roads import Roads
from collector.store import columns
from collector.store.lake import Lake
from wire.kinds import position
from wire.messages import Position, PositionSource

from .geography import DEGREE_M, feature, line, point, square, write
from .records import START, radio_record

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "bring-your-own-geography.md"


@pytest.fixture
def geo(tmp_path, capfdbinary):
    """Runs an action; its exit code and what it said."""
    (tmp_path / "collector.toml").write_text('[store]\nfolder = "var"\n')

    def geo(action, *arguments):
        command = ["geo", action, *map(str, arguments)]
        code = main([*command, "--config", str(tmp_path / "collector.toml")])
        said = capfdbinary.readouterr()
        return code, said.out.decode(), said.err.decode()

    return geo


@pytest.fixture
def communes(tmp_path):
    return write(
        tmp_path / "communes.geojson",
        feature(square(107.0, 12.0), code="1", name="Một"),
        feature(square(107.1, 12.0), code="2", name="Hai"),
    )


def test_an_import_says_what_it_took(geo, communes):
    code, out, err = geo("import", "boundaries", communes)
    assert (code, err) == (0, "")
    assert out == "communes 1: stored; 2 features; area_km2 240.90; overlaps_km2 0; holes_km2 0\n"


def test_an_import_in_json_is_for_a_program(geo, communes):
    code, out, _ = geo("import", "boundaries", communes, "--json")
    answer = json.loads(out)
    assert code == 0
    assert (answer["stored"], answer["name"], answer["version"]) == (True, "communes", 1)
    assert (len(answer["sha256"]), answer["features"], answer["findings"]) == (64, 2, [])


def test_a_dry_run_stores_nothing(geo, communes):
    code, out, _ = geo("import", "boundaries", communes, "--dry-run")
    assert code == 0
    assert out.startswith("communes: fine, nothing was stored; 2 features")
    assert json.loads(geo("list", "--json")[1]) == {"files": [], "library": []}


def test_what_is_wrong_stands_on_stderr_and_nothing_is_stored(geo, tmp_path):
    file = write(tmp_path / "x.geojson", feature(square(107.0, 12.0), name="Một"))
    code, out, err = geo("import", "boundaries", file)
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        "error: feature 0: has no code: say --map code=THEIR_COLUMN or --set code=VALUE",
        "nothing was stored",
    ]
    code, out, _ = geo("import", "boundaries", file, "--json")
    assert code == 1
    assert json.loads(out)["findings"][0]["fatal"] is True


def test_a_warning_does_not_stop_an_import(geo, tmp_path, communes):
    geo("import", "boundaries", communes)
    far = write(tmp_path / "p.geojson", feature(point(0, 0), kind="key_place", code="1", name="x"))
    code, out, err = geo("import", "points", far)
    assert code == 0
    assert err == ("warning: feature 0: lies outside of every boundary: latitude 0, longitude 0\n")
    assert "p 1: stored" in out


def test_columns_are_mapped_on_the_command_line(geo, tmp_path):
    table = tmp_path / "Danh sách.csv"
    table.write_text("Mã;Tên;Vĩ độ;Kinh độ\nG1;Bon Đăk Nur;12,05;107,5\n", encoding="utf-8")
    code, out, _ = geo(
        "import", "points", table, "--name", "gaps", "--map", "code=Mã", "name=Tên",
        "--set", "kind=signal_gap", "--valid-from", "01/07/2025", "--source", "Kế hoạch 34",
    )  # fmt: skip
    assert code == 0
    assert out == "gaps 1: stored; 1 features; signal_gap 1\n"
    [entry] = json.loads(geo("show", "gaps", "--json")[1])
    assert (entry["valid_from"], entry["source"]) == ("2025-07-01", "Kế hoạch 34")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--map", "code"], "'code' is not NAME=SOMETHING"),
        (["--name", "a b"], "'a b' is no name"),
        (["--valid-from", "2025"], "'2025' is no day"),
        (["--source", "=1+1"], "begins as a formula"),
    ],
)
def test_a_wrong_option_is_explained(capsys, arguments, says):
    with pytest.raises(SystemExit) as ended:
        main(["geo", "import", "boundaries", "x.geojson", *arguments])
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_layers_and_files_in_place_are_listed(geo, communes, tmp_path):
    (tmp_path / "collector.toml").write_text(
        '[store]\nfolder = "var"\n[geo]\nboundaries = ["communes.geojson"]\n'
    )
    geo("import", "boundaries", communes, "--name", "again", "--licence", "CC BY 4.0")
    _, out, _ = geo("list")
    assert "communes.geojson, in place" in out
    assert "again 1" in out
    assert "CC BY 4.0" in out
    found = json.loads(geo("list", "--json")[1])
    assert found["files"][0]["sha256"] == found["library"][0]["sha256"]


def test_a_withdrawn_layer_is_kept_and_shown(geo, communes):
    geo("import", "boundaries", communes)
    code, out, _ = geo("withdraw", "communes", "--from", "2025-07-01")
    assert (code, out) == (0, "communes: does not count from 2025-07-01 on; it is kept\n")
    _, out, _ = geo("show", "communes")
    assert "withdrawn from 2025-07-01" in out


def test_an_unknown_layer_is_explained(geo):
    code, _, err = geo("show", "communes")
    assert (code, err) == (1, "no layer is called 'communes'; there are: none yet\n")


def test_foreign_text_steers_no_terminal(geo, tmp_path):
    file = write(tmp_path / "x.geojson", feature(point(0, 0), kind="\x1b[2J", code="1", name="x"))
    _, _, err = geo("import", "points", file)
    assert "\x1b" not in err


@pytest.fixture(scope="module")
def driven_lake(tmp_path_factory, empty_lake):
    """Three drives of one probe along 12 N, there and back and there, an hour apart."""
    rng = np.random.default_rng(1)
    records = []
    for number, back in enumerate((False, True, False)):
        lon = np.arange(107.0, 107.02, 15 / DEGREE_M)
        for second, one in enumerate(lon[::-1] if back else lon):
            east, north = rng.normal(0, 2, 2) / DEGREE_M
            fix = Position(
                source=PositionSource.GNSS,
                lat_deg=12.0 + north,
                lon_deg=float(one) + east,
                horizontal_error_m=5.0,
            )
            record = radio_record(
                number * 10_000 + second,
                kind="position",
                utc=START + timedelta(hours=number, seconds=second, milliseconds=250),
                position=fix,
                payload=position.Payload(),
            )
            records.append(record)
    folder = tmp_path_factory.mktemp("driven") / "lake"
    shutil.copytree(empty_lake, folder)
    rows = columns.flatten("position", records, START + timedelta(days=1))
    Lake(folder).merge("position", Locator(Boundaries([]), Roads([])).locate(rows))
    return folder


@pytest.fixture
def driven(tmp_path, driven_lake):
    shutil.copytree(driven_lake, tmp_path / "var" / "lake")


@pytest.mark.usefixtures("driven")
def test_a_road_is_built_from_what_was_driven(geo):
    code, out, err = geo(
        "build-road", "QL28", "--probe", "dn-01", "--start", "12.0,107.0", "--end", "12.0,107.02"
    )
    assert (code, err) == (0, "")
    said = re.fullmatch(r"QL28 1: stored; 1 features; QL28 \(m\) ([\d,.]+)\n", out)
    assert float(said[1].replace(",", "")) == pytest.approx(2178, abs=4)
    [entry] = json.loads(geo("show", "QL28", "--json")[1])
    assert entry["notes"][0].startswith("built from 3 passes; median spread")
    assert entry["notes"][2] == "pass of dn-01, 2026-11-01 04:00 UTC, back"
    assert entry["source"] == "own drives"


@pytest.mark.usefixtures("driven")
def test_without_end_points_the_longest_drive_gives_them(geo):
    code, out, _ = geo("build-road", "QL28", "--to", "2026-11-01T10:30", "--dry-run", "--json")
    assert code == 0
    answer = json.loads(out)
    assert answer["stored"] is False
    assert answer["figures"]["QL28 (m)"] == pytest.approx(2178, abs=40)
    told = [one["problem"] for one in answer["findings"]]
    assert "built from 1 passes: 3 find a receiver's error" in told
    assert "100.0% of the length has a single pass" in told


@pytest.mark.usefixtures("driven")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--probe", "dn-02"], "no drive was found: are probe and time right?"),
        (["--from", "2026-12-01"], "no drive was found"),
        (
            ["--start", "12.1,107.0", "--end", "12.1,107.02"],
            "3 drives, none of them from 12.10000,107.00000 to 12.10000,107.02000 or back",
        ),
    ],
)
def test_a_road_that_nobody_drove_is_not_built(geo, arguments, says):
    code, out, err = geo("build-road", "QL28", *arguments)
    assert (code, out) == (1, "")
    assert err.startswith(says)


@pytest.mark.usefixtures("driven")
def test_a_built_road_is_used(geo, tmp_path):
    geo("build-road", "QL28", "--start", "12.0,107.0", "--end", "12.0,107.02")
    tunnel = write(
        tmp_path / "x.geojson", feature(None, road="QL28", from_m=0, to_m=100, kind="tunnel")
    )
    assert geo("import", "exceptions", tunnel)[0] == 0
    other = write(tmp_path / "y.geojson", feature(line([107.0, 12.0], [107.01, 12.0]), road="QL28"))
    code, _, err = geo("import", "roads", other)
    assert code == 1
    assert "'QL28' has a line in QL28 1 already, which ends 2,17" in err


@pytest.mark.usefixtures("driven")
def test_every_file_and_command_of_the_how_to_works(geo, tmp_path, monkeypatch):
    text = PAGE.read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    files = re.findall(r"```\{code-block\} \w+\n:caption: (\S+)\n(.*?)```", text, re.DOTALL)
    for name, content in files:
        (tmp_path / name).write_text(content, encoding="utf-8")
    commands = [shlex.split(line) for line in re.findall(r"^\$ (.*)$", text, re.MULTILINE)]
    assert len(commands) == 14
    for program, command, *arguments in commands:
        assert (program, command) == ("dosong-collector", "geo")
        code, _, err = geo(*arguments)
        assert code == 0, err
    imported = {entry["original_file"] for entry in json.loads(geo("list", "--json")[1])["library"]}
    assert imported >= {name for name, _ in files}
