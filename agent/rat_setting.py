"""The modem's own radio setting, kept on disk for as long as we hold a lock on it.

A lock outlives a crash and a power cut inside the modem. What was set before lies here from before
the first change until it is restored, so that whoever starts next can give it back; beside it,
which of the levers are ours at the moment.
"""

import logging
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from agent.durable import remove_durably, write_durably
from wire.codec import UNDECODABLE

log = logging.getLogger(__name__)

Setting = dict[str, str]
"""All levers of a lock with their values, in the words of the modem's family."""

MAX_SETTING_BYTES = 1 << 16


class _Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What lies in a file."""

    own: Setting
    held: frozenset[str] = frozenset()


class SavedSettings:
    """One file a modem, named by its IMEI: a swapped modem never gets another one's setting."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def find(self, modem: str) -> Setting | None:
        """What is saved of this modem; None when nothing is, or when it is damaged.

        Raises `OSError` where it is there and cannot be read: it must not be written over.
        """
        kept = self._read(modem)
        return None if kept is None else kept.own

    def held(self, modem: str) -> frozenset[str]:
        """Levers that are set, or about to be set, to something else than the modem's own.

        Raises as `find`.
        """
        kept = self._read(modem)
        return frozenset() if kept is None else kept.held

    def save(self, modem: str, setting: Setting, *, held: Iterable[str] = ()) -> None:
        """Keep `setting`, and which levers are `held`; it is on the disk on return."""
        self._folder.mkdir(parents=True, exist_ok=True)
        kept = _Kept(own=setting, held=frozenset(held))
        write_durably(self._file(modem), msgspec.json.encode(kept))

    def forget(self, modem: str) -> None:
        """The modem has its own setting again."""
        if self._folder.is_dir():
            remove_durably(self._file(modem))

    def _read(self, modem: str) -> _Kept | None:
        try:
            with self._file(modem).open("rb") as stream:
                return _decode(stream.read(MAX_SETTING_BYTES))
        except FileNotFoundError:
            return None
        except UNDECODABLE as error:
            log.error("the saved radio setting of modem %s is damaged: %s", modem, error)  # noqa: TRY400  # the reason says it all
            return None

    def _file(self, modem: str) -> Path:
        return self._folder / (re.sub(r"[^A-Za-z0-9.-]", "_", modem) + ".json")


def _decode(data: bytes) -> _Kept:
    try:
        return msgspec.json.decode(data, type=_Kept)
    except msgspec.ValidationError:
        # Before bands and cells were held a file had the levers alone, all of them ours.
        own = msgspec.json.decode(data, type=Setting)
        return _Kept(own=own, held=frozenset(own))
