"""How the probe is doing: a status record each minute, and `status.json` each second."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import msgspec

from agent import machine
from agent.budget.outlook import Outlook
from agent.clock import Clock
from agent.durable import publish
from agent.outbox import OutboxStats
from agent.recorder import Recorder
from agent.runtime import Beat, Stop
from agent.ticks import NS_PER_S, Ticks
from wire.control import ModemState, PlanAnswer, Presence
from wire.kinds import status
from wire.messages import Position

log = logging.getLogger(__name__)

STATUS_FILE = "status.json"
FIRST_RECORD_S = 5
RECORD_EVERY_S = 60
FRESH_S = 5.0
"""A status file that is older than this is of an agent that does not run any more."""


class ReportsState(Protocol):
    """What health asks of a modem's worker."""

    @property
    def unread_replies(self) -> int:
        """Replies that were not understood, since start."""

    def state(self) -> ModemState:
        """How the modem is doing."""


class SeesUplink(Protocol):
    """What health asks of the delivery, at one moment."""

    @property
    def connected(self) -> bool:
        """Whether there is a link now."""

    @property
    def path(self) -> str | None:
        """Of the configured paths the one that carries the link."""

    @property
    def alarm(self) -> str | None:
        """What a person has to look at."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Whom health asks."""

    modems: Sequence[ReportsState]
    outbox: Callable[[], OutboxStats]
    workers: Callable[[], dict[str, str]]
    uplink: Callable[[], SeesUplink | None]
    """None where no uplink is configured."""
    position: Callable[[], Position]
    data: Callable[[str], Outlook | None] = lambda _: None
    """How the SIM in a modem stands with its data; None where nobody counts."""
    plan: Callable[[], PlanAnswer | None] = lambda: None
    """What is said to the last plan that was sent."""


class Health:
    """Gathers the probe's state. `presence` may be called from any thread."""

    def __init__(
        self,
        *,
        probe: str,
        software: str,
        state_dir: Path,
        run_dir: Path,
        clock: Clock,
        recorder: Recorder,
        sources: Sources,
    ) -> None:
        self._probe = probe
        self._software = software
        self._state_dir = state_dir
        self._file = run_dir / STATUS_FILE
        self._clock = clock
        self._recorder = recorder
        self._sources = sources
        self._started_ns = clock.mono_ns()
        self._told_unwritable = False

    def run(self, stop: Stop, beat: Beat) -> None:
        """Write until stopped; the last thing is a status file that says offline."""
        ticks = Ticks(self._clock.mono_ns())
        record_at_ns = self._clock.mono_ns() + FIRST_RECORD_S * NS_PER_S
        while not stop.wait(ticks.wait_s(self._clock.mono_ns())):
            beat()
            if ticks.due(self._clock.mono_ns()) is None:
                continue
            self._write(self.presence())
            if self._clock.mono_ns() >= record_at_ns:
                record_at_ns += RECORD_EVERY_S * NS_PER_S
                self._recorder.record("status", self.health())
        self._write(msgspec.structs.replace(self.presence(), online=False))

    def presence(self) -> Presence:
        """What others may know of the probe now."""
        outbox = self._sources.outbox()
        return Presence(
            probe=self._probe,
            online=True,
            epoch=outbox.epoch,
            made=outbox.made,
            outbox_rows=_kept_rows(outbox),
            software=self._software,
            utc=self._clock.stamp().utc,
            position=self._sources.position(),
            modems=tuple(self._with_data(modem.state()) for modem in self._sources.modems),
            health=self.health(),
            plan=self._sources.plan(),
        )

    def _with_data(self, modem: ModemState) -> ModemState:
        data = self._sources.data(modem.name)
        if data is None:
            return modem
        return msgspec.structs.replace(
            modem, data_used_bytes=data.used_bytes, data_limit_bytes=data.limit_bytes
        )

    def health(self) -> status.Payload:
        """The payload of a status record."""
        outbox = self._sources.outbox()
        uplink = self._sources.uplink()
        computer = machine.look(self._state_dir)
        return status.Payload(
            uptime_s=(self._clock.mono_ns() - self._started_ns) / NS_PER_S,
            outbox_rows=_kept_rows(outbox),
            outbox_bytes=outbox.bytes,
            dropped_rows=outbox.dropped or 0,
            rejected_rows=outbox.rejected or 0,
            unread_replies=sum(modem.unread_replies for modem in self._sources.modems),
            uplink=None if uplink is None else "connected" if uplink.connected else "offline",
            uplink_path=None if uplink is None else uplink.path,
            uplink_alarm=None if uplink is None else uplink.alarm,
            cpu_load_1min=computer.cpu_load_1min,
            cpu_temperature_c=computer.cpu_temperature_c,
            memory_rss_bytes=computer.memory_rss_bytes,
            throttled=computer.throttled,
            disk_free_bytes=computer.disk_free_bytes,
            workers=self._sources.workers(),
        )

    def _write(self, presence: Presence) -> None:
        try:
            publish(self._file, msgspec.json.encode(presence))
        except OSError as error:
            if not self._told_unwritable:
                self._told_unwritable = True
                log.warning("%s cannot be written: %s", self._file, error)
                self._recorder.event(
                    "status_unwritable", severity="warning", detail={"reason": str(error)}
                )
        else:
            self._told_unwritable = False


def _kept_rows(outbox: OutboxStats) -> int:
    """On disk and on the way there."""
    return outbox.waiting + (outbox.rows or 0)
