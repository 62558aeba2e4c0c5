"""Sessions by DASH and HLS manifests against a server of films."""

import threading
from pathlib import Path

import pytest

from drivers.traffic import NetPath, Server, run_video
from tests.unit.drivers.traffic.ends import session, streamed
from tests.unit.drivers.traffic.films import FilmServer, Schedule
from wire.messages import Outcome

MANIFESTS = Path(__file__).parent / "manifests"
LOW, HIGH = 40_000, 80_000
"""Bytes of a segment of 2 s."""


def made_by_ffmpeg():
    """The manifests that ffmpeg wrote, with films of zeros of our own sizes."""
    files = {f"/film/{each.name}": each.read_bytes() for each in MANIFESTS.iterdir()}
    for stream, size in (("0", HIGH), ("1", LOW)):
        files[f"/film/init-stream{stream}.m4s"] = bytes(800)
        for number in range(4):
            files[f"/film/chunk-stream{stream}-0000{number + 1}.m4s"] = bytes(size)
            files[f"/film/ts-{stream}{number}.ts"] = bytes(size)
        files[f"/film/onefile-stream{stream}.mp4"] = bytes(330_000)
        files[f"/film/ranges-{stream}.m4s"] = bytes(330_000)
    return files


@pytest.fixture
def films():
    with FilmServer(made_by_ffmpeg()) as server:
        yield server


def run(profile, films, **more):
    server = Server(host="127.0.0.1", http_port=films.port)
    return run_video(profile, server, NetPath(), threading.Event(), **more)


@pytest.mark.parametrize(
    ("name", "protocol", "init_bytes", "media_bytes"),
    [
        ("timeline.mpd", "dash", 800, HIGH),
        ("number.mpd", "dash", 800, HIGH),
        ("list.mpd", "dash", 800, HIGH),
        ("onefile.mpd", "dash", 827, 89176 - 827 + 1),
        ("ts.m3u8", "hls", None, HIGH),
        ("ranges.m3u8", "hls", 827, 88350),
    ],
)
def test_a_film_that_ffmpeg_made_is_played_at_the_height_asked_for(
    films, name, protocol, init_bytes, media_bytes
):
    result = run(streamed(f"/film/{name}"), films)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.OK, None)
    assert (payload.protocol, payload.adaptation) == (protocol, "fixed")
    [only] = payload.segments
    assert (only.height, only.media_s, only.init_bytes) == (180, 2, init_bytes)
    assert only.payload_bytes == media_bytes + (init_bytes or 0)
    assert only.media_bits_per_second == pytest.approx(media_bytes * 8 / 2)
    assert payload.played_s == 2


def test_access_begins_with_the_manifest_and_the_rate_with_the_segments(films):
    payload = run(streamed("/film/ts.m3u8", play_s=6), films).payload
    assert films.asked[:3] == ["/film/ts.m3u8", "/film/ts-0.m3u8", "/film/ts-00.ts"]
    first = payload.segments[0]
    assert 0 < first.requested_s < payload.ip_access_s <= payload.access_s
    assert payload.outstanding_s == sum(each.outstanding_s for each in payload.segments)
    assert payload.bits_per_second == 8 * payload.payload_bytes / payload.outstanding_s


def test_an_init_segment_is_fetched_once_for_each_representation(films):
    run(streamed("/film/timeline.mpd", play_s=8), films)
    assert films.asked.count("/film/init-stream0.m4s") == 1
    assert len(films.asked) == 6


def test_a_throughput_player_starts_low_and_climbs(films):
    payload = run(streamed("/film/ts.m3u8", adaptation="throughput", play_s=8), films).payload
    assert [each.height for each in payload.segments] == [90, 180, 180, 180]
    assert payload.switches == 1
    assert payload.played_height == pytest.approx((90 + 3 * 180) / 4)
    assert payload.played_bits_per_second == pytest.approx((LOW + 3 * HIGH) * 8 / 8)
    assert payload.share_1080 == 0


