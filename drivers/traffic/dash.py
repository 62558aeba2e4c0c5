"""DASH manifests (ISO/IEC 23009-1) as a ladder; the only import of mpegdash. No I/O.

The first period with video counts. Sound is left out. Segments come from SegmentTemplate
(`$Number$`, `$Time$`, SegmentTimeline) or SegmentList; one file with an index is refused.
"""

import math
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
from mpegdash.parser import MPEGDASHParser

from drivers.traffic.manifest import (
    MAX_DIGITS,
    MAX_PIECES,
    MAX_REPRESENTATIONS,
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
    short,
)

MAX_TAGS = 20_000
"""The document is held in memory with about a kilobyte for each."""
MAX_ATTRIBUTES = 60_000
MAX_DURATION_S = 7 * 86_400.0
MAX_NUMBER = 1 << 63
_FORBIDDEN = re.compile(r"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,4})D)?"
    r"(?:T(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,8})M)?(?:(?P<seconds>\d{1,9}(?:\.\d{1,12})?)S)?)?"
)
_IDENTIFIER = re.compile(r"\$(?:(RepresentationID|Number|Time|Bandwidth)(?:%0(\d{1,2})d)?)?\$")


def read_dash(content: bytes, site: Site) -> Ladder:
    """The ladder of a manifest found at `site`; raises `ManifestError`."""
    text = as_text(content)
    if "<MPD" not in text:  # the library would take the text for a file's name
        raise ManifestError("not a DASH manifest")
    if _FORBIDDEN.search(text):
        raise ManifestError("a DOCTYPE or ENTITY")
    if text.count("<") > MAX_TAGS or text.count("=") > MAX_ATTRIBUTES:
        raise ManifestError(f"more than {MAX_TAGS} tags or {MAX_ATTRIBUTES} attributes")
    try:
        found = MPEGDASHParser.parse(text)
    except Exception as error:
        raise ManifestError(f"not a DASH manifest ({type(error).__name__})") from error
    live = found.type == "dynamic"
    for number, period in enumerate(found.periods or ()):
        total_s = _seconds(period.duration)
        if total_s is None and number == len(found.periods) - 1:
            total_s = _seconds(found.media_presentation_duration)
        representations = list(_representations(found, period, total_s, site))
        if representations:
            return ladder("dash", representations, live=live)
    raise ManifestError("no video")


def _representations(
    manifest: Any, period: Any, total_s: float | None, site: Site
) -> Iterator[Representation]:
    made = pieces = 0
    for adaptation in period.adaptation_sets or ():
        for each in adaptation.representations or ():
            if not _is_video(adaptation, each):
                continue
            made += 1
            if made > MAX_REPRESENTATIONS:
                raise ManifestError(f"more than {MAX_REPRESENTATIONS} representations")
            head = representation(
                height=each.height or adaptation.height,
                width=each.width or adaptation.width,
                bits_per_second=each.bandwidth,
            )
            bases = tuple(
                level.base_urls[0].base_url_value or ""
                for level in (manifest, period, adaptation, each)
                if level.base_urls
            )
            levels = (each, adaptation, period)
            where = _Where(site, bases, each.id or "", head.bits_per_second)
            segments = tuple(_segments(levels, where, total_s))
            pieces += len(segments)
            if pieces > MAX_PIECES:
                raise ManifestError(f"more than {MAX_PIECES} segments in all")
            yield msgspec.structs.replace(head, segments=segments)


def _is_video(adaptation: Any, each: Any) -> bool:
    kind = adaptation.content_type or each.mime_type or adaptation.mime_type
    if kind is None:
        return bool(each.height or adaptation.height)
    return bool(kind == "video" or kind.startswith("video/"))


class _Where(NamedTuple):
    """What the pieces of one representation are found by."""

    site: Site
    bases: tuple[str, ...]
    identity: str
    bits_per_second: int

    def piece(self, reference: str | None, span: str | None = None) -> Piece:
        references = self.bases if reference is None else (*self.bases, reference)
        return Piece(resource=self.site.find(*references), byte_range=_range(span))

    def filled(self, template: str, *, number: int = 0, time: int = 0) -> Piece:
        """A SegmentTemplate's URL with its identifiers replaced (5.3.9.4.4)."""
        values = {
            "RepresentationID": self.identity,
            "Number": number,
            "Time": time,
            "Bandwidth": self.bits_per_second,
        }

        def value(match: re.Match[str]) -> str:
            name, digits = match.groups()
            if name is None:
                return "$"
            return str(values[name]).zfill(min(int(digits or 1), MAX_DIGITS))

        return self.piece(_IDENTIFIER.sub(value, template))


