"""Synthetic manifests, read by the libraries that players use."""

from urllib.parse import urljoin

import m3u8
import pytest
from mpegdash.parser import MPEGDASHParser

from sim.server.ladders import LADDERS, MAX_SEGMENTS, manifest
from sim.server.resources import BadRequestError, NotFoundError, body_bytes

EXACT = {
    "1080p": {360: 800_000, 720: 2_400_000, 1080: 5_000_000},
    "2160p": {720: 2_400_000, 1080: 5_000_000, 1440: 12_000_000, 2160: 25_000_000},
}


@pytest.mark.parametrize("ladder", list(LADDERS))
@pytest.mark.parametrize(("query", "segment_s"), [("", 4.0), ("?segment_s=0.5&segments=3", 0.5)])
def test_a_dash_segment_is_bandwidth_times_duration_and_not_a_byte_more(ladder, query, segment_s):
    mpd = MPEGDASHParser.parse(manifest(f"/video/dash/{ladder}/manifest.mpd{query}").text)
    (period,) = mpd.periods
    (adaptation,) = period.adaptation_sets
    rates = {each.height: each.bandwidth for each in adaptation.representations}
    assert rates == EXACT[ladder]
    for each in adaptation.representations:
        (template,) = each.segment_templates
        assert template.duration / template.timescale == segment_s
        url = template.media.replace("$Number$", str(template.start_number))
        assert 8 * body_bytes(url) == each.bandwidth * segment_s


def test_a_dash_manifest_says_how_long_it_is():
    text = manifest("/video/dash/1080p/manifest.mpd?segment_s=2.5&segments=3").text
    assert 'mediaPresentationDuration="PT7.5S"' in text


@pytest.mark.parametrize("ladder", list(LADDERS))
def test_the_query_of_an_hls_master_is_carried_on_to_exact_segments(ladder):
    target = f"/video/hls/{ladder}/master.m3u8?segment_s=2&segments=7"
    master = m3u8.loads(manifest(target).text)
    heights = {each.stream_info.resolution[1]: each for each in master.playlists}
    assert {h: each.stream_info.bandwidth for h, each in heights.items()} == EXACT[ladder]
    for height, each in heights.items():
        media = m3u8.loads(manifest(urljoin(target, each.uri)).text)
        assert [segment.duration for segment in media.segments] == [2.0] * 7
        assert media.is_endlist
        assert media.target_duration == 2
        sizes = {body_bytes(segment.uri) for segment in media.segments}
        assert sizes == {EXACT[ladder][height] * 2 // 8}


@pytest.mark.parametrize(
    "query",
    [
        "segment_s=0",
        "segment_s=31",
        "segment_s=1e1",
        "segment_s=0.0001",
        "segment_s=nan",
        "segments=0",
        f"segments={MAX_SEGMENTS + 1}",
        "segments=-1",
        "segments=" + "9" * 5000,
    ],
)
def test_a_length_nobody_watches_is_a_bad_request(query):
    with pytest.raises(BadRequestError):
        manifest(f"/video/dash/1080p/manifest.mpd?{query}")


@pytest.mark.parametrize(
    "target",
    [
        "/video/dash/4320p/manifest.mpd",
        "/video/dash/1080p/manifest",
        "/video/hls/1080p/2160/media.m3u8",
        "/video/",
    ],
)
def test_what_is_no_video_is_not_found(target):
    with pytest.raises(NotFoundError):
        manifest(target)
