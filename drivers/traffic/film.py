"""Where a session's segments come from: made up by the profile, or read from a manifest.

No I/O of its own: documents are fetched by what it is given.
"""

import math
from collections.abc import Callable

from drivers.traffic.dash import read_dash
from drivers.traffic.hls import read_hls, with_segments
from drivers.traffic.manifest import (
    MAX_BYTES,
    Ladder,
    ManifestError,
    MediaSegment,
    Piece,
    Representation,
    Site,
)
from drivers.traffic.profile import Adaptation, VideoProfile
from drivers.traffic.result import Server, TrafficError
from wire.messages import Outcome

MAX_DRIFT_S = 1.0
"""Representations are of one film: its segments start at about the same instants in each."""
ROUNDING = 0.99
"""A film this close to the planned play time is long enough: encoders round."""

Fetch = Callable[[str], bytes]
"""A whole document by its request target; raises `TrafficError`."""


class Film:
    """One session's representations, lowest declared rate first. Owned by one thread."""

    def __init__(self, profile: VideoProfile, server: Server) -> None:
        """Nothing is known before `open`."""
        self._profile = profile
        self._site = Site(
            host=server.host, port=server.http_port or 0, resource=profile.manifest or "/"
        )
        self._ladder: Ladder | None = None
        self._choices: list[int] = []
        self.manifest_bytes: int | None = None
        """Of all documents; None where there are none."""
        self.count = profile.segments or 0
        """Segments that the session plays; 0 while that is unknown."""

    @property
    def protocol(self) -> str:
        """`synthetic`, `dash` or `hls`."""
        if self._profile.manifest is None:
            return "synthetic"
        return "dash" if self._profile.is_dash else "hls"

    def open(self, fetch: Fetch) -> None:
        """Learn what there is to choose from; raises `ManifestError`, `TrafficError`."""
        profile = self._profile
        if profile.manifest is None:
            self._ladder = _synthetic(profile)
            self._choices = [0]
            return
        read = read_dash if profile.is_dash else read_hls
        self._ladder = read(self._document(profile.manifest, fetch), self._site)
        self._check_live()
        offered = self._ladder.representations
        if not any(each.height == profile.height for each in offered):
            raise ManifestError(f"no representation of height {profile.height}")
        if profile.adaptation is Adaptation.FIXED:
            self._choices = [n for n, each in enumerate(offered) if each.height == profile.height]
            self._choices = self._choices[-1:]
        else:
            most = profile.max_height or profile.height
            self._choices = [n for n, each in enumerate(offered) if each.height <= most]

    @property
    def rungs(self) -> list[int]:
        """Declared rate of each representation that may be chosen."""
        offered = self._opened.representations
        return [offered[choice].bits_per_second for choice in self._choices]

    def representation(self, rung: int, fetch: Fetch) -> Representation:
        """One of them with its segments; raises `ManifestError`, `TrafficError`."""
        choice = self._choices[rung]
        found = self._opened.representations[choice]
        if found.playlist is not None:
            content = self._document(found.playlist, fetch)
            site = self._site.at(found.playlist)
            self._ladder = with_segments(self._opened, found, content, site)
            self._check_live()
            found = self._opened.representations[choice]
        if not self.count:
            self.count = self._count(found)
        return found

    def segment(self, representation: Representation, index: int, *, at_s: float) -> MediaSegment:
        """The segment that continues a session at an instant of the film."""
        segments = representation.segments
        starts_s = sum(each.duration_s for each in segments[:index])
        if index >= len(segments) or abs(starts_s - at_s) > MAX_DRIFT_S:
            raise ManifestError("segments of its representations do not match")
        return segments[index]

    def is_over(self, arrived_s: float) -> bool:
        """Whether the planned play time has arrived."""
        return arrived_s >= ROUNDING * self._profile.media_s

    def check_size(self, size_bytes: int) -> None:
        """Raise `TrafficError` for a document too large to be a manifest."""
        if size_bytes > MAX_BYTES:
            happened = f"manifest: more than {MAX_BYTES} bytes"
            raise TrafficError("server", happened, outcome=Outcome.INVALID)

    @property
    def _opened(self) -> Ladder:
        assert self._ladder is not None  # noqa: S101 - the session opens it first
        return self._ladder

    def _document(self, resource: str, fetch: Fetch) -> bytes:
        content = fetch(resource)
        self.manifest_bytes = (self.manifest_bytes or 0) + len(content)
        return content

    def _check_live(self) -> None:
        if self._opened.live:
            raise ManifestError("live, so it has no planned play time")

    def _count(self, representation: Representation) -> int:
        """How many segments the planned play time takes; raises `ManifestError` if it is short."""
        total_s = 0.0
        for number, segment in enumerate(representation.segments, start=1):
            total_s += segment.duration_s
            if self.is_over(total_s):
                return number
        raise ManifestError(f"{total_s:g} s of film, planned are {self._profile.media_s:g} s")


def _synthetic(profile: VideoProfile) -> Ladder:
    """Equal segments of exact size, which the measurement server makes up."""
    size_bytes, media_s = profile.segment_bytes, profile.segment_s or 0.0
    segments = [
        MediaSegment(
            piece=Piece(
                resource=f"/segment/{profile.height}/{index}?bytes={size_bytes}",
                size_bytes=size_bytes,
            ),
            duration_s=media_s,
        )
        for index in range(profile.segments or 0)
    ]
    only = Representation(
        height=profile.height,
        bits_per_second=math.ceil(profile.media_bits_per_second or 0),
        segments=tuple(segments),
    )
    return Ladder(protocol="synthetic", representations=(only,))
