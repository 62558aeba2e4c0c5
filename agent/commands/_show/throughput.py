"""A capacity test."""

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
from wire.kinds.throughput import Payload
from wire.messages import AnyMeasurement

SHOWN = frozenset(
    {
        "direction",
        "protocol",
        "streams",
        "warmup_s",
        "window_s",
        "planned_window_s",
        "payload_bytes",
        "bits_per_second",
        "intervals",
        "retransmits",
        "cut_off",
        "early_stop",
        "early_stop_reason",
        "udp_bits_per_second",
        "udp_payload_bytes",
        "udp_packets",
        "udp_lost_packets",
        "udp_out_of_order_packets",
        "udp_loss_share",
        "jitter_ms",
        "server_received_bytes",
        "interface",
        "interface_rx_bytes",
        "interface_tx_bytes",
        "total_payload_bytes",
        "server",
        "radio",
        "host",
        "server_check",
    }
)


def page(record: AnyMeasurement, payload: Payload, words: Words) -> Page:
    """The rate, its course, and what it is worth."""
    return Page(
        headline=_headline(record, payload, words),
        lines=tuple(_lines(record, payload, words)),
    )


figure, said = bits_per_second, as_rate


def _headline(record: AnyMeasurement, payload: Payload, words: Words) -> str:
    """The rate where it is the network's; else that it does not count, or that there is none."""
    direction = "up" if payload.direction == "up" else "down"
    if was_stopped(record) and payload.intervals:
        return words(
            "stopped_after",
            time=words.number(_ran_s(payload), "s", decimals=1),
            so_far=words(direction, rate=words.rate(_until_then(payload))),
        )
    if was_stopped(record):
        return words("stopped_before")
    if payload.bits_per_second is None and (record.reason is not None or not counts(record)):
        return words("no_figure")
    rate = words(direction, rate=words.rate(payload.bits_per_second))
    return rate if counts(record) else words("not_counted", figure=rate)


def _ran_s(payload: Payload) -> float:
    return sum(each.duration_s for each in payload.intervals)


def _until_then(payload: Payload) -> float | None:
    """The mean of what was seen, without the warm-up where there is anything else."""
    seen = [each for each in payload.intervals if not each.warmup] or payload.intervals
    duration_s = sum(each.duration_s for each in seen)
    seen_bytes = sum(each.payload_bytes for each in seen)
    return 8 * seen_bytes / duration_s if duration_s > 0 else None


def _lines(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    ran = payload.intervals or payload.bits_per_second is not None
    yield words("label.rate" if ran else "label.method"), _capacity(record, payload, words)
    if payload.intervals:
        yield words("label.course"), _course(payload, words)
    if payload.protocol == "udp":
        yield from _of_udp(payload, words)
    if payload.retransmits is not None:
        yield words("label.resent"), words("resent", segments=payload.retransmits)
    if payload.cut_off and not was_stopped(record):
        yield from of_cut(record, words)
    if payload.early_stop:
        yield words("label.note"), _early(payload, words)
    up = payload.direction == "up"
    counted_bytes = payload.interface_tx_bytes if up else payload.interface_rx_bytes
    yield from of_network(payload.radio, words, lock=record.rat_lock)
    yield from of_data(
        payload.total_payload_bytes,
        words,
        counted_bytes=counted_bytes,
        interface=payload.interface,
    )
    if payload.server_received_bytes is not None:
        yield (
            words("label.received"),
            words("received", received=words.data(payload.server_received_bytes)),
        )
    yield from of_server(payload.server, payload.server_check, words)
    yield from of_proof(
        record,
        words,
        interface=payload.interface,
        counted_bytes=counted_bytes,
        host=payload.host,
        carried_bytes=payload.total_payload_bytes or 0,
    )


def _capacity(record: AnyMeasurement, payload: Payload, words: Words) -> str:
    """How it was measured, and for how long: one that never ran has no window."""
    how = words("streams", protocol=payload.protocol.upper(), streams=payload.streams)
    if payload.intervals and was_stopped(record):
        planned_s = payload.warmup_s + (payload.planned_window_s or payload.window_s)
        ran = words.number(_ran_s(payload), "s", decimals=1)
        return f"{how}, " + words("ran", ran=ran, planned=words.number(planned_s, "s"))
    if payload.bits_per_second is None and not payload.intervals:
        return f"{how}, {words('never_ran')}"
    return f"{how}, " + words(
        "window",
        window=words.number(payload.window_s, "s", decimals=1),
        warmup=words.number(payload.warmup_s, "s"),
    )


def _of_udp(payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    yield (
        words("label.sent"),
        words(
            "udp_sent",
            rate=words.rate(payload.udp_bits_per_second),
            size=words.number(payload.udp_payload_bytes, "B"),
        ),
    )
    if payload.udp_packets is None:
        return
    yield (
        words("label.loss"),
        words(
            "udp_loss",
            lost=words.text(payload.udp_lost_packets),
            sent=words.text(payload.udp_packets),
            share=words.share(payload.udp_loss_share, decimals=2),
            late=words.text(payload.udp_out_of_order_packets),
        ),
    )
    yield words("label.jitter"), words.number(payload.jitter_ms, "ms", decimals=1)


def _early(payload: Payload, words: Words) -> str:
    reason = payload.early_stop_reason
    return words(
        "early_stop",
        why=words.text(None) if reason is None else _named_early(reason, words),
        planned=words.number(payload.planned_window_s, "s", decimals=1),
    )


def _named_early(reason: str, words: Words) -> str:
    """In the language, with the rate that may stand behind."""
    for beginning in ("at least", "below"):
        if reason.startswith(f"{beginning} "):
            return words.named("early", beginning) + reason.removeprefix(beginning)
    return words.named("early", reason)


def _course(payload: Payload, words: Words) -> str:
    rates = [
        8 * each.payload_bytes / each.duration_s if each.duration_s > 0 else None
        for each in payload.intervals
    ]
    known = [rate for rate in rates if rate is not None]
    return words(
        "course",
        chart=chart(rates),
        least=words.rate(min(known, default=None)),
        most=words.rate(max(known, default=None)),
        warmup=sum(each.warmup for each in payload.intervals),
    )
