"""A video session."""

from collections import Counter
from collections.abc import Iterator

from agent.commands._page import Page
from agent.commands._show._common import (
    as_rate,
    bits_per_second,
    chart,
    counts,
    of_cut,
    of_data,
    of_network,
    of_proof,
    of_server,
    was_stopped,
)
from agent.words import Words
from wire.kinds.video import Payload, Segment
from wire.messages import AnyMeasurement, Outcome

TARGETS = {1080: 5e6, 2160: 25e6}
"""Download rate in bits a second that a session of this height is to prove: targets T5 and T6."""
PACED = "paced"

SHOWN = frozenset(
    {
        "height",
        "server",
        "protocol",
        "adaptation",
        "answer",
        "answer_error_share",
        "paced_bits_per_second",
        "manifest_bytes",
        "ip_access_s",
        "stall_share",
        "played_bits_per_second",
        "played_height",
        "share_1080",
        "share_2160",
        "switches",
        "early_stop",
        "data_capped",
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
        headline=_headline(record, payload, words),
        lines=tuple(_lines(record, payload, words)),
    )


def figure(record: AnyMeasurement) -> float | None:
    """The rate; a paced attempt has none, as it reads no faster than it must."""
    paced = record.payload is not None and record.payload.protocol == PACED
    return None if paced else bits_per_second(record)


said = as_rate


def _headline(record: AnyMeasurement, payload: Payload, words: Words) -> str:
    """The rate, or the answer of a paced attempt; that neither counts, or that there is none."""
    if not counts(record):
        video = words("video", height=payload.height, rate=words.rate(payload.bits_per_second))
        came = bool(payload.payload_bytes) and payload.bits_per_second is not None
        if was_stopped(record):
            if not came:
                return words("stopped_before")
            lasted_s = max((_end_s(each) for each in payload.segments), default=None)
            time = words.number(lasted_s, "s", decimals=1)
            return words("stopped_after", time=time, so_far=video)
        return words("not_counted", figure=video) if came else words("no_figure")
    if payload.protocol == PACED:
        target = TARGETS.get(payload.height)
        return words(
            "paced_answer",
            target=words("target") if target is None else words.number(target / 1e6, "Mbit/s"),
            yes=words.yes(payload.answer),
            most=words.rate(payload.paced_bits_per_second),
        )
    if payload.bits_per_second is None and record.reason is not None:
        return words("no_figure")
    return words("video", height=payload.height, rate=words.rate(payload.bits_per_second))


def _end_s(segment: Segment) -> float:
    return segment.requested_s + segment.outstanding_s


def _lines(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    parts = [words.named("protocol", payload.protocol)]
    if payload.adaptation is not None:
        parts.append(words.named("adaptation", payload.adaptation))
    yield words("label.method"), ", ".join(parts)
    if payload.payload_bytes:
        yield words("label.rate"), _outstanding(payload, words)
    if counts(record):
        yield from _of_answer(record, payload, words)
    if payload.segments and payload.payload_bytes and payload.protocol != PACED:
        yield words("label.heights"), _heights(payload, words)
        yield words("label.segments"), chart([_rate(each) for each in payload.segments])
    if payload.cut_off and not was_stopped(record):
        yield from of_cut(record, words)
    if payload.early_stop:
        yield words("label.note"), words("early_no")
    if payload.data_capped:
        yield words("label.note"), words("data_capped")
    yield from of_network(payload.radio, words, lock=record.rat_lock)
    yield from of_data(
        _all_bytes(payload),
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
        carried_bytes=_all_bytes(payload) or 0,
    )


def _outstanding(payload: Payload, words: Words) -> str:
    text = words(
        "video_rate",
        rate=words.rate(payload.bits_per_second),
        outstanding=words.number(payload.outstanding_s, "s", decimals=1),
    )
    if payload.protocol != PACED or payload.ip_access_s is None:
        return text
    first = words("first_byte", first=words.number(payload.ip_access_s, "s", decimals=1))
    return f"{text}; {first}"


def _of_answer(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    """Whether the target was reached, and what a viewer would have seen."""
    if payload.protocol == PACED:
        if payload.answer is False and payload.answer_error_share is not None:
            share = words.share(payload.answer_error_share)
            yield words("label.error"), words("answer_error", share=share)
        if not payload.payload_bytes and record.outcome is Outcome.FAILED:
            yield words("label.note"), words("never_came")
        return
    target, rate = TARGETS.get(payload.height), payload.bits_per_second
    if target is not None and rate is not None:
        reached = words.yes(rate >= target)
        yield words("label.target"), words("reaches", target=words.rate(target), yes=reached)
    yield words("label.access"), _access(record, payload, words)
    if payload.played_s is not None or payload.stalls is not None:
        yield from _of_playing(payload, words)


def _of_playing(payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    frozen = ""
    if payload.stall_share is not None:
        frozen = words("stall_share", share=words.share(payload.stall_share, decimals=1))
    yield (
        words("label.stalls"),
        words(
            "stalls",
            stalls=words.text(payload.stalls),
            total=words.number(payload.stall_total_s, "s", decimals=1),
            longest=words.number(payload.stall_longest_s, "s", decimals=1),
        )
        + frozen,
    )
    played = words(
        "played",
        played=words.number(payload.played_s, "s", decimals=1),
        media=words.number(payload.media_s, "s"),
    )
    parts = [played]
    if payload.played_bits_per_second is not None:
        parts.append(words("played_rate", rate=words.rate(payload.played_bits_per_second)))
    if payload.played_height is not None:
        parts.append(words("played_height", height=words.number(payload.played_height)))
    for height, share in ((1080, payload.share_1080), (2160, payload.share_2160)):
        if share is not None:
            parts.append(words("height_or_more", height=height, share=words.share(share)))
    if payload.switches is not None:
        parts.append(words("switches", switches=payload.switches))
    yield words("label.played"), "; ".join(parts)


def _access(record: AnyMeasurement, payload: Payload, words: Words) -> str:
    """When media came and when it played; that it never did is the network's where it failed."""
    failed = record.outcome in {Outcome.FAILED, Outcome.SLOW}
    if payload.ip_access_s is None:
        first = words("never_came") if failed and payload.access_s is None else None
    else:
        first = words("first_byte", first=words.number(payload.ip_access_s, "s", decimals=1))
    if payload.access_s is not None:
        plays = words("access", access=words.number(payload.access_s, "s", decimals=1))
    else:
        plays = words("never_played" if failed or payload.played_s is not None else "unknown")
    return plays if first is None else f"{first}; {plays}"


def _all_bytes(payload: Payload) -> int | None:
    if payload.payload_bytes is None:
        return payload.manifest_bytes
    return payload.payload_bytes + (payload.manifest_bytes or 0)


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
