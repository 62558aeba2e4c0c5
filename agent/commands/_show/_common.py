"""Lines that records of several kinds share."""

from collections.abc import Iterator, Sequence

from agent.words import Words
from wire.cells import RatClass, TestRadio
from wire.evidence import HostLoad, ServerCheck
from wire.messages import AnyMeasurement, Outcome, PositionSource, RatLock, RatMode

Lines = Iterator[tuple[str, str]]
BARS = "▁▂▃▄▅▆▇█"
WHOLE = 0.995
"""Shares are shown in whole percent."""
WRONG_PATH = "probe: wrong path"
HOST = "host:"
STOPPED = ("cancelled by", "probe: cancelled", "the agent stops")
"""Beginnings of the reasons of a test that somebody ended."""
OF_NETWORK = frozenset({Outcome.OK, Outcome.SLOW, Outcome.FAILED, Outcome.NO_SERVICE})
LEAST_NCI = 1 << 28
"""An E-UTRAN cell identity has 28 bits, an NR one 36 (TS 36.331 and 38.331, CellIdentity)."""


def counts(record: AnyMeasurement) -> bool:
    """Whether the record says something of the network."""
    return record.outcome in OF_NETWORK


def was_stopped(record: AnyMeasurement) -> bool:
    """Whether somebody ended the test before its end."""
    return record.reason is not None and record.reason.startswith(STOPPED)


def chart(values: Sequence[float | None]) -> str:
    """One block a value, as high as its share of the greatest; a gap where it is unknown."""
    top = max((value for value in values if value is not None), default=0.0)
    return "".join(" " if value is None else _bar(value, top) for value in values)


def _bar(value: float, top: float) -> str:
    return BARS[0] if top <= 0 else BARS[min(len(BARS) - 1, int(value / top * len(BARS)))]


def of_network(radio: TestRadio, words: Words, *, lock: RatLock | None) -> Lines:
    """What the test ran on; `lock` is the record's."""
    label = words("label.network")
    if radio.rat_class is None:
        if radio.nr_share is None:
            yield label, words("not_looked")
        else:
            yield label, words("seen_little", coverage=words.share(radio.coverage))
    else:
        text = words(
            "network",
            technology=_technology(radio.rat_class, words),
            plmn=words.text(radio.plmn),
            rsrp=words.number(radio.rsrp_dbm, "dBm"),
            sinr=words.number(radio.sinr_db, "dB"),
            cell=words.text(radio.cell_id),
            pci=words.text(radio.pci),
        )
        yield label, f"{text}; {_of_nr(radio, words, lock)}"
        if radio.coverage is not None and radio.coverage < WHOLE:
            yield words("label.note"), words("coverage", coverage=words.share(radio.coverage))
    if radio.snapshots_without_service:
        yield (
            words("label.note"),
            words(
                "without_service",
                without=radio.snapshots_without_service,
                looks=radio.snapshots,
            ),
        )


def _technology(rat_class: RatClass, words: Words) -> str:
    return words("mixed") if rat_class is RatClass.MIXED else rat_class.upper()


def _of_nr(radio: TestRadio, words: Words, lock: RatLock | None) -> str:
    looks = radio.snapshots - radio.snapshots_without_service
    if radio.nr_share is None:
        return f"NR: {words('unknown')}"
    if radio.nr_share == 0:
        return words("no_nr", looks=looks)
    text = words("nr", with_nr=round(radio.nr_share * looks), looks=looks)
    alone = _alone(radio, lock)
    return text if alone is None else f"{words(alone)}, {text}"


def _alone(radio: TestRadio, lock: RatLock | None) -> str | None:
    """Words for NR that served without LTE; a record has no field of its own for it."""
    if radio.rat_class is not RatClass.G5:
        return None
    if lock is not None and lock.asked is RatMode.G5_SA and lock.serving_agreed is True:
        return "stand_alone"
    at_start = radio.cell_id is not None and radio.cell_id >= LEAST_NCI
    return "stand_alone_at_start" if at_start else None


def of_cut(record: AnyMeasurement, words: Words) -> Lines:
    """Why the number is of less than the whole test: the network's doing, or ours."""
    networks = record.outcome is Outcome.FAILED
    yield words("label.note"), words("cut_off" if networks else "ended_early")


def bits_per_second(record: AnyMeasurement) -> float | None:
    """The rate of the payload."""
    return None if record.payload is None else record.payload.bits_per_second


def as_rate(figure: float | None, words: Words) -> str:
    """In Mbit/s."""
    return words.rate(figure)


