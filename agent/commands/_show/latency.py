"""A latency and data check."""

from collections.abc import Iterator

from agent.commands._page import Page
from agent.commands._show._common import chart, counts, of_network, of_proof, of_server, was_stopped
from agent.words import Words
from wire.kinds.latency import Payload
from wire.messages import AnyMeasurement

SHOWN = frozenset(
    {
        "server",
        "address",
        "address_family",
        "dns_ms",
        "dns_server",
        "lost",
        "loss_share",
        "interface",
        "method",
        "sent",
        "received",
        "first_rtt_ms",
        "rtt_ms",
        "median_ms",
        "jitter_ms",
        "data_bytes",
        "data_s",
        "data_ok",
        "radio",
        "host",
        "server_check",
    }
)


def page(record: AnyMeasurement, payload: Payload, words: Words) -> Page:
    """Is this a service, not only a level."""
    return Page(
        headline=_headline(record, payload, words),
        lines=tuple(_lines(record, payload, words)),
    )


def figure(record: AnyMeasurement) -> float | None:
    """The median in milliseconds."""
    return None if record.payload is None else record.payload.median_ms


def said(figure: float | None, words: Words) -> str:
    """In milliseconds."""
    return _ms(figure, words)


def _headline(record: AnyMeasurement, payload: Payload, words: Words) -> str:
    """The median where it is the network's; else that it does not count, or that there is none."""
    median = words("latency", median=_ms(payload.median_ms, words))
    if was_stopped(record):
        if payload.median_ms is None:
            return words("stopped_before")
        return words("stopped_trips", trips=payload.sent, so_far=median)
    if not counts(record):
        none = payload.median_ms is None
        return words("no_figure") if none else words("not_counted", figure=median)
    if payload.received == 0 and record.reason is not None:
        return words("no_answer" if payload.sent else "no_figure")
    return median


def _lines(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    yield words("label.method"), f"{payload.method}  {chart(payload.rtt_ms)}".rstrip()
    if counts(record) and payload.sent:
        yield words("label.loss"), _loss(payload, words)
    if counts(record) and (payload.received or record.reason is None):
        yield words("label.jitter"), _ms(payload.jitter_ms, words)
    if payload.dns_ms is not None:
        yield (
            words("label.name"),
            words(
                "name",
                time=_ms(payload.dns_ms, words),
                server=payload.dns_server or words("own_resolver"),
            ),
        )
    if payload.first_rtt_ms is not None:
        yield words("label.first"), words("first", first=_ms(payload.first_rtt_ms, words))
    if counts(record) and (payload.received or record.reason is None):
        yield words("label.check"), _check(payload, words)
    yield from of_network(payload.radio, words, lock=record.rat_lock)
    address = None if payload.address == payload.server else payload.address
    known = [each for each in (address, payload.address_family) if each is not None]
    yield from of_server(
        payload.server, payload.server_check, words, address=", ".join(known) or None
    )
    yield from of_proof(
        record, words, interface=payload.interface, counted_bytes=None, host=payload.host
    )


def _loss(payload: Payload, words: Words) -> str:
    """How many, and which: 0 is the first, which also wakes the radio."""
    lost = payload.sent - payload.received
    share = payload.loss_share
    if share is None and payload.sent:
        share = lost / payload.sent
    text = words("loss", lost=lost, sent=payload.sent, share=words.share(share))
    if not payload.lost or len(payload.lost) == payload.sent:
        return text
    return f"{text}: " + words("lost", which=" ".join(map(str, payload.lost)))


def _check(payload: Payload, words: Words) -> str:
    if payload.data_ok is None:
        return words("check_none")
    return words(
        "check_ok" if payload.data_ok else "check_failed",
        size=words.data(payload.data_bytes),
        time=words.number(payload.data_s, "s", decimals=1),
    )


def _ms(value: float | None, words: Words) -> str:
    return words.number(value, "ms", decimals=1)
