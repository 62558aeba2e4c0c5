"""How the probe itself is doing, once a minute."""

import msgspec

SCHEMA = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Health of one probe."""

    uptime_s: float
    outbox_rows: int
    outbox_bytes: int | None = None
    dropped_rows: int = 0
    """Given up by policy since the epoch began."""
    rejected_rows: int = 0
    unread_replies: int = 0
    """Replies of modems that were not understood since start; their text is in radio rows."""
    uplink: str | None = None
    """`connected` or `offline`."""
    uplink_path: str | None = None
    """Of the configured paths the one that carries the link; None where the system chooses."""
    uplink_alarm: str | None = None
    """Why nothing is acknowledged, where a person has to look at it; None when it is again."""
    cpu_load_1min: float | None = None
    cpu_temperature_c: float | None = None
    memory_rss_bytes: int | None = None
    throttled: int | None = None
    """Raspberry Pi `get_throttled` bits; None elsewhere."""
    disk_free_bytes: int | None = None
    workers: dict[str, str] = {}
    """State of each worker: `running`, `waiting: ...`, `broken: ...`."""
