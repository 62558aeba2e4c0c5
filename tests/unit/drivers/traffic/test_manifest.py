"""DASH and HLS manifests that ffmpeg wrote, some by hand, and damaged ones."""

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drivers.traffic import manifest
from drivers.traffic.dash import read_dash
from drivers.traffic.hls import read_hls, with_segments
from drivers.traffic.manifest import ByteRange, ManifestError, Piece, Site

MANIFESTS = Path(__file__).parent / "manifests"
SITE = Site(host="video.example", port=8080, resource="/film/ladder.mpd?take=2")


def content(name):
    return (MANIFESTS / name).read_bytes()


def whole_hls(name, site=SITE):
    ladder = read_hls(content(name), site)
    for each in ladder.representations:
        playlist = each.playlist.rpartition("/")[2]
        ladder = with_segments(ladder, each, content(playlist), site.at(playlist))
    return ladder


def mpd(inside, *, attributes='type="static" mediaPresentationDuration="PT9S"'):
    return (
        f'<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" {attributes}><Period>'
        f'<AdaptationSet mimeType="video/mp4">{inside}</AdaptationSet></Period></MPD>'
    ).encode()


def one(inside):
    return mpd(
        f'<Representation id="v" bandwidth="5000000" height="1080">{inside}</Representation>'
    )


def segments_of(inside):
    return read_dash(one(inside), SITE).representations[0].segments


def resources(segments):
    return [segment.piece.resource for segment in segments]


@pytest.mark.parametrize("name", ["timeline.mpd", "number.mpd", "list.mpd"])
def test_ffmpegs_dash_is_two_representations_of_four_segments_without_the_sound(name):
    ladder = read_dash(content(name), SITE)
    assert (ladder.protocol, ladder.live) == ("dash", False)
    assert [(each.height, each.width, each.bits_per_second) for each in ladder.representations] == [
        (90, 160, 150_000),
        (180, 320, 300_000),
    ]
    best = ladder.representations[-1].segments
    assert [each.duration_s for each in best] == [2, 2, 2, 2]
    assert resources(best) == [f"/film/chunk-stream0-0000{n}.m4s" for n in (1, 2, 3, 4)]
    assert {each.init for each in best} == {Piece(resource="/film/init-stream0.m4s")}


def test_ffmpegs_dash_in_one_file_has_byte_ranges():
    best = read_dash(content("onefile.mpd"), SITE).representations[-1].segments
    assert set(resources(best)) == {"/film/onefile-stream0.mp4"}
    assert best[0].piece.byte_range == ByteRange(first=827, last=89176)
    assert best[0].init.byte_range == ByteRange(first=0, last=826)


def test_ffmpegs_hls_is_a_ladder_once_its_playlists_are_there():
    ladder = whole_hls("ts.m3u8")
    assert (ladder.protocol, ladder.live) == ("hls", False)
    assert [(each.height, each.bits_per_second) for each in ladder.representations] == [
        (90, 165_000),
        (180, 330_000),
    ]
    best = ladder.representations[-1].segments
    assert [each.duration_s for each in best] == [2, 2, 2, 2]
    assert resources(best) == [f"/film/ts-0{n}.ts" for n in range(4)]


def test_ffmpegs_hls_in_one_file_has_byte_ranges_and_an_init_section():
    first, second = whole_hls("ranges.m3u8").representations[-1].segments[:2]
    assert first.piece.byte_range == ByteRange(first=827, last=89176)
    assert second.piece.byte_range.size == 82757
    assert first.init.byte_range == ByteRange(first=0, last=826)


def test_a_byte_range_without_a_start_follows_the_one_before():
    text = content("ranges-0.m3u8").replace(b"82757@89177", b"82757")
    ladder = read_hls(content("ranges.m3u8"), SITE)
    best = with_segments(ladder, ladder.representations[-1], text, SITE).representations[-1]
    assert best.segments[1].piece.byte_range == ByteRange(first=89177, last=171933)


