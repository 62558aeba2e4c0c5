"""One scan for cells of any network in range."""

import msgspec

from wire.cells import Cell

SCHEMA = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cells heard in one scan, of whatever operator. Evidence, never a verdict of its own."""

    command: str
    duration_s: float
    cells: tuple[Cell, ...] = ()
    unread: str | None = None
    """The reply, where it was not understood."""
