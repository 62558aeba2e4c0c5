"""Empties the outbox without measuring: after a drive, or before a card leaves the car."""

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from agent.clock import Clock
from agent.config import Config, Uplink
from agent.outbox import Outbox, OutboxStats
from agent.parts import SOFTWARE, STOP_TIMEOUT_S, make_outbox, make_publisher, make_supervisor
from agent.places import Places
from agent.recorder import Envelope, Recorder
from agent.runtime import Supervisor
from wire.control import Presence
from wire.messages import Position

LOOK_EVERY_S = 0.2


class Delivery(NamedTuple):
    """What keeps records and brings them to the collector, and no more of a probe than that."""

    outbox: Outbox
    recorder: Recorder
    supervisor: Supervisor


def start_delivery(
    config: Config, uplink: Uplink | None, *, envelope: Envelope, clock: Clock
) -> Delivery:
    """Outbox and publisher under their supervisor; without an uplink the outbox alone."""
    outbox = make_outbox(config, envelope)
    recorder = Recorder(envelope, outbox)

    def presence() -> Presence:
        stats = outbox.stats()
        return Presence(
            probe=config.probe,
            online=True,
            epoch=stats.epoch,
            made=stats.made,
            outbox_rows=stats.rows,
            software=SOFTWARE,
        )

    supervisor = make_supervisor(recorder)
    workers = [outbox.worker()]
    if uplink is not None:
        publisher = make_publisher(
            config,
            uplink,
            outbox=outbox,
            recorder=recorder,
            clock=clock,
            presence=presence,
            interface_of=Places(config.modem).interface_of,
        )
        workers.append(publisher.worker())
    supervisor.start(workers)
    return Delivery(outbox, recorder, supervisor)


def deliver(
    config: Config,
    uplink: Uplink,
    *,
    timeout_s: float,
    on_progress: Callable[[OutboxStats], None],
) -> OutboxStats:
    """Deliver until the outbox is empty or the time is over; how it is doing then.

    `on_progress` is called a few times a second.
    """
    clock = Clock()
    envelope = Envelope(probe=config.probe, software=SOFTWARE, stamp=clock.stamp, position=Position)
    knows_ntp = clock.anchor_by_ntp()
    outbox, recorder, supervisor = start_delivery(config, uplink, envelope=envelope, clock=clock)
    if knows_ntp:
        recorder.event("clock_anchor", detail={"source": "ntp"})
    deadline_s = time.monotonic() + timeout_s
    pause = threading.Event()
    try:
        while not is_empty(outbox.stats()) and time.monotonic() < deadline_s:
            on_progress(outbox.stats())
            pause.wait(LOOK_EVERY_S)
    finally:
        supervisor.stop(STOP_TIMEOUT_S)
    return outbox.stats()


def is_empty(stats: OutboxStats) -> bool:
    """Whether nothing waits for an acknowledgement, and nothing for the disk."""
    return stats.rows == 0 and stats.waiting == 0
