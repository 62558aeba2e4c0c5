import os
from contextlib import suppress

import pytest

from agent.carry.folder import DRAFT, Folder


@pytest.fixture
def folder(stick):
    with Folder(stick) as folder:
        yield folder


def test_a_file_is_there_in_full_or_not_at_all(folder, stick):
    with folder.draft() as draft:
        draft.write(b"half")
        assert not (stick / "a").exists()
    assert list(stick.iterdir()) == []
    folder.write("a", b"old")
    with suppress(RuntimeError), folder.draft() as draft:
        draft.write(b"new")
        raise RuntimeError
    assert (stick / "a").read_bytes() == b"old"
    folder.write("a", b"new")
    assert (stick / "a").read_bytes() == b"new"
    assert [file.name for file in stick.iterdir()] == ["a"]


def test_links_lead_nowhere(folder, stick, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"ours")
    (stick / "folder").symlink_to(outside)
    (stick / "file").symlink_to(outside / "file")
    (stick / DRAFT).symlink_to(outside / "made")
    assert not folder.has_file("file")
    with pytest.raises(OSError, match="symbolic links"), folder.reading("file"):
        pass
    with pytest.raises(NotADirectoryError):
        folder.inside("folder")
    folder.write("file", b"theirs")
    assert (outside / "file").read_bytes() == b"ours"
    assert [file.name for file in outside.iterdir()] == ["file"]
    assert (stick / "file").read_bytes() == b"theirs"


@pytest.mark.timeout(10)
def test_a_pipe_is_no_file_and_blocks_nobody(folder, stick):
    os.mkfifo(stick / "pipe")
    assert not folder.has_file("pipe")
    with pytest.raises(OSError, match="no regular file"), folder.reading("pipe"):
        pass


def test_a_folder_inside_is_made_once(folder, stick):
    for _ in range(2):
        with folder.inside("dosong") as inside:
            inside.write("a", b"")
    assert (stick / "dosong" / "a").exists()


def test_of_too_many_names_a_part_is_read(folder, stick, monkeypatch):
    monkeypatch.setattr("agent.carry.folder.MOST_NAMES", 3)
    for number in range(9):
        (stick / f"{number}").touch()
    assert len(folder.names()) == 3
