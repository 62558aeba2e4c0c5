"""Rows, what the collector could not read, where we stand, and how much there is of each rank."""

from uuid import uuid4

from agent.outbox.door import Database

RANKS = 5


def change(db: Database) -> None:
    """Make the first tables, and begin an epoch."""
    db.table("outbox").create(
        {"seq": int, "rank": int, "record": bytes},
        pk="seq",
        not_null={"rank", "record"},
        strict=True,
    )
    db.table("rejected").create(
        {"seq": int, "record": bytes}, pk="seq", not_null={"record"}, strict=True
    )
    counts = {"epoch": str, "made": int, "dropped": int, "rejected": int}
    db.table("state").create({"id": int} | counts, pk="id", not_null=set(counts), strict=True)
    db.table("state").insert(
        {"id": 1, "epoch": str(uuid4()), "made": 0, "dropped": 0, "rejected": 0}
    )
    db.table("held").create(
        {"rank": int, "rows": int, "bytes": int}, pk="rank", not_null={"rows", "bytes"}, strict=True
    )
    db.table("held").insert_all({"rank": rank, "rows": 0, "bytes": 0} for rank in range(RANKS))
