"""What a streaming manifest offers, in our words, and the bounds that hold for every one. No I/O.

`dash` and `hls` read the two formats. A manifest is the far end's word and so may be anything:
its size, its counts and every number in it are bounded, and it can name no other server.
"""

import math
import string
import urllib.parse
from collections.abc import Sequence

import msgspec

MAX_BYTES = 1 << 20
MAX_REPRESENTATIONS = 64
MAX_SEGMENTS = 5000
"""Of one representation."""
MAX_DIGITS = 20
"""Of a number in a URL or a byte range: more than any file has bytes."""
MAX_PIECES = 12_000
"""Segments of all representations together: a short manifest can stand for very many."""
MAX_SEGMENT_S = 60.0
MAX_BITS_PER_SECOND = 1_000_000_000
MAX_PIXELS = 16384
"""Of a side of the picture."""
MAX_URL_CHARACTERS = 2048
MAX_BYTE = 1 << 40
HTTP_PORT = 80
_KEPT = string.punctuation.replace("#", "").replace('"', "").replace("<", "").replace(">", "")


class ManifestError(ValueError):
    """A manifest that cannot be played; the text says why in a few words."""


class ByteRange(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes of a resource, both ends included (RFC 9110, 14.1.2)."""

    first: int
    last: int

    @property
    def size(self) -> int:
        """How many bytes that is."""
        return self.last - self.first + 1


class Piece(msgspec.Struct, frozen=True, kw_only=True):
    """Something to download: a request target of the manifest's own server."""

    resource: str
    byte_range: ByteRange | None = None
    size_bytes: int | None = None
    """Exact size, where it is known without a byte range."""


class MediaSegment(msgspec.Struct, frozen=True, kw_only=True):
    """One segment of one representation."""

    piece: Piece
    duration_s: float
    init: Piece | None = None
    """What a decoder needs before it; the same for many segments."""


class Representation(msgspec.Struct, frozen=True, kw_only=True):
    """One quality of the same film."""

    height: int
    width: int | None = None
    bits_per_second: int
    """As declared: DASH `@bandwidth`, HLS `AVERAGE-BANDWIDTH` or else `BANDWIDTH`."""
    segments: tuple[MediaSegment, ...] = ()
    playlist: str | None = None
    """HLS: request target of the file that lists the segments, where they are not known yet."""


class Ladder(msgspec.Struct, frozen=True, kw_only=True):
    """Every video representation, lowest declared rate first."""

    protocol: str
    """`dash` or `hls`."""
    representations: tuple[Representation, ...]
    live: bool = False
    """More segments will follow."""


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """Where a manifest was found. What it names is found from here, on this server only."""

    host: str
    port: int
    resource: str
    """Request target of the manifest."""

    @property
    def url(self) -> str:
        """As an absolute URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{self.resource}"

    def at(self, reference: str) -> "Site":
        """The same server's other resource; raises `ManifestError` as `find` does."""
        return Site(host=self.host, port=self.port, resource=self.find(reference))

    def find(self, *references: str) -> str:
        """Request target of a URL reference (RFC 3986, 5.2), each resolved against the one before.

        Raises `ManifestError` for another host or port, another scheme than http, an absurd length.
        """
        url = self.url
        for reference in references:
            if len(reference) > MAX_URL_CHARACTERS:
                raise ManifestError(f"a URL of {len(reference)} characters")
            try:
                url = urllib.parse.urljoin(url, reference.strip())
            except ValueError as error:
                raise ManifestError(f"not a URL: {reference[:80]!r}") from error
        try:
            found = urllib.parse.urlsplit(url)
            scheme, host, port = found.scheme, found.hostname, found.port
        except ValueError as error:
            raise ManifestError(f"not a URL: {url[:80]!r}") from error
        if scheme != "http":
            raise ManifestError(f"foreign scheme: {scheme[:20]!r}")
        if host != self.host.lower() or (port or HTTP_PORT) != self.port:
            raise ManifestError(f"foreign host: {found.netloc[:80]!r}")
        target = urllib.parse.quote(found.path or "/", safe=_KEPT)
        if found.query:
            target += "?" + urllib.parse.quote(found.query, safe=_KEPT)
        if len(target) > MAX_URL_CHARACTERS:
            raise ManifestError(f"a URL of {len(target)} characters")
        return target


def as_text(content: bytes) -> str:
    """A manifest as text; raises `ManifestError` if it is too large or not UTF-8."""
    if len(content) > MAX_BYTES:
        raise ManifestError(f"more than {MAX_BYTES} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError("not UTF-8") from error


def representation(
    *, height: int | None, width: int | None, bits_per_second: int | None
) -> Representation:
    """One of sane numbers; raises `ManifestError`."""
    if height is None or not 0 < height <= MAX_PIXELS:
        raise ManifestError(f"a height of {short(height)}")
    if width is not None and not 0 < width <= MAX_PIXELS:
        raise ManifestError(f"a width of {short(width)}")
    if bits_per_second is None or not 0 < bits_per_second <= MAX_BITS_PER_SECOND:
        raise ManifestError(f"a rate of {short(bits_per_second)}")
    return Representation(height=height, width=width, bits_per_second=bits_per_second)


def duration_s(seconds: float) -> float:
    """A segment's play time; raises `ManifestError` for one that cannot be."""
    if not (math.isfinite(seconds) and 0 < seconds <= MAX_SEGMENT_S):
        raise ManifestError(f"a segment of {short(seconds)} s")
    return seconds


def byte_range(first: int, last: int) -> ByteRange:
    """Bytes from `first` to `last`; raises `ManifestError` for none or absurdly many."""
    if not 0 <= first <= last < MAX_BYTE:
        raise ManifestError(f"a byte range {short(first)}-{short(last)}")
    return ByteRange(first=first, last=last)


def ladder(protocol: str, found: Sequence[Representation], *, live: bool) -> Ladder:
    """Sorted by rate; raises `ManifestError` if there are none or too many."""
    if not found:
        raise ManifestError("no video")
    if len(found) > MAX_REPRESENTATIONS:
        raise ManifestError(f"more than {MAX_REPRESENTATIONS} representations")
    by_rate = sorted(found, key=lambda each: (each.bits_per_second, each.height))
    return Ladder(protocol=protocol, representations=tuple(by_rate), live=live)


def segment_count(count: int) -> int:
    """So many segments; raises `ManifestError` for too many."""
    if count > MAX_SEGMENTS:
        raise ManifestError(f"more than {MAX_SEGMENTS} segments")
    return count


def short(number: float | None) -> str:
    """A number of the far end's for a message: it may be very long."""
    if number is None:
        return "nothing"
    return f"{number:g}" if abs(number) < MAX_BYTE else "very many"
