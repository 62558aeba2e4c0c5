"""A latency and data check."""

from collections.abc import Iterator

from agent.commands._page import Page
from agent.commands._show._common import chart, of_network, of_proof, of_server
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
        headline=words("latency", median=_ms(payload.median_ms, words)),
        lines=tuple(_lines(record, payload, words)),
    )


def figure(record: AnyMeasurement) -> float | None:
    """The median in milliseconds."""
    return None if record.payload is None else record.payload.median_ms


def said(figure: float | None, words: Words) -> str:
    """In milliseconds."""
    return _ms(figure, words)


def _lines(record: AnyMeasurement, payload: Payload, words: Words) -> Iterator[tuple[str, str]]:
    yield words("label.method"), f"{payload.method}  {chart(payload.rtt_ms)}".rstrip()
    yield words("label.loss"), _loss(payload, words)
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
    yield words("label.first"), words("first", first=_ms(payload.first_rtt_ms, words))
    yield words("label.check"), _check(payload, words)
    yield from of_network(payload.radio, words)
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
    if not payload.lost:
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
