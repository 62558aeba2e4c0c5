"""Where the probe was, once a second, independent of any modem."""

import msgspec

SCHEMA = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One GNSS epoch; the position itself is in the record's envelope."""

    satellites_used: int | None = None
    satellites_seen: int | None = None
    hdop: float | None = None
    rejected: str | None = None
    """Why the receiver's fix was not believed: `stale`, `null_island`, `jump`, `old_date`, ..."""
