"""Real video by ffmpeg, and what is said of it."""

import os
import shutil
import subprocess
import sys
import threading

import m3u8
import msgspec
import pytest
from mpegdash.parser import MPEGDASHParser

from sim import content
from sim.content import Content, make_content, read_playlist
from sim.parts import PartError

needs_ffmpeg = pytest.mark.skipif(
    shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: tools/setup content"
)


def ignore(_share: float) -> None:
    """Nobody watches."""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return make_content(tmp_path_factory.mktemp("out"), "1080p", 5, ignore)


@needs_ffmpeg
def test_the_truth_is_what_lies_in_the_folder(made):
    truth = msgspec.json.decode((made / "content.json").read_bytes(), type=Content)
    assert [each.height for each in truth.representations] == [360, 720, 1080]
    for each in truth.representations:
        assert [segment.duration_s for segment in each.segments] == [4.0, 1.0]
        for segment in each.segments:
            assert (made / segment.file).stat().st_size == segment.bytes
        rate = 8 * each.segments[0].bytes / 4
        assert rate == pytest.approx(each.bits_per_second, rel=0.1)
    named = {segment.file for each in truth.representations for segment in each.segments}
    assert named == {path.name for path in made.glob("chunk-*")}


@needs_ffmpeg
def test_dash_and_hls_name_the_same_segments(made):
    master = m3u8.load(str(made / "master.m3u8"))
    sizes = {each.stream_info.resolution for each in master.playlists}
    assert sizes == {(640, 360), (1280, 720), (1920, 1080)}
    mpd = MPEGDASHParser.parse(str(made / "manifest.mpd"))
    for each in mpd.periods[0].adaptation_sets[0].representations:
        template = each.segment_templates[0]
        name = template.media.replace("$RepresentationID$", each.id)
        assert (made / name.replace("$Number%05d$", "00001")).is_file()
        playlist = m3u8.load(str(made / f"media_{each.id}.m3u8"))
        assert playlist.segments[0].uri == f"chunk-{each.id}-00001.m4s"


@needs_ffmpeg
def test_what_is_there_already_is_not_overwritten(made):
    with pytest.raises(PartError, match="there already"):
        make_content(made.parent, "1080p", 1, ignore)


@needs_ffmpeg
def test_an_encoder_that_fails_leaves_nothing_and_its_words(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "NOISE", -5)
    with pytest.raises(PartError, match=r"(?s)ffmpeg failed.*c0s"):
        make_content(tmp_path, "1080p", 1, ignore)
    assert list(tmp_path.iterdir()) == []


@needs_ffmpeg
def test_progress_is_told_and_an_interrupt_leaves_nothing(tmp_path):
    begun = threading.Event()

    def interrupt(share: float) -> None:
        if share > 0:
            begun.set()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_content(tmp_path, "1080p", 600, interrupt)
    assert begun.is_set()
    assert list(tmp_path.iterdir()) == []


@needs_ffmpeg
def test_the_command_says_where_it_is(tmp_path):
    command = [sys.executable, "-m", "sim", "content", "--out", tmp_path, "--seconds", "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{tmp_path / '1080p'}\n"


def test_without_ffmpeg_the_command_says_so(tmp_path):
    command = [sys.executable, "-m", "sim", "content", "--out", tmp_path / "out"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PATH": str(tmp_path)},
    )
    if "ffmpeg is not installed" not in done.stderr:
        pytest.skip("ffmpeg stands beside the system's programs")
    assert done.returncode == 1
    assert not (tmp_path / "out").exists()


def test_a_length_nobody_encodes_is_a_wrong_command_line(tmp_path):
    command = [sys.executable, "-m", "sim", "content", "--out", tmp_path, "--seconds", "0"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "from 1 to" in done.stderr


def test_a_playlist_gives_durations_with_other_tags_between():
    text = "#EXTM3U\n#EXTINF:4.000000,\n#EXT-X-PROGRAM-DATE-TIME:x\na.m4s\n#EXTINF:1.5,\nb.m4s\n"
    assert list(read_playlist(text)) == [("a.m4s", 4.0), ("b.m4s", 1.5)]
