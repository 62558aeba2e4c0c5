"""Verdicts are kept, computed again to the last bit, handed out, signed, and only judged anew."""

import csv
import json
import shutil
import subprocess
import sys
from datetime import timedelta

import msgspec
import pyarrow.parquet as pq
import pytest

from collector.checker import Checker
from collector.cli import main
from collector.config import load
from collector.evidence.again import judged_again, recompute
from collector.evidence.book import VerdictBook, VerdictBookError
from collector.evidence.files import EvidenceError, write
from collector.evidence.signing import standing
from collector.extracts import Keep, LostObjectError
from collector.targets import HEADLINE, parse
from collector.targets import load as load_targets
from collector.targets.verdict import Verdict, identified
from tests.unit.collector.campaigns import NOW, OCTOBER, Campaign, spots
from tests.unit.collector.geography import feature
from tests.unit.collector.months import PLACES, month
from tests.unit.collector.provinces import collection, commune, configured
from wire.cells import Rat, RatClass

MONTH = parse("2026-10")
pytestmark = pytest.mark.timeout(300)
"""All targets are judged for the first time, while other tests run."""


@pytest.fixture(scope="module")
def judged_month(tmp_path_factory):
    """A folder with a month that was judged, and its verdicts."""
    folder = tmp_path_factory.mktemp("month")
    verdicts, _ = judged(month(folder))
    return folder, verdicts


@pytest.fixture
def config(tmp_path, judged_month):
    """A collector of one's own that has judged the month."""
    folder, _ = judged_month
    shutil.copytree(folder, tmp_path / "collector")
    return load(tmp_path / "collector" / "collector.toml")


@pytest.fixture
def verdicts(judged_month):
    """Of all targets."""
    return judged_month[1]


@pytest.fixture(scope="module")
def cases(judged_month):
    """Each case judged again, with the verdicts that were said of it."""
    folder, verdicts = judged_month
    config = load(folder / "collector.toml")
    said = {}
    with VerdictBook(config.store.verdicts) as book:
        for verdict in verdicts:
            _, basis = book.verdict(verdict.id)
            said.setdefault(basis.case.target, (basis, []))[1].append(verdict)
    return [(judged_again(config, basis), found) for basis, found in said.values()]


def judged(config, **asked):
    """All verdicts of the month, and how many days were read for each extract."""
    read = {}

    def on_progress(name, done, of):
        if done == of > 0:
            read[name] = of

    with Checker.opened(config, on_progress=on_progress) as checker:
        verdicts = checker.check(now=NOW, period=MONTH, **asked)
    return verdicts, read


def one(verdicts, **wanted):
    found = [v for v in verdicts if all(getattr(v, k) == x for k, x in wanted.items())]
    assert len(found) == 1, found
    return found[0]


def late(config, *, lon=107.7):
    """One more test of the month arrives."""
    campaign = Campaign(first_seq=100_000)
    campaign.test(90, lat=12.03, lon=lon, at=OCTOBER + timedelta(days=3))
    campaign.store(config.store.lake).close()


def test_every_verdict_of_every_target_is_the_same_to_the_last_bit(cases):
    assert {case.target.id for case, _ in cases} == {target.id for target in load_targets()}
    ids = [verdict.id for _, found in cases for verdict in found]
    assert len(set(ids)) == len(ids)
    for case, found in cases:
        for verdict in found:
            again = case.of(verdict)
            assert again.stored == verdict
            assert again.differences == {}


def test_one_verdict_is_computed_again_by_its_id(config, verdicts):
    verdict = one(verdicts, target="T1", code="24611", operator="Viettel")
    again = recompute(config, verdict.id[:12])
    assert (again.stored, again.differences, again.behind) == (verdict, {}, ())


def test_what_has_no_row_at_all_is_computed_again(tmp_path):
    config = configured(tmp_path)
    Campaign().store(config.store.lake).close()
    for target in ("T1", "T3", "T4", "A5"):
        found, _ = judged(config, target=target)
        assert recompute(config, found[0].id).differences == {}


