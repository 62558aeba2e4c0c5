"""One scan for cells of any network in range."""

import msgspec

from wire.cells import Cell, Rat

SCHEMA = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Cells heard in one scan, of whatever operator. Evidence, never a verdict of its own."""

    command: str
    duration_s: float
    """From the record's `mono_ns` on."""
    rats: tuple[Rat, ...] = ()
    """Technologies that were looked for; empty: all the command hears. Others are left out."""
    cells: tuple[Cell, ...] = ()
    """None of them: the modem looked and heard none. A cell without an identity is a network that
    was named without its cells."""
    unread: str | None = None
    """The reply, where it was not understood."""
