"""`dosong-collector spectrum`: facts without a configuration, and what a lake adds to them."""

import json
import shutil
from datetime import timedelta

import pytest

from collector.cli import main
from collector.commands import spectrum
from collector.targets.shipped import shipped

from .campaigns import OCTOBER
from .test_spectrum_cells import Drive
from .test_spectrum_tv_sites import GOOD

OCTOBER_OPTIONS = ("--date", "2026-10-31", "--period", "2026-10")


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch, tmp_path):
    """The machine may have one of its own."""
    monkeypatch.setattr(spectrum, "DEFAULT_FILE", tmp_path / "none.toml")


@pytest.fixture
def ask(capsysbinary):
    def ask(*options):
        assert main(["spectrum", "--json", *map(str, options)]) == 0
        return json.loads(capsysbinary.readouterr().out)

    return ask


@pytest.fixture
def tell(capsysbinary):
    def tell(*options):
        assert main(["spectrum", *map(str, options)]) == 0
        return capsysbinary.readouterr().out.decode()

    return tell


@pytest.fixture(scope="module")
def config(tmp_path_factory, empty_lake):
    """October of three cells: poor day and night, poor by day, and good; one on old channels."""
    folder = tmp_path_factory.mktemp("collector")
    shutil.copytree(empty_lake, folder / "store" / "lake")
    drive = Drive()
    for hour in (2, 3, 4, 9, 14, 19):
        quiet = hour < 5
        for second in range(10):
            at = OCTOBER + timedelta(hours=hour, seconds=second)
            drive.sit(at=at, cell_id=1, rsrp_dbm=-80.0, sinr_db=-4.0)
            drive.sit(at=at, cell_id=2, rsrp_dbm=-80.0, sinr_db=12.0 if quiet else -4.0)
            drive.sit(at=at, cell_id=3, rsrp_dbm=-80.0, sinr_db=12.0)
            drive.sit(
                at=at,
                cell_id=4,
                arfcn=9260,
                band=28,
                bandwidth_mhz=10.0,
                rsrp_dbm=-80.0,
                sinr_db=-9.0,
                commune="24670",
            )
    drive.sit(at=OCTOBER, plmn="45601")
    drive.store(folder / "store" / "lake").close()
    shutil.copy(shipped("geo") / "demo-communes.geojson", folder)
    file = folder / "collector.toml"
    file.write_text(
        '[store]\nfolder = "store"\n[geo]\nboundaries = ["demo-communes.geojson"]\n',
        encoding="utf-8",
    )
    return file


def test_a_channel_needs_no_configuration(ask):
    answer = ask("--channel", 37, "--date", "2026-11-01")
    assert (answer["channel"], answer["centre_mhz"]) == (37, 602)
    assert answer["span"] == {"low_mhz": 598, "high_mhz": 606}
    assert answer["in_force"] is True
    assert "Đắk Nông" in answer["provinces"]
    assert "Bình Phước" not in answer["provinces"]
    by_name = {one["block"]["name"]: one["beside"] for one in answer["blocks"]}
    assert by_name["B28/n28 B1-B1'"]["uplink_gap_mhz"] == 97
    assert by_name["B3/n3"]["relation"] == "harmonic_possible"
    assert answer["harmonics"]["3"] == {"low_mhz": 1794, "high_mhz": 1818}


def test_an_old_channel_lapses_by_the_date(ask):
    alive = ask("--channel", 48, "--date", "2028-12-31")
    gone = ask("--channel", 48, "--date", "2029-01-01")
    assert alive["allotments"][0]["valid_to"] == "2028-12-31"
    assert alive["blocks"][0]["beside"]["relation"] == "adjacent"
    assert (gone["in_force"], gone["allotments"]) == (False, [])
    assert {one["beside"]["relation"] for one in gone["blocks"]} == {"no_dtt_relation"}


def test_a_channel_of_another_region_is_not_in_force_here(ask):
    assert (
        ask("--channel", 35, "--area", "Lâm Đồng cũ", "--date", "2026-11-01")["in_force"] is False
    )
    assert ask("--channel", 35, "--area", "67", "--date", "2026-11-01")["in_force"] is True


def test_a_carrier_is_told_in_mhz_with_its_relation(ask):
    answer = ask("--arfcn", 9260, "--rat", "lte", "--bandwidth", 10, "--date", "2026-11-01")
    (found,) = answer["carriers"]
    assert found["carrier"]["uplink"] == {"low_mhz": 703, "high_mhz": 713}
    assert found["context"]["relation"] == "adjacent"
    assert found["blocks"] == ["B28/n28 B1-B1'"]