def test_more_decimals_than_are_stored_change_no_verdict(tmp_path):
    """A road as a GIS writes it, and as it is kept with the verdict."""
    ids = []
    for name, decimals in (("gis", 15), ("kept", 7)):
        folder = tmp_path / name
        folder.mkdir()
        north = [12.0 + 0.054 * n / 97 for n in range(98)]
        line = [
            [round(107.7 + lat * 7919 % 1 * 1e-5, decimals), round(lat, decimals)] for lat in north
        ]
        road = {"type": "LineString", "coordinates": line}
        at = feature(
            {"type": "Point", "coordinates": line[9]}, kind="signal_gap", code="1", name="x"
        )
        (folder / "points.geojson").write_text(collection("points", [at]))
        config = configured(folder, more='points = ["points.geojson"]\n')
        (folder / "roads.geojson").write_text(collection("roads", [feature(road, road="QL14")]))
        campaign = Campaign()
        for day in range(3):
            campaign.drive(
                start=OCTOBER + timedelta(days=day), length_m=5970.0, gaps=[(2000.0, 3500.0)]
            )
        campaign.store(config.store.lake).close()
        found = [one for target in ("T2", "T3") for one in judged(config, target=target)[0]]
        assert {one.target for one in found if one.n} == {"T2", "T3"}
        for verdict in found:
            assert recompute(config, verdict.id).differences == {}
        ids.append([verdict.id for verdict in found])
    assert ids[0] == ids[1]


def test_late_data_do_not_change_what_was_frozen(config, verdicts):
    verdict = one(verdicts, target="T1", code="24611", operator="Viettel")
    late(config)
    after, _ = judged(config, target="T1")
    newer = one(after, code="24611", operator="Viettel")
    assert (verdict.n, newer.n) == (PLACES, PLACES + 1)
    assert newer.id != verdict.id
    for known in (verdict, newer):
        assert recompute(config, known.id).differences == {}


def test_an_area_without_new_data_keeps_its_verdict(config, verdicts):
    late(config, lon=107.9)
    after, _ = judged(config, target="T1")
    before = [verdict for verdict in verdicts if verdict.target == "T1"]
    assert one(before, code="24611", operator="Viettel") == one(
        after, code="24611", operator="Viettel"
    )
    assert one(before, code="24612", operator="Viettel") != one(
        after, code="24612", operator="Viettel"
    )


def test_only_days_with_new_rows_are_read_again(tmp_path):
    config = configured(tmp_path)
    campaign = Campaign()
    for lat, lon, at in spots(60):
        campaign.test(50, lat=lat, lon=lon, at=at)
    for day in range(3):
        campaign.drive(start=OCTOBER + timedelta(days=20 + day), length_m=500.0)
    campaign.store(config.store.lake).close()
    _, tests = judged(config, target="T1")
    _, drives = judged(config, target="T3")
    assert (tests["mean_download"], drives["road_gaps"]) == (5, 3)
    for target in ("T1", "T3"):
        assert judged(config, target=target)[1] == {}
    late(config)
    _, tests = judged(config, target="T1")
    _, drives = judged(config, target="T3")
    assert (tests["mean_download"], tests["boots"]) == (1, 1)
    assert "road_gaps" not in drives


def test_a_rebuild_from_all_rows_gives_the_same_verdicts(config, verdicts):
    with Checker.opened(config) as checker:
        checker.rebuild()
        for target in ("T1", "T3", "T1-ISPEED"):
            after = checker.check(now=NOW, period=MONTH, target=target)
            assert after == [verdict for verdict in verdicts if verdict.target == target]


def test_a_clock_anchor_that_comes_late_moves_rows_into_the_month(tmp_path):
    config = configured(tmp_path)
    campaign = Campaign()
    campaign.test(50, at=None)
    campaign.store(config.store.lake).close()
    verdicts, _ = judged(config, target="T1")
    assert one(verdicts, level=HEADLINE).excluded == {"time_unknown": 1}
    anchor = Campaign(first_seq=2)
    anchor.anchor(at=OCTOBER + timedelta(days=2))
    anchor.store(config.store.lake).close()
    verdicts, read = judged(config, target="T1")
    assert one(verdicts, level=HEADLINE).n == 1
    assert read["mean_download"] == 1


