"""What a probe says of its own rows in its events: given up, left out, or numbered anew."""

from collections.abc import Iterable
from typing import TypedDict
from uuid import UUID

from collector.ingest.decode import MAX_SEQ
from collector.store.ledger import DropNotice
from collector.store.runs import count
from wire.kinds.event import Payload
from wire.messages import AnyMeasurement


class Notices(TypedDict):
    """Fields of `collector.store.ledger.Received`."""

    drops: list[DropNotice]
    thinned: dict[int, int]
    refused: dict[int, int]
    renumbered: dict[UUID, int]


def notices(records: Iterable[AnyMeasurement]) -> Notices:
    """All that the events among the records say; what is malformed says nothing."""
    found = Notices(drops=[], thinned={}, refused={}, renumbered={})
    for record in records:
        if record.kind == "event" and record.payload is not None:
            _note(found, record, record.payload)
    return found


def _note(found: Notices, record: AnyMeasurement, event: Payload) -> None:
    seq = record.seq
    match event.name, event.detail:
        case "outbox_dropped", {"epoch": epoch} if epoch != str(record.epoch):
            return  # numbers of an epoch that was left since
        case (
            "outbox_dropped",
            {"first_seq": int(first), "last_seq": int(last), "count": int(dropped)},
        ) if 1 <= first <= last <= MAX_SEQ:
            dropped = max(0, min(dropped, count([(first, last)])))
            found["drops"].append(
                DropNotice(seq=seq, first_seq=first, last_seq=last, dropped=dropped)
            )
        case "outbox_thinned", {"count": int(rows)} if 0 <= rows <= MAX_ROWS:
            found["thinned"][seq] = rows
        case "outbox_refused", {"count": int(rows)} if 0 <= rows <= MAX_ROWS:
            found["refused"][seq] = rows
        case "epoch_conflict", {"epoch": str(text), "made": int(made)} if 1 <= made <= MAX_SEQ:
            try:
                found["renumbered"][UUID(text)] = made
            except ValueError:
                return
        case _:
            return


MAX_ROWS = 1 << 40
"""Of one event; a larger number would be no count, and overflow the sum one day."""
