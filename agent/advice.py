"""What a person should do next, from what the probe says of itself. No I/O."""

from collections.abc import Iterator

from agent.words import longest_beginning
from wire.control import ModemState, Presence
from wire.kinds import status
from wire.messages import Outcome, PositionSource

NOT_RUNNING = (
    "The agent does not run: `systemctl start dosong-agent`;"
    " if it ends again, `journalctl -u dosong-agent -n 50` says why."
)
ALL_WELL = "Nothing to do: it measures."
LOW_DISK_BYTES = 1 << 30
HOT_C = 80.0
NEARLY_ALL = 0.9
"""Share of a SIM's data: with the usual reserve no test runs any more."""
UNDER_VOLTAGE, TOO_HOT = 0x1, 0x8
"""Bits of `throttled` that are true now."""


def advice(presence: Presence | None) -> tuple[str, ...]:
    """One sentence for each thing a person can mend; None is an agent that does not run."""
    if presence is None or not presence.online:
        return (NOT_RUNNING,)
    found = [sentence for modem in presence.modems for sentence in _of_modem(modem)]
    if not presence.modems:
        found.append("No modem is configured: `dosong-agent suggest` prints what to write.")
    if presence.position is None or presence.position.source is PositionSource.NONE:
        found.append("No position: the GPS antenna needs a view of the sky, and gpsd must run.")
    if presence.utc is None:
        found.append("The time is not known yet: it comes with the first GPS fix or from NTP.")
    if presence.health is not None:
        found += _of_machine(presence.health)
    return tuple(found) or (ALL_WELL,)


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


def _of_modem(modem: ModemState) -> Iterator[str]:
    used, limit = modem.data_used_bytes, modem.data_limit_bytes
    if used is not None and limit is not None and used >= NEARLY_ALL * limit:
        yield (
            f"The SIM of modem {modem.name} has used {used / 1e9:.1f} of {limit / 1e9:.1f} GB:"
            " `dosong-agent budget` shows when; fewer or optional tests make it last."
        )
    if modem.trouble is not None:
        yield f"Modem {modem.name}: {modem.trouble}"
        return
    match modem.state:
        case "modem_gone":
            yield (
                f"Modem {modem.name} is not there: check its plug and its power;"
                " `dosong-agent modems` shows what is plugged in."
            )
        case "no_service":
            yield (
                f"Modem {modem.name} has no service here. If others of its operator have:"
                " check antenna and SIM."
            )
        case "invalid":
            yield (
                f"Modem {modem.name} does not answer as it should: if that stays so, unplug it"
                f" once; `journalctl -u dosong-agent | grep {modem.name}` says more."
            )
        case _:
            return


def _of_machine(health: status.Payload) -> Iterator[str]:
    if health.uplink == "offline":
        yield (
            f"No link to the collector: {health.outbox_rows} records wait on the probe and are"
            " safe. Drive on; it sends them when the network is back."
        )
    if health.throttled is not None and health.throttled & UNDER_VOLTAGE:
        yield "The supply voltage is too low: tests are not valid. Use a stronger supply."
    hot = health.cpu_temperature_c is not None and health.cpu_temperature_c > HOT_C
    if hot or (health.throttled is not None and health.throttled & TOO_HOT):
        yield "The probe is too hot: give it air or shade."
    if health.disk_free_bytes is not None and health.disk_free_bytes < LOW_DISK_BYTES:
        yield "Less than 1 GB of disk is free: delete what is not the probe's."
    if health.dropped_rows:
        yield f"{health.dropped_rows} records were given up: the probe was offline for too long."
    for worker, state in health.workers.items():
        if state not in {"running", "starting"}:
            yield f"{worker} is {state}."
