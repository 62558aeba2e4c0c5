"""A commit that only adds rows writes nothing else: `state` is worked out where it is read.

`saved` is one row, written when something goes or now and then; rows above its `made` came later.
From here on records are packed (`wire.codec.pack_line`); those of before stay as they are.
"""

import json

from agent.outbox.door import Database


def change(db: Database) -> None:
    """Put `state` and `held` into `saved`; what was made may all have been given out."""
    state = db.table("state").get(1)
    held = db.execute("SELECT rows, bytes FROM held ORDER BY rank").fetchall()
    columns = {
        "epoch": str,
        "made": int,
        "dropped": int,
        "rejected": int,
        "lent": int,
        "held": str,
    }
    db.table("saved").create({"id": int} | columns, pk="id", not_null=set(columns), strict=True)
    db.table("saved").insert(state | {"lent": state["made"], "held": json.dumps(held)})
    db.table("state").drop()
    db.table("held").drop()
    db.create_view(
        "state",
        "SELECT epoch, max(made, (SELECT ifnull(max(seq), 0) FROM outbox)) AS made,"
        " dropped, rejected FROM saved",
    )