def test_a_playlist_without_an_end_is_live():
    ladder = read_hls(content("ts.m3u8"), SITE)
    assert with_segments(ladder, ladder.representations[0], content("live.m3u8"), SITE).live


def test_a_dynamic_manifest_is_live():
    template = '<SegmentTemplate media="$Number$" duration="2"/>'
    inside = f'<Representation id="v" bandwidth="9" height="9">{template}</Representation>'
    assert read_dash(mpd(inside, attributes='type="dynamic"'), SITE).live


def test_a_template_counts_from_its_start_and_the_last_segment_is_shorter():
    found = segments_of(
        '<SegmentTemplate media="$RepresentationID$-$Bandwidth$-$$-$Number%03d$.m4s"'
        ' initialization="$RepresentationID$.mp4" timescale="10" duration="40" startNumber="7"/>'
    )
    assert resources(found) == [f"/film/v-5000000-$-00{n}.m4s" for n in (7, 8, 9)]
    assert [each.duration_s for each in found] == [4, 4, 1]
    assert found[0].init == Piece(resource="/film/v.mp4")


def test_a_timeline_gives_times_repeats_and_gaps():
    found = segments_of(
        '<SegmentTemplate media="$Time$.m4s" timescale="1000"><SegmentTimeline>'
        '<S t="500" d="1000" r="1"/><S d="500"/><S t="4000" d="2500" r="-1"/>'
        "</SegmentTimeline></SegmentTemplate>"
    )
    assert resources(found) == [f"/film/{at}.m4s" for at in (500, 1500, 2500, 4000, 6500)]
    assert [each.duration_s for each in found] == [1, 1, 0.5, 2.5, 2.5]


def test_what_a_representation_does_not_say_is_inherited():
    manifest = mpd(
        '<SegmentTemplate media="$RepresentationID$/$Number$" timescale="2" duration="9"/>'
        '<Representation id="a" bandwidth="1" height="9"/>'
        '<Representation id="b" bandwidth="2" height="9"><SegmentTemplate duration="18"/>'
        "</Representation>"
    )
    first, second = read_dash(manifest, SITE).representations
    assert resources(first.segments) == ["/film/a/1", "/film/a/2"]
    assert resources(second.segments) == ["/film/b/1"]


def test_base_urls_are_resolved_one_upon_the_other():
    manifest = one(
        '<BaseURL>deep/</BaseURL><SegmentTemplate media="../$Number$?x=1&amp;y=a b" duration="9"/>'
    ).replace(b"<Period>", b"<BaseURL>/root/</BaseURL><Period>")
    best = read_dash(manifest, SITE).representations[0]
    assert resources(best.segments) == ["/root/1?x=1&y=a%20b"]


@pytest.mark.parametrize(
    "url", ["http://video.example:8080/other/", "//video.example:8080/other/", "/other/"]
)
def test_the_own_server_may_be_named(url):
    found = segments_of(f'<BaseURL>{url}</BaseURL><SegmentTemplate media="m" duration="9"/>')
    assert resources(found) == ["/other/m"]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://other.example:8080/", "foreign host: 'other.example:8080'"),
        ("http://video.example/", "foreign host: 'video.example'"),
        ("//10.0.0.1/", "foreign host"),
        ("https://video.example:8080/", "foreign scheme: 'https'"),
        ("file:///etc/passwd", "foreign scheme: 'file'"),
        ("http://[/", "not a URL"),
        ("http://video.example:port/", "not a URL"),
        ("x" * 3000, "characters"),
    ],
)
def test_no_other_server_may_be_named(url, reason):
    with pytest.raises(ManifestError, match=reason):
        segments_of(f'<BaseURL>{url}</BaseURL><SegmentTemplate media="m" duration="9"/>')
    hls = b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=1x1\n" + url.encode() + b"\n"
    with pytest.raises(ManifestError, match=reason):
        read_hls(hls, SITE)


