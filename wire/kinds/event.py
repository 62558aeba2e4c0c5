"""Something that happened at the probe and matters to whoever reads the measurements."""

import msgspec

SCHEMA = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One event.

    Names that other parts rely on: `clock_anchor` (the record's own `boot_id`, `mono_ns`, `utc`
    and `utc_err_s` are the anchor), `outbox_dropped` (`first_seq`, `last_seq`, `count`: rows given
    up by policy), `rat_lock_lost`, `modem_gone`, `modem_back`, `worker_restarted`. All names stand
    in docs/reference/agent-commands.md.
    """

    name: str
    severity: str = "info"
    """`info`, `warning` or `error`."""
    detail: dict[str, str | int | float | bool | None] = {}