def test_a_throughput_player_stays_low_on_a_link_that_carries_no_more():
    with FilmServer(made_by_ffmpeg(), Schedule((1, 38_000))) as films:
        payload = run(
            streamed("/film/number.mpd", adaptation="throughput", play_s=4), films
        ).payload
    assert [each.height for each in payload.segments] == [90, 90]
    assert payload.switches == 0


def test_a_buffer_player_climbs_when_its_buffer_is_full(films):
    profile = streamed("/film/timeline.mpd", adaptation="buffer", play_s=8, buffer_s=6)
    payload = run(profile, films).payload
    assert [each.height for each in payload.segments] == [90, 90, 180, 180]


def test_heights_above_the_limit_are_not_chosen(films):
    profile = streamed("/film/ts.m3u8", height=90, adaptation="throughput", play_s=8)
    assert {each.height for each in run(profile, films).payload.segments} == {90}
    assert "/film/ts-0.m3u8" not in films.asked


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"manifest": "/film/none.mpd"}, "server: HTTP 404"),
        ({"manifest": "/film/live.m3u8"}, "server: manifest: a media playlist"),
        ({"manifest": "/broken.mpd"}, "server: manifest: not a DASH manifest"),
        ({"manifest": "/huge.mpd"}, "server: manifest: more than 1048576 bytes"),
        ({"manifest": "/foreign.m3u8"}, "server: manifest: foreign host: 'other.example'"),
        ({"manifest": "/living.m3u8"}, "server: manifest: live"),
        ({"manifest": "/film/ts.m3u8", "height": 1080}, "no representation of height 1080"),
        ({"manifest": "/film/ts.m3u8", "play_s": 9}, "8 s of film, planned are 9 s"),
    ],
)
def test_a_manifest_that_cannot_be_played_is_the_servers_fault(changes, reason):
    variant = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=320x180\n"
    files = made_by_ffmpeg() | {
        "/broken.mpd": b"<html>",
        "/huge.mpd": bytes(2 << 20),
        "/foreign.m3u8": variant + b"http://other.example/x.m3u8\n",
        "/living.m3u8": variant + b"/film/live.m3u8\n",
    }
    with FilmServer(files) as films:
        result = run(streamed(**({"media_bits_per_second": 8_000_000} | changes)), films)
    assert result.outcome is Outcome.INVALID
    assert reason in result.reason
    assert result.payload.access_s is None
    assert result.payload.cut_off is False


def test_a_server_without_byte_ranges_is_at_fault():
    with FilmServer(made_by_ffmpeg(), ranges=False) as films:
        result = run(streamed("/film/ranges.m3u8"), films)
    assert (result.outcome, result.reason) == (Outcome.INVALID, "server: HTTP 200")
    assert result.payload.payload_bytes == 0


def test_a_film_that_is_much_larger_than_the_profile_says_is_stopped(films):
    result = run(streamed("/film/ts.m3u8", media_bits_per_second=150_000, play_s=4), films)
    assert result.outcome is Outcome.INVALID
    assert result.reason == "server: sent more than the 150000 bytes of the profile"
    assert not result.payload.data_capped


@pytest.mark.parametrize("profile", [session(), streamed("/film/ts.m3u8", play_s=8)])
def test_a_session_stops_at_its_data_cap_and_says_so(films, profile):
    result = run(profile, films, max_bytes=170_000)
    payload = result.payload
    assert (result.outcome, result.reason) == (Outcome.INVALID, "probe: data cap of 170000 bytes")
    assert payload.data_capped
    assert 170_000 < payload.payload_bytes + (payload.manifest_bytes or 0) <= 170_000 + 65_536


def test_a_session_that_needs_just_its_data_cap_is_whole(films):
    profile = session()
    result = run(profile, films, max_bytes=profile.planned_bytes)
    assert (result.outcome, result.payload.data_capped) == (Outcome.OK, False)
