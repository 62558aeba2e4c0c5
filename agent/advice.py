"""What a person should do next, from what the probe says of itself. No I/O."""

from collections.abc import Iterator

from agent.words import Words, longest_beginning
from wire.control import ModemState, Presence
from wire.kinds import status
from wire.messages import Outcome, PositionSource

GIGA = 1e9
LOW_DISK_BYTES = 1 << 30
HOT_C = 80.0
NEARLY_ALL = 0.9
"""Share of a SIM's data: with the usual reserve no test runs any more."""
UNDER_VOLTAGE, TOO_HOT = 0x1, 0x8
"""Bits of `throttled` that are true now."""


def advice(presence: Presence | None, words: Words) -> tuple[str, ...]:
    """One sentence for each thing a person can mend; None is an agent that does not run."""
    if presence is None or not presence.online:
        return (words("next.not_running"),)
    found = [sentence for modem in presence.modems for sentence in _of_modem(modem, words)]
    if not presence.modems:
        found.append(words("next.no_modem"))
    if presence.position is None or presence.position.source is PositionSource.NONE:
        found.append(words("next.no_position"))
    if presence.utc is None:
        found.append(words("next.no_time"))
    if presence.health is not None:
        found += _of_machine(presence.health, words)
    return tuple(found) or (words("next.nothing"),)


def after_test(outcome: Outcome, reason: str | None) -> str | None:
    """Which advice of `agent.words` follows a test that ended so; None after a good one.

    The longest beginning of the reason that somebody thought of, else what the outcome says.
    """
    if outcome is Outcome.OK:
        return None
    known = longest_beginning(reason or "", ADVICE_BY_REASON)
    return outcome.value if known is None else ADVICE_BY_REASON[known]


ADVICE_BY_REASON = {
    "dns:": "dns",
    "connect:": "connect",
    "bind:": "bind",
    "request:": "request",
    "transfer:": "transfer",
    "access:": "access",
    "server:": "server",
    "server: busy": "server: busy",
    "portal:": "portal",
    "probe:": "probe",
    "probe: wrong path": "probe: wrong path",
    "probe: the test hung": "probe: hung",
    "probe: ping_group_range": "probe: ping",
    "probe: data cap": "budget",
    "probe: cancelled": "cancelled",
    "cancelled by": "cancelled",
    "host:": "host",
    "budget:": "budget",
    "needs:": "needs",
    "temperature:": "temperature",
    "under-voltage": "under-voltage",
    "quiet hours": "quiet hours",
    "interface:": "interface",
    "interface: address changed": "address changed",
    "no network interface": "no interface",
    "no scan for": "no scan",
    "rat lock:": "rat lock",
    "busy": "busy",
    "the modem was set anew": "set anew",
    "not settled": "set anew",
    "the agent stops": "stops",
    "SIM:": "SIM",
    "registration: denied": "registration: denied",
}


def _of_modem(modem: ModemState, words: Words) -> Iterator[str]:
    used, limit = modem.data_used_bytes, modem.data_limit_bytes
    if used is not None and limit is not None and used >= NEARLY_ALL * limit:
        used_gb = words.number(used / GIGA, decimals=1)
        limit_gb = words.number(limit / GIGA, "GB", decimals=1)
        yield words("next.data", modem=modem.name, used=used_gb, limit=limit_gb)
    if modem.trouble is not None:
        yield words("next.trouble", modem=modem.name, trouble=modem.trouble)
    elif modem.state in {"modem_gone", "no_service", "invalid"}:
        yield words(f"next.{modem.state}", modem=modem.name)


def _of_machine(health: status.Payload, words: Words) -> Iterator[str]:
    if health.uplink_alarm is not None:
        yield words("next.alarm", alarm=health.uplink_alarm, rows=health.outbox_rows)
    elif health.uplink == "offline":
        yield words("next.offline", rows=health.outbox_rows)
    if health.throttled is not None and health.throttled & UNDER_VOLTAGE:
        yield words("next.voltage")
    hot = health.cpu_temperature_c is not None and health.cpu_temperature_c > HOT_C
    if hot or (health.throttled is not None and health.throttled & TOO_HOT):
        yield words("next.hot")
    if health.disk_free_bytes is not None and health.disk_free_bytes < LOW_DISK_BYTES:
        yield words("next.disk")
    if health.dropped_rows:
        yield words("next.dropped", rows=health.dropped_rows)
    for worker, state in health.workers.items():
        if state not in {"running", "starting"}:
            yield words("next.worker", worker=worker, state=state)
