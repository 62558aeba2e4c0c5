"""What looks at the computer say together about one test. No I/O."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from agent.config import Host
from wire.evidence import HostLoad

UNDER_VOLTAGE = 1 << 0
THROTTLED = 1 << 2
LIMITED_BITS = UNDER_VOLTAGE | THROTTLED
NOW_BITS = 0xF
SINCE_BOOT_SHIFT = 16
"""Bits 16 to 19 say of 0 to 3 that it was so at any time since the boot."""
SHORTEST_SPAN_S = 0.25
"""The kernel counts in 10 ms: shares over less are noise."""
USB2_MBIT_S = 480
USB_PAYLOAD_SHARE = 0.625
"""USB 2.0 is taken to carry 300 of its 480 Mbit/s: bulk transfers fit 13 packets of 512 bytes into
a microframe at best (USB 2.0, 5.8.4: 426 Mbit/s), less what host and device need between them."""
NEAR_SHARE = 0.9
"""A rate within 10 % of what the bus can carry is the bus's, not the network's."""
SOFTIRQ, IDLE, IOWAIT = 6, 3, 4
FIELDS = 8
"""user nice system idle iowait irq softirq steal (proc(5)); guests are in user already."""


class Core(NamedTuple):
    """One core's ticks since the boot."""

    busy: int
    softirq: int
    total: int


class Look(NamedTuple):
    """The computer at one instant. None where it does not say."""

    mono_s: float
    cores: tuple[Core, ...] = ()
    memory_available_bytes: int | None = None
    temperature_c: float | None = None
    throttled: int | None = None


class Span(NamedTuple):
    """Shares of each core between two looks."""

    busy: tuple[float, ...]
    softirq: tuple[float, ...]


def parse_stat(text: str) -> tuple[Core, ...]:
    """The cores of /proc/stat, in order; lines that are strange are left out."""
    cores: list[Core] = []
    for line in text.splitlines():
        name, _, rest = line.partition(" ")
        if not name.startswith("cpu") or not name[3:].isdigit():
            continue
        words = rest.split()[:FIELDS]
        if len(words) < FIELDS or not all(word.isdigit() for word in words):
            continue
        ticks = [int(word) for word in words]
        total = sum(ticks)
        cores.append(Core(total - ticks[IDLE] - ticks[IOWAIT], ticks[SOFTIRQ], total))
    return tuple(cores)


def parse_memory(text: str) -> int | None:
    """MemAvailable of /proc/meminfo in bytes."""
    for line in text.splitlines():
        name, _, rest = line.partition(":")
        if name == "MemAvailable":
            words = rest.split()
            return int(words[0]) * 1024 if words and words[0].isdigit() else None
    return None


def summarise(looks: Sequence[Look], usb_mbit_s: int | None) -> HostLoad:
    """What the looks say together; those at the start and the end are the first and the last."""
    spans = _spans(looks)
    memory = [
        look.memory_available_bytes for look in looks if look.memory_available_bytes is not None
    ]
    temperatures = [look.temperature_c for look in looks if look.temperature_c is not None]
    return HostLoad(
        samples=len(looks),
        busiest_core_share=_mean([max(span.busy) for span in spans]),
        softirq_share=_mean([max(span.softirq) for span in spans]),
        core_shares=_per_core(looks),
        memory_available_bytes=min(memory) if memory else None,
        temperature_c=max(temperatures) if temperatures else None,
        throttled=_throttled(looks),
        usb_mbit_s=usb_mbit_s,
    )


def limited_by(load: HostLoad, limits: Host, bits_per_second: float | None) -> str | None:
    """Why a test's number is the computer's; None when nothing says so."""
    share, memory, throttled = load.busiest_core_share, load.memory_available_bytes, load.throttled
    if share is not None and share > limits.max_core_share:
        return f"a core was {100 * share:.0f} % busy"
    if throttled is not None and throttled & LIMITED_BITS:
        return "under-voltage" if throttled & UNDER_VOLTAGE else "the processor was throttled"
    if memory is not None and memory < limits.min_memory_mb * 1e6:
        return f"only {memory / 1e6:.0f} MB of memory were left"
    usb = load.usb_mbit_s
    if usb is not None and usb <= USB2_MBIT_S and bits_per_second is not None:
        most_mbit_s = USB_PAYLOAD_SHARE * usb
        if bits_per_second / 1e6 >= NEAR_SHARE * most_mbit_s:
            return f"USB at {usb} Mbit/s carries about {most_mbit_s:.0f}"
    return None


def unfit(look: Look, limits: Host) -> str | None:
    """Why no test should begin now; None when one may."""
    if look.temperature_c is not None and look.temperature_c > limits.max_temperature_c:
        return f"temperature: {look.temperature_c:.0f} C"
    if look.throttled is not None and look.throttled & UNDER_VOLTAGE:
        return "under-voltage"
    return None


def with_verdict(load: HostLoad, limits: Host, bits_per_second: float | None) -> HostLoad:
    """The same with what limits it."""
    return msgspec.structs.replace(load, limited_by=limited_by(load, limits, bits_per_second))


def _spans(looks: Sequence[Look]) -> list[Span]:
    """Between one look and the next, but for moments too short to count in."""
    spans: list[Span] = []
    last: Look | None = None
    for look in looks:
        if last is None or not last.cores:
            last = look
        elif look.mono_s - last.mono_s >= SHORTEST_SPAN_S and len(look.cores) == len(last.cores):
            spans.append(_span(last, look))
            last = look
    return spans


def _span(before: Look, after: Look) -> Span:
    pairs = list(zip(before.cores, after.cores, strict=True))
    return Span(
        busy=tuple(_share(new.busy - old.busy, new.total - old.total) for old, new in pairs),
        softirq=tuple(
            _share(new.softirq - old.softirq, new.total - old.total) for old, new in pairs
        ),
    )


def _per_core(looks: Sequence[Look]) -> tuple[float, ...]:
    counted = [look for look in looks if look.cores]
    if len(counted) < 2 or len(counted[0].cores) != len(counted[-1].cores):  # noqa: PLR2004  # a first and a last
        return ()
    if counted[-1].mono_s - counted[0].mono_s < SHORTEST_SPAN_S:
        return ()
    return _span(counted[0], counted[-1]).busy


def _share(part: int, whole: int) -> float:
    return round(min(1.0, max(0.0, part / whole)), 4) if whole > 0 else 0.0


def _mean(shares: Sequence[float]) -> float | None:
    return round(statistics.fmean(shares), 4) if shares else None


def _throttled(looks: Sequence[Look]) -> int | None:
    """All bits or-ed; what came up between two looks only shows in the bits since the boot."""
    bits = [look.throttled for look in looks if look.throttled is not None]
    if not bits:
        return None
    together = 0
    for each in bits:
        together |= each
    new = (together & ~bits[0]) >> SINCE_BOOT_SHIFT & NOW_BITS
    return together | new
