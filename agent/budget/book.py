"""The ledger's content as it lies on the disk."""

from datetime import date, datetime
from uuid import UUID

import msgspec

Hour = int
"""Whole hours of CLOCK_BOOTTIME."""


class Day(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One SIM, one local day."""

    carried_bytes: int = 0
    """All that the interface carried, both ways."""
    optional_bytes: int = 0
    """Of these, by optional tests."""
    wanted_bytes: int = 0
    """What optional tests would have taken if none had been left out."""


class Account(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One SIM, or a modem whose SIM is not known yet."""

    days: dict[date, Day] = {}
    undated: dict[UUID, dict[Hour, int]] = {}
    """Bytes of a boot while it did not know the time."""
    told: dict[date, int] = {}
    """Start of a period: the highest percentage that was put on record."""
    typical_bytes: dict[str, float] = {}
    """What a test of a plan entry usually takes."""


class Reservation(msgspec.Struct, kw_only=True, omit_defaults=True):
    """The worst case of a test that runs, or ran when the power went."""

    modem: str
    account: str
    most_bytes: int
    boot_id: UUID
    day: date | None = None
    plan: str | None = None
    optional: bool = False
    counted_bytes: int = 0
    """Carried since, and charged already."""
    gap: bool = False
    """The counters do not tell all of it: the interface began anew meanwhile."""

    @property
    def open_bytes(self) -> int:
        """What it may still take."""
        return max(0, self.most_bytes - self.counted_bytes)


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What an interface's counters said last."""

    interface: str
    index: int
    """The kernel's number: a new one means a new interface that counts from zero."""
    rx_bytes: int
    tx_bytes: int


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """The last reading of one modem's interface, and whose it was."""

    reading: Reading
    boot_id: UUID
    account: str


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """An earlier ledger was unreadable; `utc` is None while the time of that is not known."""

    boot_id: UUID
    utc: datetime | None = None


class Book(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Everything that must survive a power cut."""

    version: int = 1
    accounts: dict[str, Account] = {}
    reservations: dict[int, Reservation] = {}
    next_reservation: int = 1
    seen: dict[str, Seen] = {}
    """By modem."""
    cards: dict[str, str] = {}
    """The last known ICCID of each modem."""
    last_day: date | None = None
    """The newest local day that was known."""
    lost: Lost | None = None
