"""`dosong-agent export` as a technician calls it."""

import json
from contextlib import closing

import pytest

from agent.cli import main
from agent.outbox.file import OutboxFile

from .conftest import seqs


@pytest.fixture
def dosong_agent(tmp_path, capsys):
    """The exit code, standard output and standard error of a command."""
    config = tmp_path / "probe.toml"
    config.write_text('probe = "dn-01"\nstate_dir = "state"\nrun_dir = "run"\n')

    def call(*arguments):
        code = main([*map(str, arguments), "--config", str(config)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_it_says_in_both_languages_what_it_did(dosong_agent, put, stick):
    put(30)
    code, said, _ = dosong_agent("export", "--to", stick, "--lang", "en")
    assert code == 0
    assert "Records written: 30, in files: 1" in said
    code, said, _ = dosong_agent("export", "--to", stick, "--lang", "vi")
    assert code == 0
    assert "30 bản ghi đã có" in said
    assert seqs(stick) == list(range(1, 31))


def test_it_answers_in_json(dosong_agent, put, stick):
    epoch = put(30)
    code, said, _ = dosong_agent("export", "--to", stick, "--json")
    answer = json.loads(said)
    assert (code, answer["complete"]) == (0, True)
    told = answer["result"]
    assert (told["epoch"], told["made"], told["rows"]) == (str(epoch), 30, 30)
    assert (told["there"], told["trouble"]) == (0, None)


def test_it_works_while_the_agent_holds_the_outbox(dosong_agent, put, stick, path):
    put(30)
    with closing(OutboxFile(path)):
        assert dosong_agent("export", "--to", stick)[0] == 0
    assert seqs(stick) == list(range(1, 31))


def test_the_folder_is_made_and_a_mistyped_one_is_told(dosong_agent, put, stick):
    put(1)
    assert dosong_agent("export", "--to", stick / "dosong")[0] == 0
    assert seqs(stick / "dosong") == [1]
    code, _, said = dosong_agent("export", "--to", stick / "none" / "dosong", "--lang", "en")
    assert code == 1
    assert "is the stick mounted?" in said
    assert not (stick / "none").exists()


def test_the_probes_own_card_is_no_stick(dosong_agent, put, stick):
    put(1)
    _, _, said = dosong_agent("export", "--to", stick, "--lang", "en")
    assert "on the probe's own card" in said


def test_without_an_outbox_it_says_so(dosong_agent, stick):
    code, _, said = dosong_agent("export", "--to", stick, "--lang", "en")
    assert code == 1
    assert "there is no outbox" in said


def test_a_full_disk_is_told_with_what_fitted(dosong_agent, put, stick, monkeypatch):
    monkeypatch.setattr("agent.carry.export.ROWS_PER_FILE", 100)
    room = iter([1 << 30, 1 << 30, 0])
    monkeypatch.setattr("agent.carry.folder.Folder.free_bytes", lambda _: next(room))
    put(500)
    code, said, errors = dosong_agent("export", "--to", stick, "--lang", "en")
    assert (code, said) == (1, "")
    assert "records that fitted: 200, in files: 2" in errors
    assert seqs(stick) == list(range(1, 201))