def of_server(
    name: str | None, check: ServerCheck, words: Words, *, address: str | None = None
) -> Lines:
    """The other end."""
    parts = [words.text(name if check.name is None else f"{check.name} ({words.text(name)})")]
    if address is not None:
        parts.append(address)
    if check.slot is not None:
        waited = words.number(check.waited_s, "s", decimals=1)
        parts.append(words("slot", waited=waited))  # the token itself is for its holder only
    if check.control_bits_per_second is not None:
        parts.append(
            words(
                "control",
                rate=words.rate(check.control_bits_per_second),
                age=words.number(check.control_age_s, "s"),
            )
        )
    if check.clock_error_s is not None:
        parts.append(
            words("server_clock", error=words.number(check.clock_error_s, "s", decimals=1))
        )
    yield words("label.server"), "; ".join(parts)
    if check.tried:
        yield words("label.tried"), "; ".join(check.tried)


def of_proof(
    record: AnyMeasurement,
    words: Words,
    *,
    interface: str | None,
    counted_bytes: int | None,
    host: HostLoad,
    carried_bytes: int | None = None,
) -> Lines:
    """Whether the number is the network's: the path it took and the computer that measured.

    `carried_bytes` is what the test says of itself; 0 proves no path.
    """
    if record.reason is not None and WRONG_PATH in record.reason:
        path = words("path_wrong")
    elif interface is None:
        path = words("path_unknown")
    elif counted_bytes is None:
        path = words("path_bound", interface=interface)
    elif carried_bytes == 0:
        path = words("path_unused", interface=interface)
    else:
        path = words("path_ok")
    yield words("label.proof"), f"{path}; {_of_host(record, host, words)}"
    parts = _of_computer(host, words)
    if parts:
        yield words("label.computer"), "; ".join(parts)


def _of_host(record: AnyMeasurement, host: HostLoad, words: Words) -> str:
    """Whether the computer was fast enough; it is to blame only where it made the outcome."""
    if host.limited_by is not None:
        blamed = record.reason is not None and record.reason.startswith(HOST)
        return words("host_limited" if blamed else "host_strained", why=host.limited_by)
    if host.samples == 0:
        return words("host_unknown")
    parts = []
    if host.busiest_core_share is not None:
        parts.append(words("busiest", share=words.share(host.busiest_core_share)))
    if host.temperature_c is not None:
        parts.append(words.number(host.temperature_c, "°C"))
    return words("host_ok") + (f" ({', '.join(parts)})" if parts else "")


def _of_computer(host: HostLoad, words: Words) -> list[str]:
    """What else is known of the computer during the test."""
    parts = []
    if host.core_shares:
        parts.append(words("cores", shares=" ".join(map(words.share, host.core_shares))))
    if host.softirq_share is not None:
        parts.append(words("softirq", share=words.share(host.softirq_share)))
    if host.memory_available_bytes is not None:
        parts.append(words("memory", least=words.data(host.memory_available_bytes)))
    if host.usb_mbit_s is not None:
        parts.append(words("usb", rate=words.number(host.usb_mbit_s, "Mbit/s")))
    if host.throttled:
        parts.append(words("throttled", bits=f"{host.throttled:#x}"))
    return parts


def of_data(
    total_bytes: int | None,
    words: Words,
    *,
    counted_bytes: int | None,
    interface: str | None,
) -> Lines:
    """What it cost."""
    total = words.data(total_bytes)
    if counted_bytes is None:
        nothing = total_bytes is None
        text = words("unknown") if nothing else words("data_uncounted", total=total)
        yield words("label.data"), text
        return
    counted = words.data(counted_bytes)
    text = words("counted", interface=words.text(interface), counted=counted)
    if total_bytes is not None:
        text = words("data", total=total, counted=text)
    yield words("label.data"), text


def around(record: AnyMeasurement, words: Words) -> Lines:
    """Lock, modem, card and place: what every record carries."""
    lock = record.rat_lock
    if lock is not None and lock.asked is not None:
        yield words("label.lock"), _of_lock(lock, words)
    if record.modem is not None:
        modem = record.modem
        known = [part for part in (modem.name, modem.model, modem.imei) if part is not None]
        yield words("label.modem"), ", ".join(known or [modem.usb_path])
    if record.sim is not None:
        card = [each for each in (record.sim.iccid, record.sim.home_plmn) if each is not None]
        yield words("label.sim"), ", ".join(card) or words("unknown")
    yield words("label.where"), _of_place(record, words)


def _of_lock(lock: RatLock, words: Words) -> str:
    text = words(
        "lock",
        asked=words.text(lock.asked),
        read_back=words.text(lock.read_back),
        agreed=words.yes(lock.serving_agreed),
    )
    return text if lock.narrowed_to is None else f"{text}; {lock.narrowed_to}"


def _of_place(record: AnyMeasurement, words: Words) -> str:
    position = record.position
    if position.source is PositionSource.NONE:
        return words("nowhere")
    return words(
        "where",
        lat=words.number(position.lat_deg, decimals=5),
        lon=words.number(position.lon_deg, decimals=5),
        error=words.number(position.horizontal_error_m, "m"),
    )
