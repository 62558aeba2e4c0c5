"""What is said around the records: acknowledgements and a probe's presence."""

from datetime import datetime
from uuid import UUID

import msgspec

from wire.kinds.status import Payload as Health
from wire.messages import Position, RatMode

Range = tuple[int, int]
"""First and last `seq` of a run, both included."""


class Ack(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the collector has stored of one probe's epoch. Sent only after its own commit.

    A probe may delete a row only when it is covered by `contiguous_seq`, `stored` or `rejected`.
    """

    probe: str
    epoch: UUID
    contiguous_seq: int
    """Everything from 1 up to here is accounted for; 0 when nothing is."""
    stored: tuple[Range, ...] = ()
    """Runs above `contiguous_seq`; what lies between them is missing."""
    rejected: tuple[Range, ...] = ()
    """Records that could not be read: quarantined at the collector, not to be sent again."""
    rejected_batches: tuple[str, ...] = ()
    """Batch ids (`batch_id`) of which a record without a readable key was quarantined. The
    probe sends what is still open of them one record a batch, so that only the bad one is lost."""


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


def batch_id(epoch: UUID, first_seq: int, last_seq: int) -> str:
    """Name of a batch, sent as MQTT 5 correlation data beside it."""
    return f"{epoch}/{first_seq}-{last_seq}"


def parse_batch_id(text: str) -> tuple[UUID, int, int]:
    """Epoch, first and last `seq` of a batch id; raises ValueError."""
    epoch, _, span = text.partition("/")
    first, _, last = span.partition("-")
    return UUID(epoch), int(first), int(last)