def test_every_band_of_an_ambiguous_number_is_told(ask):
    found = ask("--arfcn", 650000, "--rat", "nr")["carriers"]
    assert [one["carrier"]["band"] for one in found] == [77, 78]
    assert found[0]["blocks"] == ["n77/n78 C2", "n77 C3"]
    (named,) = ask("--arfcn", 650000, "--rat", "nr", "--band", 78)["carriers"]
    assert named["carrier"]["edges"] == "ssb"


def test_a_frequency_is_told_with_the_channel_that_holds_it(ask):
    answer = ask("--frequency", 602)
    assert (answer["channel"], answer["context"]["relation"]) == (37, "overlap")
    assert ask("--frequency", 708)["uplink_of"] == ["B28/n28 B1-B1'"]
    assert ask("--frequency", 763, "--bandwidth", 10)["downlink_of"] == ["B28/n28 B1-B1'"]


def test_an_area_without_a_lake_has_its_channels_and_says_so(ask, tell):
    answer = ask("--area", "24611", "--date", "2026-11-01")
    assert answer["seen"] is None
    assert answer["premises"]["place"]["provinces"] == ["Đắk Nông"]
    assert [one["channel"] for one in answer["premises"]["channels"]] == list(range(21, 49))
    assert "không có kho số liệu" in tell("--area", "24611", "--language", "vi")


def test_an_area_with_a_lake_has_the_carriers_seen_there(ask, config):
    answer = ask("--area", "24611", "--config", config, *OCTOBER_OPTIONS)
    assert answer["premises"]["place"]["name"] == "Phường Nghĩa Đức"
    (found,) = answer["seen"]["carriers"]
    assert (found["seen"]["operator"], found["seen"]["cells"], found["seen"]["looks"]) == (
        "Viettel",
        3,
        180,
    )
    assert found["carriers"][0]["context"]["relation"] == "harmonic_possible"
    assert answer["seen"]["left_out"] == {"foreign_network": 1}
    assert answer["seen"]["period"]["label"] == "2026-10"


def test_symptoms_are_told_without_a_cause(ask, tell, config):
    answer = ask("--symptoms", "--config", config, *OCTOBER_OPTIONS)
    assert [(one["cell"]["cell_id"], one["judged"]["pattern"]) for one in answer["cells"]] == [
        (4, "good_level_poor_quality"),
        (1, "good_level_poor_quality"),
        (2, "follows_load"),
    ]
    assert answer["patterns"] == {"none": 1, "follows_load": 1, "good_level_poor_quality": 2}
    old_48, ordinary, loaded = answer["cells"]
    assert old_48["relation"] == "adjacent"
    assert "ch 48 is 9 MHz from the uplink" in old_48["report"]["en"]
    assert ordinary["report"]["en"].startswith("quality degradation of unknown cause; ")
    assert ordinary["places"][0]["name"] == "Phường Nghĩa Đức"
    assert loaded["report"] is not None
    said = tell("--symptoms", "--config", config, *OCTOBER_OPTIONS, "--language", "vi")
    assert "Suy giảm chất lượng chưa rõ nguyên nhân" in said
    assert "đề nghị chuyển Trung tâm Tần số" in said
    assert "Không nói được: truyền hình hay nguồn nào khác là nguyên nhân" in said


def test_symptoms_of_an_area_are_those_heard_there(ask, config):
    answer = ask("--symptoms", "--area", "24670", "--config", config, *OCTOBER_OPTIONS)
    assert [one["cell"]["cell_id"] for one in answer["cells"]] == [4]


def test_one_cell_is_told_whatever_it_shows(ask, config):
    answer = ask("--cell", "45204:3", "--config", config, *OCTOBER_OPTIONS)
    (cell,) = answer["cells"]
    assert (cell["judged"]["pattern"], cell["report"]) == ("none", None)
    assert cell["judged"]["all_hours"]["samples"] == 60
    assert ask("--cell", "45204:99", "--config", config, *OCTOBER_OPTIONS)["cells"] == []


def test_outside_of_the_period_nothing_is_found(ask, config):
    answer = ask("--symptoms", "--config", config, "--date", "2026-08-31")
    assert (answer["cells"], answer["period"]["label"]) == ([], "2026-08-02/2026-08-31")


@pytest.mark.parametrize("language", ["vi", "en"])
@pytest.mark.parametrize(
    "options",
    [
        ["--channel", "48"],
        ["--arfcn", "650000", "--rat", "nr"],
        ["--arfcn", "300", "--rat", "lte"],
        ["--frequency", "602"],
        ["--area", "68"],
    ],
    ids=" ".join,
)
def test_every_answer_says_what_a_modem_cannot(tell, options, language):
    said = tell(*options, "--language", language)
    assert ("máy phân tích phổ" if language == "vi" else "spectrum analyser") in said


