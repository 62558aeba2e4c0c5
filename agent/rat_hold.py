"""Holding one modem on a radio access technology, and giving its own setting back afterwards."""

import logging

from agent.rat_setting import SavedSettings
from agent.snapshots import lock_agrees
from drivers.modem.modem import Modem
from wire.kinds import radio
from wire.messages import RatLock, RatMode

log = logging.getLogger(__name__)


class HoldError(Exception):
    """A lock could not be asked for: there is no modem, or no room to save its setting."""


class RatHold:
    """What is asked of a modem and what it last read back. Used by the modem's own thread only."""

    def __init__(self, saved: SavedSettings, asked: RatMode | None) -> None:
        """`asked` is applied to every modem that is attached; None means never to touch it."""
        self._saved = saved
        self._modem: Modem | None = None
        self.asked = asked
        self.read_back: RatMode | None = None

    def attach(self, modem: Modem) -> bool:
        """Take an opened modem: lock it as asked, or give back what a crash left locked.

        Whether its setting was touched. Raises `ModemError`, or `HoldError` when it was not.
        """
        self._modem = modem
        self.read_back = None
        return self._apply(modem)

    def detach(self) -> None:
        """The modem is gone: nothing can be asked of it or restored on it."""
        self._modem = None
        self.read_back = None

    def hold(self, mode: RatMode | None) -> None:
        """Lock to `mode`, or give the modem's own setting back for None; raises as `attach`.

        What is asked stays asked when there is no modem, and is applied to the one that comes.
        """
        self.asked = mode
        self.read_back = None
        if self._modem is None:
            raise HoldError("the modem is gone")
        self._apply(self._modem)

    def look(self) -> bool:
        """Read the lock back; whether it is as asked. Raises `ModemError`."""
        if self._modem is None or self.asked is None:
            return True
        self.read_back = self._modem.read_lock()
        return self.read_back is self.asked

    def release(self) -> None:
        """Give the modem's own setting back, where one was changed; raises `ModemError`."""
        if self._modem is not None:
            self._give_back(self._modem)

    def proof(self, payload: radio.Payload | None) -> RatLock | None:
        """What a row says of the lock; None where none was asked for."""
        if self.asked is None:
            return None
        return RatLock(
            asked=self.asked,
            read_back=self.read_back,
            serving_agreed=lock_agrees(self.asked, payload),
        )

    def _apply(self, modem: Modem) -> bool:
        """Whether the modem's setting was touched."""
        if self.asked is None:
            return self._give_back(modem)
        # On the disk before the first change: from here on a power cut leaves a locked modem.
        if self._saved.find(_key(modem)) is None:
            try:
                self._saved.save(_key(modem), modem.setting())
            except OSError as error:
                raise HoldError(f"cannot save the modem's own setting: {error}") from error
        modem.lock(self.asked)
        self.read_back = modem.read_lock()
        return True

    def _give_back(self, modem: Modem) -> bool:
        setting = self._saved.find(_key(modem))
        if setting is None:
            return False
        modem.restore(setting)
        self._saved.forget(_key(modem))
        log.info("modem %s has its own radio setting again", modem.identity.name)
        return True


def _key(modem: Modem) -> str:
    return modem.identity.imei or modem.identity.usb_path