TEMPLATE = '<SegmentTemplate media="m$Number$" {}/>'


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        (TEMPLATE.format('timescale="0" duration="1"'), "timescale"),
        (TEMPLATE.format('timescale="1000000" duration="1"'), "segments"),
        (TEMPLATE.format('duration="1" endNumber="99999999"'), "segments"),
        (TEMPLATE.format('duration="-1"'), "a number of -1"),
        (TEMPLATE.format('duration="100" endNumber="3"'), "a segment of"),
        (TEMPLATE.format(f'duration="{"9" * 5000}"'), "ValueError"),
        (TEMPLATE.format('startNumber="99999999999999999999" duration="1"'), "very many"),
        ('<SegmentTemplate duration="1"/>', "without media"),
        ('<SegmentBase indexRange="0-99"/>', "neither"),
        (
            (
                '<SegmentTemplate media="m"><SegmentTimeline><S d="0" r="9"/></SegmentTimeline>'
                "</SegmentTemplate>"
            ),
            "a segment of 0 s",
        ),
        (
            (
                '<SegmentTemplate media="m" timescale="9"><SegmentTimeline><S d="1" r="99999999"/>'
                "</SegmentTimeline></SegmentTemplate>"
            ),
            "segments",
        ),
        (
            '<SegmentList duration="9"><SegmentURL mediaRange="9-1"/></SegmentList>',
            "a byte range 9-1",
        ),
        ('<SegmentList duration="9"><SegmentURL mediaRange="a-b"/></SegmentList>', "byte range"),
    ],
)
def test_numbers_no_film_can_have_are_refused(inside, reason):
    with pytest.raises(ManifestError, match=reason):
        segments_of(inside)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not a DASH manifest"),
        (b"/etc/passwd", "not a DASH manifest"),
        (b"http://other.example/", "not a DASH manifest"),
        (b"\xff\xfe<\0M\0P\0D\0", "not UTF-8"),
        (b"<MPD", "ExpatError"),
        (b"<x><MPD/></x>", "not a DASH manifest"),
        (b"<MPD/>", "no video"),
        (b'<!DOCTYPE MPD [<!ENTITY a "aaaa">]><MPD>&a;</MPD>', "DOCTYPE"),
        (b"<MPD>" + b"<a/>" * 30_000 + b"</MPD>", "tags"),
        (b"<MPD " + b' a=""' * 99_000 + b"/>", "attributes"),
        (b"<MPD>" + b" " * manifest.MAX_BYTES, "bytes"),
        (mpd('<Representation bandwidth="1" height="0"/>'), "a height of"),
        (mpd('<Representation height="9"/>'), "a rate of"),
        (mpd('<Representation bandwidth="1" height="9"/>', attributes=""), "neither"),
        (
            mpd(
                f'<Representation bandwidth="1" height="9">{TEMPLATE.format("")}</Representation>',
                attributes='mediaPresentationDuration="P1Y"',
            ),
            "not a duration",
        ),
        (
            mpd(
                TEMPLATE.format('duration="9"')
                + '<Representation bandwidth="1" height="9"/>' * (manifest.MAX_REPRESENTATIONS + 1)
            ),
            "representations",
        ),
        (
            mpd(
                TEMPLATE.format('timescale="9" duration="1" endNumber="4000"')
                + '<Representation bandwidth="1" height="9"/>' * 9,
                attributes="",
            ),
            "in all",
        ),
    ],
)
def test_what_is_no_dash_manifest_is_refused_with_a_reason(content, reason):
    with pytest.raises(ManifestError, match=reason):
        read_dash(content, SITE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not an HLS playlist"),
        (b"<html>", "not an HLS playlist"),
        (b"#EXTM3U\n#EXTINF:2,\nx.ts\n", "no resolution"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=x\na\n", "ValueError"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n", "no video"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:RESOLUTION=1x1\na\n", "KeyError"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1,RESOLUTION=0x0\na\n", "a height of 0"),
        (b"#EXTM3U\n" + b"#\n" * 99_999, "lines"),
        (b"#EXTM3U\n" + b"#EXT-X-KEY:METHOD=NONE\n" * 999, "#EXT-X-KEY"),
        (b"#EXTM3U\n#" + b"'" * 9999, "lines"),
        (b"#EXTM3U" + b" " * manifest.MAX_BYTES, "bytes"),
    ],
)
def test_what_is_no_multivariant_playlist_is_refused_with_a_reason(content, reason):
    with pytest.raises(ManifestError, match=reason):
        read_hls(content, SITE)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"#EXTM3U\n#EXTINF:-1,\nx.ts\n", "a segment of -1 s"),
        (b"#EXTM3U\n#EXTINF:nan,\nx.ts\n", "a segment of"),
        (b"#EXTM3U\n#EXTINF:1e300,\nx.ts\n", "a segment of very many s"),
        (b"#EXTM3U\n#EXT-X-BYTERANGE:9\nx.ts\n", "without URI or duration"),
        (b"#EXTM3U\n#EXTINF:2,\n#EXT-X-BYTERANGE:9\nx.ts\n", "without a start"),
        (b"#EXTM3U\n#EXTINF:2,\n#EXT-X-BYTERANGE:9@x\nx.ts\n", "not a byte range"),
        (b"#EXTM3U\n" + b"#EXTINF:2,\nx\n" * (manifest.MAX_SEGMENTS + 1), "segments"),
        (b"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n", "multivariant"),
    ],
)
def test_what_is_no_media_playlist_is_refused_with_a_reason(content, reason):
    ladder = read_hls((MANIFESTS / "ts.m3u8").read_bytes(), SITE)
    with pytest.raises(ManifestError, match=reason):
        with_segments(ladder, ladder.representations[0], content, SITE)


