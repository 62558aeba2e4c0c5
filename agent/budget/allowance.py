"""What a SIM's data plan allows."""

import msgspec


class Allowance(msgspec.Struct, frozen=True, kw_only=True):
    """What one SIM may use."""

    limit_bytes: int | None = None
    """A period; None counts without a limit."""
    reserve_share: float = 0.1
    """Kept for delivering records: no test may touch it."""
    resets_on_day: int = 1

    @property
    def tests_bytes(self) -> int | None:
        """The limit less what is kept for records."""
        return (
            None if self.limit_bytes is None else round(self.limit_bytes * (1 - self.reserve_share))
        )