def _segments(
    levels: Sequence[Any], where: _Where, total_s: float | None
) -> Iterator[MediaSegment]:
    templates = [level.segment_templates[0] for level in levels if level.segment_templates]
    lists = [level.segment_lists[0] for level in levels if level.segment_lists]
    if templates:
        media = _first(templates, "media")
        if media is None:
            raise ManifestError("a SegmentTemplate without media")
        start = _first(templates, "initialization")
        init = None if start is None else where.filled(start)
        number = _number(_first(templates, "start_number"), 1)
        for offset, (time, seconds) in enumerate(_times(templates, total_s)):
            piece = where.filled(media, number=number + offset, time=time)
            yield MediaSegment(piece=piece, duration_s=seconds, init=init)
    elif lists:
        urls = _first(lists, "segment_urls") or ()
        starts = _first(lists, "initializations")
        init = None if not starts else where.piece(starts[0].source_url, starts[0].range)
        for url, (_, seconds) in zip(urls, _times(lists, total_s, count=len(urls)), strict=False):
            piece = where.piece(url.media, url.media_range)
            yield MediaSegment(piece=piece, duration_s=seconds, init=init)
    else:
        raise ManifestError("neither SegmentTemplate nor SegmentList")


def _times(
    levels: Sequence[Any], total_s: float | None, *, count: int | None = None
) -> Iterator[tuple[int, float]]:
    """Start in units of the time scale, and play time, of each segment."""
    scale = _number(_first(levels, "timescale"), 1)
    if scale == 0:
        raise ManifestError("a timescale of 0")
    timelines = _first(levels, "segment_timelines")
    if timelines:
        yield from _timeline(timelines[0].Ss or (), scale, total_s)
        return
    units = _number(_first(levels, "duration"), 0)
    if count is None:
        end = _first(levels, "end_number")
        if end is not None:
            count = end - _number(_first(levels, "start_number"), 1) + 1
        elif total_s is not None and units:
            # A manifest rounds its duration; what is left of a millisecond is no segment.
            count = math.ceil(total_s * scale / units - 1e-3 * scale / units)
        else:
            count = 0  # a live one says no end
    if not units and count != 1:
        if count:
            raise ManifestError("segments without a duration")
        return
    for index in range(segment_count(count)):
        start_s = index * units / scale
        whole_s = units / scale if units else total_s or 0.0
        last_s = whole_s if total_s is None else min(whole_s, total_s - start_s)
        yield index * units, duration_s(last_s)


def _timeline(
    steps: Sequence[Any], scale: int, total_s: float | None
) -> Iterator[tuple[int, float]]:
    at = made = 0
    for step, after in zip(steps, (*steps[1:], None), strict=True):
        at = _number(step.t, at)
        units = _number(step.d, 0)
        seconds = duration_s(units / scale)
        repeats = 0 if step.r is None else step.r
        if repeats < 0:  # until the next step, or the end
            if after is not None and after.t is not None:
                until: float = _number(after.t, 0)
            elif total_s is not None:
                until = total_s * scale
            else:
                raise ManifestError("a SegmentTimeline without an end")
            repeats = math.ceil((until - at) / units - 1e-3) - 1
        made = segment_count(made + max(repeats + 1, 0))
        for _ in range(repeats + 1):
            yield at, seconds
            at += units


def _first(levels: Sequence[Any], name: str) -> Any:
    """An attribute of the innermost level that has it (5.3.9.1)."""
    return next((value for level in levels if (value := getattr(level, name)) is not None), None)


def _number(given: int | None, otherwise: int) -> int:
    number = otherwise if given is None else given
    if not 0 <= number < MAX_NUMBER:
        raise ManifestError(f"a number of {short(number)}")
    return number


def _seconds(duration: str | None) -> float | None:
    """An xs:duration without years and months; None for none."""
    if duration is None:
        return None
    found = _DURATION.fullmatch(duration.strip())
    if found is None:
        raise ManifestError(f"not a duration: {duration[:40]!r}")
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    total_s = 86_400 * days + 3600 * hours + 60 * minutes + seconds
    if total_s > MAX_DURATION_S:
        raise ManifestError(f"a duration of {short(total_s)} s")
    return total_s


def _range(span: str | None) -> ByteRange | None:
    if span is None:
        return None
    first, dash, last = span.partition("-")
    if not (dash and first.isdecimal() and last.isdecimal() and len(span) <= 2 * MAX_DIGITS):
        raise ManifestError(f"not a byte range: {span[:40]!r}")
    return byte_range(int(first), int(last))
