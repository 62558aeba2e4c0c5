"""How the parts that every program of the probe needs are made from its configuration."""

from collections.abc import Callable
from importlib.metadata import version

from agent.clock import Clock
from agent.config import Config, ModemPlace, Uplink
from agent.identity import Trial, identities
from agent.outbox import Limits, Outbox
from agent.places import NoInterfaceError
from agent.publisher import Broker, Pace, Path, Publisher, Resolver, Tls, UnansweredError
from agent.recorder import Envelope, Recorder
from agent.runtime import Notify, Restart, Stall, Supervisor
from agent.under_test import UnderTest
from wire.control import Presence

SOFTWARE = f"dosong {version('dosong')}"
OUTBOX_FILE = "outbox.db"
"""In the state folder."""
STOP_TIMEOUT_S = 9.0
"""Of the 10 s in which the agent promises to end."""


def make_outbox(config: Config, envelope: Envelope) -> Outbox:
    """The probe's outbox; it is opened when its worker runs."""
    return Outbox(
        config.state_dir / OUTBOX_FILE,
        make_event=envelope.event,
        watermark=config.run_dir / "outbox.json",
        limits=Limits(cap_bytes=config.outbox.max_bytes),
    )


def make_publisher(
    config: Config,
    uplink: Uplink,
    *,
    outbox: Outbox,
    recorder: Recorder,
    clock: Clock,
    presence: Callable[[], Presence],
    interface_of: Callable[[ModemPlace], str | None],
    on_needs: Callable[[bytes], None] | None = None,
    on_plan: Callable[[bytes], None] | None = None,
    under_test: UnderTest | None = None,
) -> Publisher:
    """The link to the collector that the configuration names.

    `interface_of` is that of `agent.places.Places`.
    """
    tls = None if uplink.ca is None else Tls(ca=uplink.ca, cert=uplink.cert, key=uplink.key)
    return Publisher(
        probe=config.probe,
        broker=Broker(host=uplink.host, port=uplink.port, tls=tls, keepalive_s=uplink.keepalive_s),
        outbox=outbox,
        presence=presence,
        record_event=recorder.event,
        clock=clock,
        pace=Pace(
            max_rows_in_flight=uplink.max_rows_in_flight,
            ack_timeout_s=uplink.ack_timeout_s,
            test_share_bit_s=uplink.test_share_kbit_s * 1000,
        ),
        paths=tuple(_path(name, config, interface_of) for name in uplink.paths),
        resolver=Resolver(uplink.host, uplink.port, file=config.state_dir / "broker-address"),
        on_needs=on_needs,
        on_plan=on_plan,
        under_test=(UnderTest() if under_test is None else under_test).is_on,
        on_answer=Trial(identities(config.state_dir), recorder.event).hear,
    )


def _path(name: str, config: Config, interface_of: Callable[[ModemPlace], str | None]) -> Path:
    """The uplink of this name: the interface of a modem, or an interface itself."""
    place = config.modem_named(name)

    def interface() -> str | None:
        if place is None:
            return name
        try:
            return interface_of(place)
        except NoInterfaceError as error:
            raise UnansweredError(f"{name}: {error}") from error

    return Path(name=name, interface=interface)


def make_supervisor(recorder: Recorder, *, notify: Notify | None = None) -> Supervisor:
    """A supervisor that puts on record what it has to restart and what makes no progress."""

    def tell_restart(restart: Restart) -> None:
        recorder.event(
            "worker_restarted",
            severity="error",
            detail={
                "worker": restart.worker,
                "reason": restart.reason,
                "restarts": restart.restarts,
                "delay_s": restart.delay_s,
            },
        )

    def tell_stall(stall: Stall) -> None:
        recorder.event(
            "worker_stalled",
            severity="error",
            detail={"worker": stall.worker, "silent_s": stall.silent_s},
        )

    return Supervisor(on_restart=tell_restart, on_stall=tell_stall, notify=notify)
