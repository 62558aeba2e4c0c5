"""Holding one modem on what was asked of it, and giving its own setting back afterwards."""

import logging

from agent.lock import Lock
from agent.rat_setting import SavedSettings, Setting
from drivers.modem.modem import Modem
from wire.kinds import radio
from wire.messages import RatLock, RatMode

log = logging.getLogger(__name__)


class HoldError(Exception):
    """A lock could not be asked for: there is no modem, or no room to save its setting."""


class RatHold:
    """What is asked of a modem and what it last read back. Used by the modem's own thread only."""

    def __init__(self, saved: SavedSettings, asked: Lock | None) -> None:
        """`asked` is applied to every modem that is attached; None means never to touch it."""
        self._saved = saved
        self._modem: Modem | None = None
        self._key = ""
        self._imei: str | None = None
        self.asked = asked
        self.read_back: RatMode | None = None
        self.narrowed: bool | None = None
        """Whether bands and cell were read back as asked; None where none are asked."""
        self.wrote = False
        """Whether the last `attach` or `hold` changed, or began to change, the modem's setting."""

    def attach(self, modem: Modem) -> None:
        """Take an opened modem: lock it as asked, or give back what a crash left locked.

        What is set so already is not written again. Raises `ModemError` or `HoldError`.
        """
        self._modem = modem
        self._imei = modem.identity.imei
        self._key = self._imei or modem.identity.usb_path
        self._apply(modem)

    def is_of_another(self, modem: Modem) -> bool:
        """Whether another modem answers than the one that was attached.

        One that said its number late is the same; its setting stays where it was saved.
        """
        return self._imei is not None and modem.identity.imei != self._imei

    def detach(self) -> None:
        """The modem is gone: nothing can be asked of it or restored on it."""
        self._modem = None
        self.read_back = self.narrowed = None

    def hold(self, lock: Lock | None) -> None:
        """Hold it so, or give the modem's own setting back for None; raises as `attach`.

        What is asked stays asked when there is no modem, and is applied to the one that comes.
        """
        self.asked = lock
        if self._modem is None:
            self.read_back = self.narrowed = None
            raise HoldError("the modem is gone")
        self._apply(self._modem)

    def look(self) -> bool:
        """Read the lock back; whether it is as asked. Raises `ModemError`."""
        if self._modem is None or self.asked is None:
            return True
        self._read(self._modem, self.asked)
        return self.held

    @property
    def held(self) -> bool:
        """Whether the last look found everything as asked."""
        if self.asked is None:
            return True
        return self.read_back is self.asked.mode and self.narrowed is not False

    def release(self) -> None:
        """Give the modem's own setting back, where one was changed; raises as `attach`."""
        if self._modem is not None:
            self._give_back(self._modem)

    def proof(self, payload: radio.Payload | None) -> RatLock | None:
        """What a row says of the lock; None where none was asked for."""
        if self.asked is None:
            return None
        return RatLock(
            asked=self.asked.mode,
            read_back=self.read_back,
            serving_agreed=None if payload is None else self.asked.agrees(payload),
            narrowed_to=self.asked.narrowed_to,
            narrowed_read_back=self.narrowed,
        )

    def _apply(self, modem: Modem) -> None:
        self.read_back = self.narrowed = None
        self.wrote = False
        if self.asked is None:
            self._give_back(modem)
            return
        asked = self.asked
        wanted = modem.wanted(asked.mode, bands=asked.bands, cell=asked.cell)
        found, held = self._saved_own()
        own = found or {}
        if not wanted.keys() <= own.keys():
            # What is not held yet is the modem's own.
            own = modem.setting() | own
        if unknown := wanted.keys() - own.keys():
            what = ", ".join(sorted(unknown))
            raise HoldError(
                f"the modem does not say what its own {what} is: it could not be given back"
            )
        # On the disk before the first change: from here on a power cut leaves a locked modem.
        if (own, held | wanted.keys()) != (found, held):
            self._save(own, held | wanted.keys())
        # What an earlier lock held and this one does not goes back to the modem's own. No other
        # lever is looked at: some share a command, and each would undo the other for ever.
        others = held - wanted.keys()
        self._change(modem, {name: own[name] for name in own if name in others})
        self._change(modem, wanted)
        if others:
            self._save(own, frozenset(wanted))
        self._read(modem, asked)

    def _saved_own(self) -> tuple[Setting | None, frozenset[str]]:
        try:
            return self._saved.find(self._key), self._saved.held(self._key)
        except OSError as error:
            raise HoldError(f"cannot read the modem's own setting: {error}") from error

    def _save(self, own: Setting, held: frozenset[str]) -> None:
        try:
            self._saved.save(self._key, own, held=held)
        except OSError as error:
            raise HoldError(f"cannot save the modem's own setting: {error}") from error

    def _give_back(self, modem: Modem) -> None:
        setting, _ = self._saved_own()
        if setting is None:
            return
        self._change(modem, setting)
        try:
            self._saved.forget(self._key)
        except OSError as error:
            raise HoldError(f"has its own setting again, and: {error}") from error
        log.info("modem %s has its own radio setting again", modem.identity.name)

    def _change(self, modem: Modem, setting: dict[str, str]) -> None:
        if not setting:
            return
        # Until the modem has said that nothing was to be changed, something may have been.
        before, self.wrote = self.wrote, True
        self.wrote = modem.change(setting) or before

    def _read(self, modem: Modem, asked: Lock) -> None:
        self.read_back = modem.read_lock()
        self.narrowed = None
        if asked.narrowed_to is not None:
            self.narrowed = modem.holds(None, bands=asked.bands, cell=asked.cell)