def test_television_sites_are_told_by_their_distance(ask, tell, tmp_path, config):
    sites = tmp_path / "tv.csv"
    sites.write_text(GOOD, encoding="utf-8")
    there = ("--tv-sites", sites, "--date", "2026-10-31")
    at = ask("--area", "24611", "--at", "12.0045,107.6907", *there)
    found = at["premises"]["transmitters"]
    assert [(one["channel"], round(one["distance_km"])) for one in found] == [
        (36, 0),
        (37, 0),
        (33, 78),
    ]
    inside = ask("--area", "24611", "--config", config, "--period", "2026-10", *there)
    assert 0 < inside["premises"]["transmitters"][0]["distance_km"] < 10
    heard = ask("--cell", "45204:1", "--config", config, "--period", "2026-10", *there)
    assert heard["cells"][0]["transmitters"][0]["channel"] == 36
    assert ask("--channel", 37, *there)["premises"]["transmitters"] == []
    assert "Núi Bà Rá" in tell("--channel", 37, "--at", "12.0045,107.6907", *there)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--channel", "49"], "channel 49: television has channels 21 to 48 here"),
        (["--channel", "37", "--date", "2020-01-01"], "2020-01-01: no television plan is known"),
        (["--arfcn", "19200", "--rat", "lte"], "19200: is no downlink channel number of LTE"),
        (["--arfcn", "1450", "--rat", "lte", "--band", "8"], "of LTE in band 8"),
        (["--arfcn", "1450", "--rat", "lte", "--bandwidth", "40"], "40 MHz: is no bandwidth"),
        (["--area", "99999"], "99999: its province of before July 2025 is not known"),
        (["--area", "Atlantis"], "Atlantis: is no province"),
        (["--symptoms"], "none.toml"),
        (["--cell", "45204:1"], "none.toml"),
        (["--channel", "37", "--tv-sites", "nowhere.csv"], "nowhere.csv: cannot be read"),
        (["--area", "67", "--config", "nowhere.toml"], "nowhere.toml: cannot be read"),
    ],
)
def test_what_has_no_answer_is_an_error_that_says_why(capsys, options, says):
    assert main(["spectrum", *options]) == 1
    assert says in capsys.readouterr().err


def test_a_wrong_period_is_an_error_that_says_why(capsys, config):
    assert main(["spectrum", "--symptoms", "--config", str(config), "--period", "soon"]) == 1
    assert "period 'soon'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        [],
        ["--language", "vi"],
        ["--channel", "37", "--frequency", "602"],
        ["--arfcn", "1450"],
        ["--rat", "lte"],
        ["--channel", "37", "--bandwidth", "10"],
        ["--channel", "37", "--band", "3"],
        ["--frequency", "nan"],
        ["--frequency", "-1"],
        ["--frequency", "1e9"],
        ["--arfcn", "62", "--rat", "gsm"],
        ["--cell", "45204"],
        ["--cell", "45204:" + "9" * 12],
        ["--channel", "37", "--date", "soon"],
        ["--channel", "37", "--at", "12"],
        ["--channel", "37", "--at", "912,107"],
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_refused(capsys, options):
    with pytest.raises(SystemExit) as ended:
        main(["spectrum", *options])
    assert ended.value.code == 2
    assert "usage: dosong-collector spectrum" in capsys.readouterr().err


def test_facts_of_ones_own_are_taken(ask, tmp_path):
    shutil.copytree(shipped("spectrum"), tmp_path / "ours")
    dtt = tmp_path / "ours" / "dtt.toml"
    dtt.write_text(dtt.read_text(encoding="utf-8").replace("2028-12-31", "2027-12-31"), "utf-8")
    file = tmp_path / "collector.toml"
    file.write_text('[spectrum]\nfolder = "ours"\n')
    answer = ask("--channel", 48, "--config", file, "--date", "2028-01-01")
    assert answer["in_force"] is False


def test_check_config_names_a_wrong_fact(capsys, tmp_path):
    shutil.copytree(shipped("spectrum"), tmp_path / "ours")
    (tmp_path / "ours" / "rules.toml").write_text("")
    file = tmp_path / "collector.toml"
    file.write_text('[spectrum]\nfolder = "ours"\n')
    assert main(["check-config", "--config", str(file)]) == 1
    assert "rules.toml" in capsys.readouterr().err
    file.write_text('[spectrum]\nfolder = "theirs"\n')
    assert main(["check-config", "--config", str(file)]) == 1
    assert "spectrum.folder: folder not found" in capsys.readouterr().err
