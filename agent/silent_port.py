"""A port that opens and never answers AT: what can be done without it, and by whom."""

import logging

from agent.clock import Clock
from agent.config import ModemPlace
from agent.places import device_of
from agent.recorder import Recorder
from agent.rungs import Rung, RungLog
from agent.settling import Settling
from agent.ticks import NS_PER_S
from drivers.modem.errors import ModemError
from drivers.modem.usb import plugged_modems, replug
from wire.messages import Modem as Identity

log = logging.getLogger(__name__)

SILENT_S = 30.0
"""So long in a row, however often it was opened meanwhile: a modem that boots needs less."""
AWAY_S = 60.0


class SilentPort:
    """What became of opening one modem's port. Used by its own thread, but for `trouble`."""

    def __init__(
        self,
        *,
        place: ModemPlace,
        rungs: RungLog,
        clock: Clock,
        recorder: Recorder,
        settling: Settling,
    ) -> None:
        """Nothing was opened yet."""
        self.trouble: str | None = None
        """What a person should do; None where there is nothing."""
        self._place = place
        self._rungs = rungs
        self._clock = clock
        self._recorder = recorder
        self._settling = settling
        self._silent_since_ns: int | None = None
        self._met_at: str | None = None

    def answered(self, usb_path: str | None = None) -> None:
        """It answers, at this place on the bus; or is not there at all."""
        self._silent_since_ns = None
        self.trouble = None
        self._met_at = usb_path or self._met_at

    def silent(self, why: str) -> None:
        """It was opened and did not answer: after a while its USB port goes off and on."""
        now_ns = self._clock.mono_ns()
        if self._silent_since_ns is None:
            self._silent_since_ns = now_ns
        silent_s = (now_ns - self._silent_since_ns) / NS_PER_S
        if silent_s < SILENT_S or self.trouble is not None:
            return
        self._silent_since_ns = now_ns
        if not self._rungs.allows(self._place.place, Rung.REPLUG):
            self._give_up(why, f"{Rung.REPLUG} did not help")
            return
        try:
            self._rungs.note(self._place.place, Rung.REPLUG)
            replug(self._usb_path())
        except (ModemError, OSError) as error:
            self._tell("remedy_tried", "warning", why=why, remedy=Rung.REPLUG, failed=str(error))
            self._give_up(why, str(error))
        else:
            self._settling.begin(f"a {Rung.REPLUG}", self._clock.mono_ns(), away_s=AWAY_S)
            self._tell("remedy_tried", "warning", why=why, remedy=Rung.REPLUG, failed=None)

    def _give_up(self, why: str, tried: str) -> None:
        """Only a person can help now; said once, until it answers."""
        self.trouble = (
            f"its AT port is there and does not answer ({tried}). Unplug it, or take its power"
            " away, for ten seconds."
        )
        self._tell("modem_silent", "error", why=why, tried=tried, next=self.trouble)

    def _usb_path(self) -> str:
        """Of the device behind the port; empty where it is none on USB."""
        if self._place.port is None or self._place.usb_path is not None:
            return self._place.usb_path or self._met_at or ""
        device = str(device_of(self._place.port))
        return next((each.usb_path for each in plugged_modems() if each.at_port == device), "")

    def _tell(self, name: str, severity: str, **detail: str | None) -> None:
        log.warning("modem %s: %s: %s", self._place.name, name, detail)
        modem = Identity(usb_path=self._place.place, name=self._place.name)
        self._recorder.event(name, severity=severity, detail=detail, modem=modem)
