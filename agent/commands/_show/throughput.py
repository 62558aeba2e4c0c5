"""A capacity test."""

from collections.abc import Iterator

from agent.commands._page import Page
from agent.commands._show._common import (
    as_rate,
    bits_per_second,
    chart,
    of_cut,
    of_data,
    of_network,
    of_proof,
    of_server,
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
        headline=words(
            "up" if payload.direction == "up" else "down", rate=words.rate(payload.bits_per_second)
        ),
        lines=tuple(_lines(record, payload, words)),
    )


figure, said = bits_per_second, as_rate


def _lines(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    yield (
        words("label.rate"),
        words(
            "capacity",
            protocol=payload.protocol.upper(),
            streams=payload.streams,
            window=words.number(payload.window_s, "s", decimals=1),
            warmup=words.number(payload.warmup_s, "s"),
        ),
    )
    if payload.intervals:
        yield words("label.course"), _course(payload, words)
    if payload.protocol == "udp":
        yield from _of_udp(payload, words)
    if payload.cut_off:
        yield from of_cut(record, words)
    if payload.early_stop:
        yield words("label.note"), _early(payload, words)
    up = payload.direction == "up"
    counted_bytes = payload.interface_tx_bytes if up else payload.interface_rx_bytes
    yield from of_network(payload.radio, words)
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
        why=words.text(None) if reason is None else words.named("early", reason),
        planned=words.number(payload.planned_window_s, "s", decimals=1),
    )


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
