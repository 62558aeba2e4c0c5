"""How the parts that every program of the probe needs are made from its configuration."""

from collections.abc import Callable
from importlib.metadata import version

from agent.clock import Clock
from agent.config import Config, Uplink
from agent.outbox import Limits, Outbox
from agent.publisher import Broker, Pace, Publisher, Tls
from agent.recorder import Envelope, Recorder
from agent.runtime import Notify, Restart, Stall, Supervisor
from wire.control import Presence

SOFTWARE = f"dosong {version('dosong')}"
STOP_TIMEOUT_S = 9.0
"""Of the 10 s in which the agent promises to end."""


def make_outbox(config: Config, envelope: Envelope) -> Outbox:
    """The probe's outbox; it is opened when its worker runs."""
    return Outbox(
        config.state_dir / "outbox.db",
        make_event=envelope.event,
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
    on_needs: Callable[[bytes], None] | None = None,
) -> Publisher:
    """The link to the collector that the configuration names."""
    tls = None if uplink.ca is None else Tls(ca=uplink.ca, cert=uplink.cert, key=uplink.key)
    return Publisher(
        probe=config.probe,
        broker=Broker(host=uplink.host, port=uplink.port, tls=tls, keepalive_s=uplink.keepalive_s),
        outbox=outbox,
        presence=presence,
        record_event=recorder.event,
        check_dates=clock.wall_is_right,
        pace=Pace(max_rows_in_flight=uplink.max_rows_in_flight, ack_timeout_s=uplink.ack_timeout_s),
        on_needs=on_needs,
    )


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
