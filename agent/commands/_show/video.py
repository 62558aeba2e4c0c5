"""A video session."""

from collections import Counter
from collections.abc import Iterator

from agent.commands._page import Page
from agent.commands._show._common import chart, of_cut, of_data, of_network, of_proof, of_server
from agent.words import Words
from wire.kinds.video import Payload, Segment
from wire.messages import AnyMeasurement

TARGETS = {1080: 5e6, 2160: 25e6}
"""Download rate in bits a second that a session of this height is to prove: targets T5 and T6."""

SHOWN = frozenset(
    {
        "height",
        "server",
        "media_s",
        "payload_bytes",
        "outstanding_s",
        "bits_per_second",
        "access_s",
        "stalls",
        "stall_total_s",
        "stall_longest_s",
        "played_s",
        "cut_off",
        "segments",
        "interface",
        "interface_rx_bytes",
        "radio",
        "host",
        "server_check",
    }
)


def page(record: AnyMeasurement, payload: Payload, words: Words) -> Page:
    """What a viewer would have got."""
    return Page(
        headline=words("video", height=payload.height, rate=words.rate(payload.bits_per_second)),
        lines=tuple(_lines(record, payload, words)),
    )


def figure(record: AnyMeasurement) -> float | None:
    """The download rate in bits a second."""
    return None if record.payload is None else record.payload.bits_per_second


def said(figure: float | None, words: Words) -> str:
    """In Mbit/s."""
    return words.rate(figure)


def _lines(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    yield (
        words("label.rate"),
        words(
            "video_rate",
            rate=words.rate(payload.bits_per_second),
            outstanding=words.number(payload.outstanding_s, "s", decimals=1),
        ),
    )
    target = TARGETS.get(payload.height)
    if target is not None:
        rate = payload.bits_per_second
        reached = None if rate is None else rate >= target
        yield (
            words("label.target"),
            words("reaches", target=words.rate(target), yes=words.yes(reached)),
        )
    yield words("label.access"), _access(payload, words)
    yield (
        words("label.stalls"),
        words(
            "stalls",
            stalls=words.text(payload.stalls),
            total=words.number(payload.stall_total_s, "s", decimals=1),
            longest=words.number(payload.stall_longest_s, "s", decimals=1),
        ),
    )
    yield (
        words("label.played"),
        words(
            "played",
            played=words.number(payload.played_s, "s", decimals=1),
            media=words.number(payload.media_s, "s"),
        ),
    )
    if payload.segments:
        yield words("label.heights"), _heights(payload, words)
        yield words("label.segments"), chart([_rate(each) for each in payload.segments])
    if payload.cut_off:
        yield from of_cut(record, words)
    yield from of_network(payload.radio, words)
    yield from of_data(
        payload.payload_bytes,
        words,
        counted_bytes=payload.interface_rx_bytes,
        interface=payload.interface,
    )
    yield from of_server(payload.server, payload.server_check, words)
    yield from of_proof(
        record,
        words,
        interface=payload.interface,
        counted_bytes=payload.interface_rx_bytes,
        host=payload.host,
    )


def _access(payload: Payload, words: Words) -> str:
    if payload.access_s is None:
        return words("never_played" if payload.played_s is not None else "unknown")
    return words("access", access=words.number(payload.access_s, "s", decimals=1))


def _heights(payload: Payload, words: Words) -> str:
    """Share of the media that arrived in each height, and how many segments are whole."""
    media: Counter[int] = Counter()
    for segment in payload.segments:
        if segment.complete:
            media[segment.height] += round(1000 * segment.media_s)
    total = media.total()
    shares = [
        words("height", height=height, share=words.share(part / total))
        for height, part in sorted(media.items(), reverse=True)
    ]
    whole = sum(segment.complete for segment in payload.segments)
    return "; ".join([*shares, words("segments", whole=whole, all=len(payload.segments))])


def _rate(segment: Segment) -> float | None:
    return 8 * segment.payload_bytes / segment.outstanding_s if segment.outstanding_s > 0 else None
