"""Video ladders, and manifests whose segments are `/segment` URLs of exact size. No I/O.

`GET /video/dash/<ladder>/manifest.mpd`, `/video/hls/<ladder>/master.m3u8` and
`/video/hls/<ladder>/<height>/media.m3u8`; the query's `segment_s` and `segments` say how long.
"""

import re
from fractions import Fraction
from typing import NamedTuple

from sim.server.resources import BadRequestError, NotFoundError, first, split

MS = 1000
MIN_SEGMENT_MS, MAX_SEGMENT_MS, SEGMENT_MS = 500, 30_000, 4000
MAX_SEGMENTS, SEGMENTS = 200, 5
SECONDS = re.compile(r"\d{1,2}(?:\.\d{1,3})?", re.ASCII)
COUNT = re.compile(r"\d{1,3}", re.ASCII)
DASH_TYPE = "application/dash+xml"
HLS_TYPE = "application/vnd.apple.mpegurl"


class Rung(NamedTuple):
    """One quality of a ladder. `bits_per_second` x any whole ms / 8000 is a whole byte."""

    height: int
    bits_per_second: int
    codecs: str

    @property
    def width(self) -> int:
        """At 16:9."""
        return self.height * 16 // 9

    def segment_bytes(self, segment_ms: int) -> int:
        """Exact size of a segment."""
        return self.bits_per_second * segment_ms // (8 * MS)


_LOW = (Rung(360, 800_000, "avc1.4d401e"),)
_MIDDLE = (Rung(720, 2_400_000, "avc1.4d401f"), Rung(1080, 5_000_000, "avc1.640028"))
_HIGH = (Rung(1440, 12_000_000, "avc1.640032"), Rung(2160, 25_000_000, "avc1.640033"))
LADDERS = {"1080p": _LOW + _MIDDLE, "2160p": _MIDDLE + _HIGH}


class Manifest(NamedTuple):
    """A manifest as it is sent."""

    content_type: str
    text: str


class Length(NamedTuple):
    """How long a synthetic video is."""

    segment_ms: int = SEGMENT_MS
    segments: int = SEGMENTS

    @property
    def query(self) -> str:
        """As it is carried on from a manifest to the next."""
        return f"segment_s={seconds(self.segment_ms)}&segments={self.segments}"


def manifest(target: str) -> Manifest:
    """The manifest that a request target asks for; raises `BadRequestError`."""
    url = split(target)
    length = _length(url.query)
    match url.path.strip("/").split("/"):
        case ["video", "dash", ladder, "manifest.mpd"] if ladder in LADDERS:
            return Manifest(DASH_TYPE, _dash(LADDERS[ladder], length))
        case ["video", "hls", ladder, "master.m3u8"] if ladder in LADDERS:
            return Manifest(HLS_TYPE, _master(LADDERS[ladder], length))
        case ["video", "hls", ladder, height, "media.m3u8"] if ladder in LADDERS:
            for rung in LADDERS[ladder]:
                if height == str(rung.height):
                    return Manifest(HLS_TYPE, _media(rung, length))
    raise NotFoundError(f"no such video: {url.path[:80]}; ladders: {', '.join(LADDERS)}")


def seconds(ms: int) -> str:
    """As few digits as say it exactly."""
    return f"{ms // MS}.{ms % MS:03}".rstrip("0").rstrip(".")


def _length(query: str) -> Length:
    segment_s, segments = first(query, "segment_s"), first(query, "segments")
    length = Length()
    if segment_s is not None:
        if SECONDS.fullmatch(segment_s) is None:
            raise BadRequestError(f"segment_s: not seconds: {segment_s[:40]!r}")
        length = length._replace(segment_ms=int(Fraction(segment_s) * MS))
    if segments is not None:
        if COUNT.fullmatch(segments) is None:
            raise BadRequestError(f"segments: not a number: {segments[:40]!r}")
        length = length._replace(segments=int(segments))
    if not MIN_SEGMENT_MS <= length.segment_ms <= MAX_SEGMENT_MS:
        raise BadRequestError(f"segment_s: from {MIN_SEGMENT_MS / MS} to {MAX_SEGMENT_MS // MS}")
    if not 1 <= length.segments <= MAX_SEGMENTS:
        raise BadRequestError(f"segments: from 1 to {MAX_SEGMENTS}")
    return length


def _dash(ladder: tuple[Rung, ...], length: Length) -> str:
    """ISO/IEC 23009-1: 5.3.9.4.4 ($Number$), 5.3.9.5.3 (segments of equal duration)."""
    total = f"PT{seconds(length.segment_ms * length.segments)}S"
    duration = f"PT{seconds(length.segment_ms)}S"
    representations = "".join(
        f'      <Representation id="{rung.height}p" bandwidth="{rung.bits_per_second}"'
        f' width="{rung.width}" height="{rung.height}" codecs="{rung.codecs}">\n'
        f'        <SegmentTemplate timescale="{MS}" duration="{length.segment_ms}"'
        f' startNumber="0" media="/segment/{rung.height}/$Number$'
        f'?bytes={rung.segment_bytes(length.segment_ms)}"/>\n'
        "      </Representation>\n"
        for rung in ladder
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' profiles="urn:mpeg:dash:profile:isoff-live:2011"'
        f' mediaPresentationDuration="{total}" minBufferTime="{duration}"'
        f' maxSegmentDuration="{duration}">\n'
        f'  <Period id="0" start="PT0S" duration="{total}">\n'
        '    <AdaptationSet contentType="video" mimeType="video/mp4" segmentAlignment="true"'
        ' startWithSAP="1">\n'
        f"{representations}"
        "    </AdaptationSet>\n  </Period>\n</MPD>\n"
    )


def _master(ladder: tuple[Rung, ...], length: Length) -> str:
    """RFC 8216, 4.3.4.2."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:3"]
    for rung in ladder:
        attributes = (
            f"BANDWIDTH={rung.bits_per_second}",
            f"AVERAGE-BANDWIDTH={rung.bits_per_second}",
            f"RESOLUTION={rung.width}x{rung.height}",
            f'CODECS="{rung.codecs}"',
        )
        lines.append(f"#EXT-X-STREAM-INF:{','.join(attributes)}")
        lines.append(f"{rung.height}/media.m3u8?{length.query}")
    return "\n".join(lines) + "\n"


def _media(rung: Rung, length: Length) -> str:
    """RFC 8216, 4.3.3."""
    lines = [
        *("#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-PLAYLIST-TYPE:VOD"),
        *(f"#EXT-X-TARGETDURATION:{-(-length.segment_ms // MS)}", "#EXT-X-MEDIA-SEQUENCE:0"),
    ]
    size = rung.segment_bytes(length.segment_ms)
    for index in range(length.segments):
        lines += [
            f"#EXTINF:{length.segment_ms // MS}.{length.segment_ms % MS:03},",
            f"/segment/{rung.height}/{index}?bytes={size}",
        ]
    return "\n".join([*lines, "#EXT-X-ENDLIST"]) + "\n"
