"""What is said around the records: acknowledgements and a probe's presence."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import msgspec

from wire.kinds.status import Payload as Health
from wire.messages import Position, RatMode

Seq = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]
Range = tuple[Seq, Seq]
"""First and last `seq` of a run, both included."""


class Ack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the collector has stored of one probe's epoch. Sent only after its own commit.

    A probe may delete a row only when it is covered by `contiguous_seq`, `stored` or `rejected`.
    """

    probe: str
    epoch: UUID
    sender: UUID | None = None
    """`boot_id` of the probe whose batch is answered, where the batch said so. Two probes on copies
    of one card have one name, and neither may delete a row for the other's answer."""
    contiguous_seq: Seq
    """Everything from 1 up to here is accounted for; 0 when nothing is."""
    stored: tuple[Range, ...] = ()
    """Runs above `contiguous_seq`; what lies between them is missing."""
    rejected: tuple[Range, ...] = ()
    """Records that could not be read: quarantined at the collector, not to be sent again."""
    rejected_batches: tuple[str, ...] = ()
    """Batch ids (`batch_id`) of which a record without a readable key was quarantined. The
    probe sends what is still open of them one record a batch, so that only the bad one is lost."""
    conflicts: tuple[Range, ...] = ()
    """Numbers under which other records of this epoch are stored already: the probe's outbox is a
    copy of an older state of another one. It numbers what it has left anew, in a new epoch."""


class TimeAsked(msgspec.Struct, frozen=True, kw_only=True):
    """A probe without a clock asks what time it is."""

    probe: str
    boot_id: UUID
    mono_ns: int
    """CLOCK_BOOTTIME when it asked; comes back in the answer."""


class TimeTold(msgspec.Struct, frozen=True, kw_only=True):
    """The collector's clock at some instant between `mono_ns` and the arrival of this answer."""

    probe: str
    boot_id: UUID
    mono_ns: int
    utc: Annotated[datetime, msgspec.Meta(tz=True)]


class ModemState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One modem as a dashboard wants it."""

    name: str
    state: str
    usb_path: str | None = None
    """Where it is plugged in; None while it is not there."""
    model: str | None = None
    plmn: str | None = None
    mode: str | None = None
    rsrp_dbm: float | None = None
    sinr_db: float | None = None
    lock: RatMode | None = None
    trouble: str | None = None
    """What is wrong with it that a person has to mend, and how; None where nothing is known."""
    data_used_bytes: int | None = None
    """Of its SIM, in this billing period."""
    data_limit_bytes: int | None = None


class PlanAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a probe says to the last message on `.../down/plan` (`wire.signed_plan`)."""

    digest: str | None = None
    """Of that message (`wire.signed_plan.digest`); None for what was kept and is damaged."""
    number: int | None = None
    """Which it said it had; None where it could not be read."""
    accepted: bool
    problem: str | None = None
    """Why it was refused, or is not in force although it was accepted."""
    accepted_number: int | None = None
    """The highest number that was ever accepted: the next one has to be above it."""
    in_force: bool = False
    """Whether the plan of `accepted_number` is followed, and not the probe's own."""
    in_force_until_utc: datetime | None = None


class Presence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The retained message on `.../up/status`; the broker sends `online: false` as last will."""

    probe: str
    online: bool
    epoch: UUID | None = None
    made: int | None = None
    """Highest `seq` given out in the epoch: what the ledger compares with what arrived."""
    outbox_rows: int | None = None
    software: str | None = None
    utc: datetime | None = None
    position: Position | None = None
    modems: tuple[ModemState, ...] = ()
    health: Health | None = None
    plan: PlanAnswer | None = None
    """None where none was ever sent."""


SENDER = "sender"
"""MQTT 5 user property of a batch: `boot_id` of the probe that sends it, for `Ack.sender`."""


def batch_id(epoch: UUID, first_seq: int, last_seq: int) -> str:
    """Name of a batch, sent as MQTT 5 correlation data beside it."""
    return f"{epoch}/{first_seq}-{last_seq}"


def parse_batch_id(text: str) -> tuple[UUID, int, int]:
    """Epoch, first and last `seq` of a batch id; raises ValueError."""
    epoch, _, span = text.partition("/")
    first, _, last = span.partition("-")
    return UUID(epoch), int(first), int(last)