def test_the_worst_quotes_a_line_can_hold_take_no_time():
    line = b"#EXT-X-STREAM-INF:" + b"\"'" * 2000 + b"\n"
    begun = time.monotonic()
    with pytest.raises(ManifestError):
        read_hls(b"#EXTM3U\n" + line * 200, SITE)
    assert time.monotonic() - begun < 5


@st.composite
def damaged(draw):
    """A real manifest with pieces cut out, doubled or replaced."""
    files = sorted(MANIFESTS.iterdir())
    text = bytearray(draw(st.sampled_from(files)).read_bytes())
    for _ in range(draw(st.integers(min_value=1, max_value=4))):
        start = draw(st.integers(min_value=0, max_value=len(text)))
        length = draw(st.integers(min_value=0, max_value=40))
        piece = draw(
            st.binary(max_size=8)
            | st.sampled_from(
                [b"-1", b"0", b"9" * 30, b"1e999", b"nan", b'"', b"<", b"@", b"", b"$"]
            )
            | st.just(bytes(text[start : start + 80]))
        )
        text[start : start + length] = piece
    return bytes(text)


@settings(max_examples=400, deadline=None)
@given(damaged())
def test_a_damaged_manifest_is_a_ladder_or_a_manifest_error(content):
    base = read_hls((MANIFESTS / "ts.m3u8").read_bytes(), SITE)
    for read in (
        lambda: read_dash(content, SITE),
        lambda: read_hls(content, SITE),
        lambda: with_segments(base, base.representations[0], content, SITE),
    ):
        try:
            ladder = read()
        except ManifestError:
            continue
        assert 1 <= len(ladder.representations) <= manifest.MAX_REPRESENTATIONS
        for each in ladder.representations:
            assert len(each.segments) <= manifest.MAX_SEGMENTS
            for segment in each.segments:
                assert 0 < segment.duration_s <= manifest.MAX_SEGMENT_S
                assert segment.piece.resource.startswith("/")
                assert segment.piece.resource.isascii()
