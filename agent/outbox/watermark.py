"""How far each epoch has counted, kept outside the outbox's file: what an older copy cannot know.

`Watermark` lies on a RAM disk and forgets at a restart of the computer; it costs the card nothing.
`Carried` lies beside the outbox: rows that left it by hand are no surprise when they are
acknowledged.
"""

import os
from pathlib import Path
from uuid import UUID

import msgspec

from agent.durable import publish, write_durably
from wire.codec import UNDECODABLE

EPOCHS_KEPT = 8

_Marks = dict[UUID, int]


class Watermark:
    """The highest `seq` promised in each epoch since the computer was started."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._marks = {} if file is None else _read(file)

    def of(self, epoch: UUID) -> int:
        """The highest `seq` known to be promised; 0 for an epoch never heard of."""
        return self._marks.get(epoch, 0)

    def note(self, epoch: UUID, made: int) -> None:
        """Numbers up to `made` are promised. Raises OSError."""
        if self._file is None or self._marks.get(epoch) == made:
            return
        self._marks = _kept(self._marks, epoch, made)
        publish(self._file, msgspec.json.encode(self._marks))


class Carried:
    """The highest `seq` of each epoch that was copied out of an outbox's file by hand."""

    def __init__(self, outbox: Path) -> None:
        self._outbox = outbox
        self._file = outbox.with_name(outbox.name + ".carried")

    def of(self, epoch: UUID) -> int:
        """The highest `seq` that was carried away; 0 when none was."""
        return _read(self._file).get(epoch, 0)

    def note(self, epoch: UUID, seq: int) -> None:
        """Rows up to `seq` leave the outbox: to be called before they do. Raises OSError."""
        marks = _read(self._file)
        if seq > marks.get(epoch, 0):
            write_durably(self._file, msgspec.json.encode(_kept(marks, epoch, seq)))
            if os.geteuid() == 0:
                # The agent has to read what root has noted.
                owner = self._outbox.stat()
                os.chown(self._file, owner.st_uid, owner.st_gid)


def _read(file: Path) -> _Marks:
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Marks)
    except (FileNotFoundError, *UNDECODABLE):
        return {}


def _kept(marks: _Marks, epoch: UUID, seq: int) -> _Marks:
    """With one more, and the oldest forgotten."""
    others = [(each, mark) for each, mark in marks.items() if each != epoch]
    return dict([*others, (epoch, seq)][-EPOCHS_KEPT:])
