"""The receiver's thread: where the probe is, each second as a row, and what time it is."""

import logging

from agent.clock import Clock
from agent.recorder import Recorder
from agent.runtime import Beat, Stop
from agent.ticks import NS_PER_S, Ticks
from agent.whereabouts import STALE_S, Whereabouts
from drivers.gps.client import GpsClient
from drivers.gps.report import Fix, FixGate
from wire.kinds import position
from wire.messages import Outcome, Position, PositionSource

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.5
"""How soon the thread notices that the agent stops."""
GPS_TIME_ERR_S = 0.5
"""A receiver says the second's time some tenths of a second after it began."""
SURVEYED_EVERY_S = 60
"""A probe that stands still says so once a minute."""
NTP_EVERY_S = 10


class GpsWorker:
    """Listens to gpsd, or just says where a surveyed probe stands."""

    def __init__(
        self,
        *,
        gpsd: tuple[str, int] | None,
        whereabouts: Whereabouts,
        clock: Clock,
        recorder: Recorder,
    ) -> None:
        """`gpsd` is its host and port; None where there is none."""
        self._gpsd = gpsd
        self._whereabouts = whereabouts
        self._clock = clock
        self._recorder = recorder
        self._gate = FixGate()
        self._ticks: Ticks | None = None
        self._latest: Fix | None = None
        self._latest_ns = 0
        self._had_fix: bool | None = None
        self._ntp_at_ns = 0
        self._ntp_works = True

    def run(self, stop: Stop, beat: Beat) -> None:
        """Listen until stopped."""
        client = None if self._gpsd is None else GpsClient(*self._gpsd)
        period_s = 1 if client is not None else SURVEYED_EVERY_S
        # After a crash the schedule goes on: the seconds in between are rows, too.
        ticks = self._ticks = self._ticks or Ticks(self._clock.mono_ns(), period_s * NS_PER_S)
        try:
            while not stop.is_set():
                beat()
                wait_s = min(READ_TIMEOUT_S, ticks.wait_s(self._clock.mono_ns()))
                if client is None:
                    stop.wait(wait_s)
                else:
                    for fix in client.reports(wait_s):
                        self._hear(fix)
                self._ask_ntp()
                due = ticks.due(self._clock.mono_ns())
                if due is None:
                    continue
                for tick_ns in due.missed_ns:
                    self._write(tick_ns, "late", connected=True)
                self._write(due.tick_ns, None, connected=client is None or client.connected)
        finally:
            if client is not None:
                client.close()

    def _hear(self, fix: Fix) -> None:
        """Judge one epoch; learn place and time from it if it is believed."""
        now_ns = self._clock.mono_ns()
        self._latest, self._latest_ns = fix, now_ns
        now_s = now_ns / NS_PER_S
        if self._gate.judge(fix, now_s) is not None:
            return
        found = self._gate.position(now_s)
        if found.source is PositionSource.NONE:
            return
        # gpsd may repeat an epoch: its time and place are of when it was heard first.
        heard_ns = now_ns - round((found.age_s or 0.0) * NS_PER_S)
        self._whereabouts.believe(found, heard_ns)
        if fix.utc is not None and self._clock.anchor_by_gps(
            fix.utc, mono_ns=heard_ns, err_s=GPS_TIME_ERR_S
        ):
            self._tell_anchor("gps")

    def _ask_ntp(self) -> None:
        now_ns = self._clock.mono_ns()
        if now_ns < self._ntp_at_ns or not self._ntp_works:
            return
        self._ntp_at_ns = now_ns + NTP_EVERY_S * NS_PER_S
        try:
            moved = self._clock.anchor_by_ntp()
        except OSError as error:
            self._ntp_works = False
            log.warning("the kernel does not say whether its clock is right: %s", error)
            return
        if moved:
            self._tell_anchor("ntp")

    def _tell_anchor(self, source: str) -> None:
        """The record's own time fields are the anchor."""
        row = self._recorder.event("clock_anchor", detail={"source": source})
        log.info("the time is %s +- %.2f s, by %s", row.utc, row.utc_err_s or 0.0, source)

    def _write(self, mono_ns: int, missed: str | None, *, connected: bool) -> None:
        """One second's row; without a believed fix it says why."""
        place = self._whereabouts.position_at(mono_ns)
        if missed is None:
            self._tell_fix(place)
        if place.source is not PositionSource.NONE:
            outcome, reason = Outcome.OK, None
        elif missed is not None:
            outcome, reason = Outcome.SKIPPED, missed
        else:
            outcome, reason = Outcome.INVALID, self._why_not(connected=connected)
        fix = self._latest
        if abs(mono_ns - self._latest_ns) > STALE_S * NS_PER_S:
            fix = None  # what a silent receiver saw once says nothing of this second
        self._recorder.record(
            "position",
            position.Payload(
                satellites_used=None if fix is None else fix.satellites_used,
                satellites_seen=None if fix is None else fix.satellites_seen,
                hdop=None if fix is None else fix.hdop,
                rejected=reason,
            ),
            outcome=outcome,
            reason=reason,
            mono_ns=mono_ns,
            position=place,
        )

    def _why_not(self, *, connected: bool) -> str:
        if not connected:
            return "no_gpsd"
        return self._gate.rejected(self._clock.mono_ns() / NS_PER_S) or "silent"

    def _tell_fix(self, place: Position) -> None:
        """Log the first fix, its loss and its return, each once."""
        has_fix = place.source is not PositionSource.NONE
        if has_fix is self._had_fix:
            return
        if has_fix:
            log.info("position: %s, %s", place.lat_deg, place.lon_deg)
        elif self._had_fix is not None:
            log.warning("the position is lost")
        self._had_fix = has_fix