def test_the_evidence_has_every_row_in_or_out_with_its_reason(config, verdicts, tmp_path):
    verdict = one(verdicts, target="T1", code="24611", operator="Viettel")
    folder = tmp_path / "evidence"
    write(recompute(config, verdict.id), folder)
    rows_in, rows_out = (
        list(csv.DictReader((folder / name).read_text(encoding="utf-8").splitlines()))
        for name in ("rows_in.csv", "rows_out.csv")
    )
    assert (len(rows_in), len(rows_out)) == (verdict.evidence.rows_in, verdict.evidence.rows_out)
    assert len(rows_in) == verdict.n + verdict.failures
    assert {row["reason"] for row in rows_out} == set(verdict.excluded) == {"invalid"}
    assert {row["commune"] for row in rows_in} == {"24611"}
    assert pq.read_table(folder / "rows.parquet").num_rows == len(rows_in) + len(rows_out)
    assert json.loads((folder / "verdict.json").read_text())["id"] == verdict.id
    subprocess.run(["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=folder, check=True)


def of_every_kind(found):
    """By level and whether of all operators: a verdict with a figure and one without, if any."""
    chosen = {}
    for verdict in found:
        together = verdict.operator in {"all", "any"}
        kind = (verdict.level, together, verdict.estimate is not None)
        chosen.setdefault(kind, verdict)
    return chosen


def computed_by_others(*folders):
    """As an engineer of an operator does it: the folder, Python, and nothing of ours.

    Of each folder what `recompute.py` returns and what it says.
    """
    ran = subprocess.run(
        [sys.executable, "-I", "-c", _AS_OTHERS],
        input=json.dumps([str(folder) for folder in folders]),
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(ran.stdout)


# One process for all of them: SciPy is slow to begin.
_AS_OTHERS = """\
import contextlib, io, json, os, runpy, sys, traceback
sys.modules["collector"] = None
sys.dont_write_bytecode = True
answers = []
for folder in json.load(sys.stdin):
    for name in os.listdir(folder):
        sys.modules.pop(name.removesuffix(".py"), None) if name.endswith(".py") else None
    sys.path.insert(0, folder)
    said, code = io.StringIO(), None
    with contextlib.redirect_stdout(said):
        try:
            runpy.run_path(os.path.join(folder, "recompute.py"), run_name="__main__")
        except SystemExit as end:
            code = end.code
        except Exception:
            said.write(traceback.format_exc())
    sys.path.remove(folder)
    answers.append([code, said.getvalue()])
json.dump(answers, sys.stdout)
"""


def test_the_script_in_the_evidence_computes_every_kind_of_verdict(cases, tmp_path):
    folders = {}
    for case, found in cases:
        for kind, verdict in of_every_kind(found).items():
            folder = tmp_path / f"{verdict.target} {kind}"
            write(case.of(verdict), folder)
            folders[verdict.target, kind] = folder
    answers = dict(zip(folders, computed_by_others(*folders.values()), strict=True))
    assert [(key, said) for key, (code, said) in answers.items() if code != 0] == []
    assert all("same " in said for _, said in answers.values())


def test_each_target_has_a_figure_at_each_of_its_levels(cases):
    """Otherwise the test above would say less than it seems to."""
    for case, found in cases:
        target = case.target
        if target.id in {"T7A2", "D912-SPEED"}:
            continue  # judged where there are no districts, and over two years: tried below
        wanted = {(level, True) for level in target.levels}
        if target.kpi.by_operator:
            wanted |= {(level, False) for level in target.levels}
        if target.id == "A6":
            wanted = {(level, False) for level in target.levels}  # ranks all, and has no figure
        kinds = {(level, together) for level, together, figure in of_every_kind(found) if figure}
        assert wanted <= kinds, target.id


def test_where_there_are_no_districts_the_centres_of_communes_compute(tmp_path):
    areas = [commune("24611", "Nghĩa Đức", 107.7), commune("24612", "Nghĩa Trung", 107.9)]
    for area in areas:
        del area["properties"]["district_code"], area["properties"]["district"]
    centre = {
        "type": "Feature",
        "properties": {"kind": "district_centre", "code": "c1", "name": "UBND"},
        "geometry": {"type": "Point", "coordinates": [107.7, 12.0]},
    }
    (tmp_path / "points.geojson").write_text(collection("points", [centre]), encoding="utf-8")
    config = configured(tmp_path, more='points = ["points.geojson"]\n')
    (tmp_path / "areas.geojson").write_text(collection("test-2025", areas), encoding="utf-8")
    campaign = Campaign()
    for index in range(30):
        at = OCTOBER + timedelta(days=index % 2, seconds=index)
        campaign.look(None, at=at, rat=Rat.NR, road=None, offset_m=None)
        campaign.test(200, at=at, rat_class=RatClass.G5)
    campaign.store(config.store.lake).close()
    found, _ = judged(config, target="T7A2")
    folders = [tmp_path / name for name in ("Viettel", "any")]
    for folder in folders:
        verdict = one(found, level="commune", code="24611", operator=folder.name)
        assert (verdict.verdict, verdict.estimate) == ("PASS", 1)
        write(recompute(config, verdict.id), folder)
    assert [code for code, _ in computed_by_others(*folders)] == [0, 0]


def test_a_year_over_the_year_before_computes(tmp_path):
    config = configured(tmp_path)
    campaign = Campaign()
    for year, rate in (("2026", 90.0), ("2025", 40.0)):
        for index, (lat, lon, at) in enumerate(spots(36, start=parse(year).start_utc)):
            campaign.test(rate * (0.9 + 0.2 * (index % 2)), lat=lat, lon=lon, at=at)
    campaign.store(config.store.lake).close()
    with Checker.opened(config) as checker:
        found = checker.check(now=parse("2026").end_utc, period=parse("2026"), target="D912-SPEED")
    folders = [tmp_path / name for name in ("Viettel", "all")]
    for folder in folders:
        verdict = one(found, level="province", operator=folder.name)
        again = recompute(config, verdict.id)
        assert again.differences == {}
        write(again, folder)
    assert [code for code, _ in computed_by_others(*folders)] == [0, 0]


def test_the_script_runs_as_the_folder_says(config, verdicts, tmp_path):
    folder = tmp_path / "evidence"
    write(recompute(config, one(verdicts, target="T5", level=HEADLINE).id), folder)
    command = [sys.executable, "-B", "recompute.py"]
    ran = subprocess.run(command, check=True, cwd=folder, capture_output=True, text=True)
    assert "same  verdict: NOT_PROVEN" in ran.stdout


def test_a_headline_names_the_verdicts_behind_it(config, verdicts, tmp_path):
    headline = one(verdicts, target="T1", level=HEADLINE)
    again = recompute(config, headline.id)
    write(again, tmp_path / "evidence")
    behind = json.loads((tmp_path / "evidence" / "behind.json").read_text())
    assert {(each["level"], each["target"]) for each in behind} == {("commune", "T1")}
    assert "all" not in {each["operator"] for each in behind}
    assert len(behind) == sum(headline.counts.values())
    assert {each["id"] for each in behind} <= {verdict.id for verdict in verdicts}


def test_all_operators_together_name_the_verdict_of_each(config, verdicts):
    again = recompute(config, one(verdicts, target="T3", level="road", operator="any").id)
    assert {each.operator for each in again.behind} >= {"Viettel", "VinaPhone"}
    assert {each.code for each in again.behind} == {"QL14"}


def test_a_ranking_rests_on_the_rows_of_all_operators(config, verdicts):
    verdict = one(verdicts, target="A6", level="district", operator="Viettel")
    rows = recompute(config, verdict.id).rows
    assert set(rows["operator"].to_pylist()) >= {"Viettel", "VinaPhone"}
    assert verdict.evidence.rows_in + verdict.evidence.rows_out == len(rows)


@pytest.mark.parametrize(
    ("target", "scope", "change"),
    [
        ("T1", ("district", "Viettel"), (",52.0,", ",520.0,")),
        ("T3", ("road", "VinaPhone"), (",false,false,", ",true,true,")),
        ("T4", ("province", "Viettel"), ("4711", "4712")),
        ("T7B", ("province", "VinaPhone"), (",confirmed,", ",refuted,")),
    ],
)
def test_changed_rows_do_not_compute(cases, tmp_path, target, scope, change):
    case, found = next(each for each in cases if each[0].target.id == target)
    folder = tmp_path / "evidence"
    level, operator = scope
    write(case.of(one(found, level=level, operator=operator)), folder)
    text = (folder / "rows_in.csv").read_text(encoding="utf-8")
    changed = text.replace(*change, 40)
    assert changed != text
    (folder / "rows_in.csv").write_text(changed, encoding="utf-8")
    [(code, said)] = computed_by_others(folder)
    assert code == 1
    assert "OTHER" in said


def test_a_text_that_would_be_a_formula_is_written_as_text(tmp_path):
    config = configured(tmp_path)
    campaign = Campaign()
    campaign.test(50, probe="=cmd|' /C calc'!A0")
    campaign.store(config.store.lake).close()
    verdicts, _ = judged(config, target="T1")
    folder = tmp_path / "evidence"
    write(recompute(config, one(verdicts, level=HEADLINE).id), folder)
    assert "\n'=cmd" in (folder / "rows_in.csv").read_text()


def test_evidence_is_never_written_over_something(config, verdicts, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear sir")
    with pytest.raises(EvidenceError, match="not empty"):
        write(recompute(config, verdicts[0].id), tmp_path / "mine")


def test_rows_that_were_tampered_with_are_not_computed_with(config, verdicts):
    objects = sorted(config.store.extracts.glob("objects/*/*.arrow"))
    for file in objects:
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(LostObjectError, match="damaged"):
        recompute(config, one(verdicts, target="T1", level=HEADLINE).id)


def test_what_a_verdict_rests_on_is_never_swept_away(config, verdicts):
    keep = Keep(config.store.extracts)
    keep.forget()
    with VerdictBook(config.store.verdicts) as book:
        needed = book.objects()
    assert keep.sweep(needed, older_than_s=-1.0) >= 0
    keep.close()
    for target in ("T1", "T3", "T4", "T7B", "A5"):
        verdict = one(verdicts, target=target, level=HEADLINE)
        assert recompute(config, verdict.id).differences == {}


def test_an_unknown_id_says_where_ids_are(config):
    with pytest.raises(VerdictBookError, match="verdicts --json"):
        recompute(config, "none")


def asked(capsys, config, *arguments):
    code = main([*arguments, "--config", str(config.file), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_a_signed_month_stands_until_it_is_amended(config, capsys):
    month = ("--month", "2026-10")
    assert asked(capsys, config, "sign", *month, "--by", "Nguyễn Văn A")[0] == 0
    of_viettel = ("--target", "T1", "--area", "24611", "--operator", "452-04")
    _, [t1_first] = asked(capsys, config, "verdicts", *month, *of_viettel)
    late(config)
    _, [t1_then] = asked(capsys, config, "verdicts", *month, *of_viettel)
    assert t1_then["n"] == t1_first["n"] == PLACES
    assert t1_first["late_data_verdict"] is None
    assert t1_then["late_data_verdict"] not in {None, t1_then["id"]}
    assert t1_then["signed_by"] == "Nguyễn Văn A"
    assert main(["sign", *month, "--by", "B", "--config", str(config.file)]) == 1
    assert "needs its reason" in capsys.readouterr().err
    _, signatures = asked(
        capsys, config, "sign", *month, "--by", "B", "--amend", "dữ liệu đến muộn"
    )
    assert [(each["number"], each["reason"]) for each in signatures] == [
        (0, None),
        (1, "dữ liệu đến muộn"),
    ]
    of_viettel = ("--target", "T1", "--area", "24611", "--operator", "viettel")
    _, [t1_now] = asked(capsys, config, "verdicts", *month, *of_viettel)
    assert (t1_now["n"], t1_now["amendment"]) == (PLACES + 1, 1)


def signed(config, capsys):
    main(["sign", "--month", "2026-10", "--by", "A", "--config", str(config.file)])
    capsys.readouterr()


def test_what_was_signed_is_shown_whatever_became_of_areas_and_targets(config, capsys):
    signed(config, capsys)
    _, before = asked(capsys, config, "verdicts", "--month", "2026-10")
    areas = config.file.parent / "areas.geojson"
    areas.write_text(areas.read_text().replace("test-2024", "test-2025"))
    _, now = asked(capsys, config, "verdicts", "--month", "2026-10")
    shown = {one["id"]: one for one in now}
    assert {one["id"] for one in before} <= shown.keys()
    t1 = [one for one in now if (one["target"], one["code"]) == ("T1", "24611")]
    assert {(one["boundary_set"], one["signed_by"], one["lapsed"]) for one in t1} == {
        ("test-2024", "A", True),
        ("test-2025", None, False),
    }
    main(["verdicts", "--month", "2026-10", "--config", str(config.file)])
    assert "are not judged any more" in capsys.readouterr().err


def test_a_signed_month_stands_also_where_nobody_names_it(config):
    wanted = {"target": "T1", "code": "24611", "operator": "Viettel"}
    before, _ = judged(config)
    with Checker.opened(config) as checker:
        ids = [each.id for each in before]
        checker.book.sign(MONTH.label, by="A", ids=ids, reason=None, now=NOW)
    late(config)
    with Checker.opened(config) as checker:
        said = standing(checker.book, None, checker.check(now=NOW))
    [t1] = [each for each in said if each.verdict == one(before, **wanted)]
    assert (t1.signed_by, t1.lapsed) == ("A", False)
    assert t1.late is not None
    # The 90 days of a road go on, whatever was signed of a month.
    assert {each.signed_by for each in said if each.verdict.target == "T3"} == {None}


def test_a_verdict_that_was_changed_after_signing_is_noticed(config, capsys):
    signed(config, capsys)
    with VerdictBook(config.store.verdicts) as book:
        book._db.execute("""UPDATE verdict SET content = replace(content, '"PASS"', '"FAIL"')""")
        book._db.conn.commit()
    assert main(["verdicts", "--month", "2026-10", "--config", str(config.file)]) == 1
    assert "is not what was signed" in capsys.readouterr().err


def test_a_verdict_read_from_its_file_has_the_same_id(verdicts):
    for verdict in verdicts:
        again = msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict)
        assert (again, identified(again).id) == (verdict, verdict.id)


def test_a_signature_that_was_changed_is_noticed(config):
    main(["sign", "--month", "2026-10", "--by", "A", "--config", str(config.file)])
    with VerdictBook(config.store.verdicts) as book:
        book._db.execute("UPDATE signature SET signed_by = 'B'")
        book._db.conn.commit()
        with pytest.raises(VerdictBookError, match="not what was signed"):
            book.signatures("2026-10")


def test_a_month_that_runs_cannot_be_signed(config, capsys):
    assert main(["sign", "--month", "2099-01", "--by", "A", "--config", str(config.file)]) == 1
    assert "not over" in capsys.readouterr().out


def test_the_command_writes_and_recomputes_by_id(config, capsys, tmp_path):
    _, found = asked(capsys, config, "verdicts", "--month", "2026-10", "--target", "T5")
    id_ = next(v["id"] for v in found if v["level"] == "commune")
    code, again = asked(capsys, config, "recompute", id_[:10])
    assert (code, again["exact"], again["differences"]) == (0, True, {})
    code, written = asked(capsys, config, "evidence", id_, "--out", str(tmp_path / "out"))
    assert code == 0
    assert "recompute.py" in written["files"]
    assert written["exact"] is True


def test_an_operator_is_named_or_numbered(config, capsys):
    asked_for = ["--operator", "452-99", "--target", "T1", "--month", "2026-10"]
    assert main(["verdicts", *asked_for, "--config", str(config.file)]) == 1
    assert "Viettel (452-04)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked_for", "said"),
    [
        (["--area", "99999"], "area '99999': no area, road or point"),
        (["--boundaries", "nix"], "boundary set 'nix': there are test-2024"),
        (["--target", "T1", "--target", "T99"], "target 'T99': there are "),
    ],
)
def test_what_nothing_is_called_is_an_error_that_names_it(config, capsys, asked_for, said):
    month = ["--month", "2026-10", "--config", str(config.file)]
    assert main(["verdicts", "--target", "T1", *asked_for, *month]) == 1
    assert said in capsys.readouterr().err


def test_several_targets_are_judged_where_several_are_asked_for(config, capsys):
    wanted = ("--target", "t1", "--target", "T5", "--target", "T1")
    _, found = asked(capsys, config, "verdicts", "--month", "2026-10", *wanted)
    assert {one["target"] for one in found} == {"T1", "T5"}
    assert len({one["id"] for one in found}) == len(found)


def test_verdicts_in_the_book_are_those_that_were_said(config, verdicts):
    with VerdictBook(config.store.verdicts) as book:
        for verdict in verdicts:
            assert book.verdict(verdict.id)[0] == msgspec.json.encode(verdict)
