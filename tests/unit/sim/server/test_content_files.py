"""Files for strangers: what lies below the folder, and nothing else."""

import os

import pytest

from sim.server.content import open_below
from sim.server.resources import NotFoundError


@pytest.fixture
def root(tmp_path):
    root = tmp_path / "root"
    (root / "dash").mkdir(parents=True)
    (root / "dash" / "init 1.m4s").write_bytes(b"segment")
    (root / ".hidden").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"secret")
    (root / "link").symlink_to(tmp_path / "secret")
    (root / "out").symlink_to(tmp_path)
    (root / "inside").symlink_to(root / "dash")
    os.mkfifo(root / "fifo")
    return root


def test_a_file_is_opened_with_its_size_and_type(root):
    with open_below(root, "dash/init%201.m4s") as file:
        assert (file.size_bytes, file.content_type) == (7, "video/iso.segment")
        assert file.stream.read() == b"segment"


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("a.mpd", "application/dash+xml"),
        ("a.m3u8", "application/vnd.apple.mpegurl"),
        ("a.mp4", "video/mp4"),
        ("a.ts", "video/mp2t"),
        ("content.json", "application/json"),
        ("a.html", "application/octet-stream"),
    ],
)
def test_what_a_file_is_follows_from_its_name(root, name, content_type):
    (root / name).write_bytes(b"")
    with open_below(root, name) as file:
        assert file.content_type == content_type


@pytest.mark.parametrize(
    "path",
    [
        "",
        "absent",
        "dash",
        "dash/",
        "dash/absent/x",
        "dash/init%201.m4s/x",
        "../secret",
        "%2e%2e/secret",
        "..%2fsecret",
        "dash/../../secret",
        "/etc/passwd",
        "//etc/passwd",
        ".hidden",
        "link",
        "out/secret",
        "inside/init%201.m4s",
        "fifo",
        "a%00b",
        "%ff",
        "a" * 300,
        "/".join("a" * 40),
    ],
)
def test_there_is_no_way_out_of_the_folder(root, path):
    with pytest.raises(NotFoundError), open_below(root, path):
        pass
