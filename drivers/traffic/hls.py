"""HLS playlists (RFC 8216) as a ladder; the only import of m3u8. No I/O.

A multivariant playlist gives representations whose segments stand in playlists of their own:
`read_hls` reads the first, `with_segments` adds the others as they are fetched. Renditions of
sound alone, and variants that do not say their resolution, are left out.
"""

from collections.abc import Iterator
from typing import Any

import m3u8
import msgspec

from drivers.traffic.manifest import (
    MAX_DIGITS,
    ByteRange,
    Ladder,
    ManifestError,
    MediaSegment,
    Piece,
    Representation,
    Site,
    as_text,
    byte_range,
    duration_s,
    ladder,
    representation,
    segment_count,
)

MAX_LINES = 4 * 5000
MAX_LINE_CHARACTERS = 4096
MAX_RARE_TAGS = 256
"""The library compares each of them with all others."""
_RARE_TAGS = ("#EXT-X-KEY", "#EXT-X-SESSION", "#EXT-X-STREAM-INF", "#EXT-X-MEDIA:", "#EXT-X-MAP")


def read_hls(content: bytes, site: Site) -> Ladder:
    """The ladder of a multivariant playlist found at `site`; raises `ManifestError`."""
    found = _parsed(content)
    if not found.is_variant:
        raise ManifestError("a media playlist, which says no resolution")
    representations = []
    for variant in found.playlists:
        info = variant.stream_info
        if info.resolution is None:
            continue
        head = representation(
            width=info.resolution[0],
            height=info.resolution[1],
            bits_per_second=info.average_bandwidth or info.bandwidth,
        )
        playlist = site.find(variant.uri)
        representations.append(msgspec.structs.replace(head, playlist=playlist))
    return ladder("hls", representations, live=False)


def with_segments(
    found: Ladder, representation: Representation, content: bytes, site: Site
) -> Ladder:
    """The ladder with one representation's media playlist, found at `site`, added to it.

    It is live if that is. Raises `ManifestError`.
    """
    playlist = _parsed(content)
    if playlist.is_variant:
        raise ManifestError("a multivariant playlist for a media playlist")
    segment_count(len(playlist.segments))
    whole = msgspec.structs.replace(
        representation, segments=tuple(_segments(playlist, site)), playlist=None
    )
    live = found.live or not playlist.is_endlist
    filled = [whole if each is representation else each for each in found.representations]
    return ladder("hls", filled, live=live)


def _parsed(content: bytes) -> Any:
    text = as_text(content)
    if not text.lstrip().startswith("#EXTM3U"):
        raise ManifestError("not an HLS playlist")
    lines = text.splitlines()
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE_CHARACTERS for line in lines):
        raise ManifestError(f"more than {MAX_LINES} lines, or one of {MAX_LINE_CHARACTERS}")
    for tag in _RARE_TAGS:
        if text.count(tag) > MAX_RARE_TAGS:
            raise ManifestError(f"more than {MAX_RARE_TAGS} of {tag}")
    try:
        return m3u8.loads(text)
    except Exception as error:
        raise ManifestError(f"not an HLS playlist ({type(error).__name__})") from error


def _segments(playlist: Any, site: Site) -> Iterator[MediaSegment]:
    last: Piece | None = None
    for segment in playlist.segments:
        if segment.uri is None or segment.duration is None:
            raise ManifestError("a segment without URI or duration")
        last = _piece(segment.uri, segment.byterange, site, last)
        start = segment.init_section
        yield MediaSegment(
            piece=last,
            duration_s=duration_s(segment.duration),
            init=None if start is None else _piece(start.uri, start.byterange, site, None),
        )


def _piece(uri: str, span: str | None, site: Site, before: Piece | None) -> Piece:
    resource = site.find(uri)
    return Piece(resource=resource, byte_range=_range(span, resource, before))


def _range(span: str | None, resource: str, before: Piece | None) -> ByteRange | None:
    """`n[@o]`: n bytes from o on, or from where the last segment of the same file ended."""
    if span is None:
        return None
    size, at, offset = span.strip().partition("@")
    if not size.isdecimal() or (at and not offset.isdecimal()) or len(span) > 2 * MAX_DIGITS:
        raise ManifestError(f"not a byte range: {span[:40]!r}")
    if at:
        first = int(offset)
    elif before is not None and before.resource == resource and before.byte_range is not None:
        first = before.byte_range.last + 1
    else:
        raise ManifestError(f"a byte range without a start: {span[:40]!r}")
    return byte_range(first, first + int(size) - 1)
