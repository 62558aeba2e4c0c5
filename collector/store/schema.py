"""The tables of the ledger's file, step by step.

An older file is brought up to date, so no step is ever changed once it was released.
"""

from collections.abc import Callable

from sqlite_utils import Database


def version(database: Database) -> int:
    """How many of the steps the file has seen."""
    return int(database.execute("PRAGMA user_version").fetchone()[0])


def bring_up_to_date(database: Database) -> None:
    """Make what is missing. Each step happens wholly or not at all."""
    for number, step in enumerate(_STEPS[version(database) :], version(database) + 1):
        with database.atomic():
            step(database)
            database.execute(f"PRAGMA user_version = {number}")


def _received_and_refused(database: Database) -> None:
    """Also met in files of 26.11, which had no version yet."""
    tables: dict[str, tuple[dict[str, type], str | tuple[str, ...]]] = {
        "run": (
            {"probe": str, "epoch": str, "state": str, "first_seq": int, "last_seq": int},
            ("probe", "epoch", "state", "first_seq"),
        ),
        "epoch": (
            {
                "probe": str,
                "epoch": str,
                "made": int,
                "duplicates_dropped": int,
                "last_received_utc": str,
            },
            ("probe", "epoch"),
        ),
        "drop_notice": (
            {
                "probe": str,
                "epoch": str,
                "seq": int,
                "first_seq": int,
                "last_seq": int,
                "dropped": int,
            },
            ("probe", "epoch", "seq"),
        ),
        "presence": ({"probe": str, "online": int, "received_utc": str, "message": str}, "probe"),
        "lake": ({"kind": str, "table_id": str}, "kind"),
        "quarantine": (
            {
                "digest": str,
                "topic": str,
                "reason": str,
                "probe": str,
                "epoch": str,
                "seq": int,
                "batch": str,
                "first_utc": str,
                "last_utc": str,
                "times": int,
                "content": bytes,
            },
            "digest",
        ),
        "quarantine_totals": (
            {"id": int, "kept_rows": int, "kept_bytes": int, "given_up_rows": int},
            "id",
        ),
    }
    for name, (columns, key) in tables.items():
        database.table(name).create(columns, pk=key, strict=True, if_not_exists=True)
    # Without it each refused message beyond the bound would cost a look at all of them.
    database.table("quarantine").create_index(["last_utc"], if_not_exists=True)
    totals = {"id": 1, "kept_rows": 0, "kept_bytes": 0, "given_up_rows": 0}
    database.table("quarantine_totals").insert(totals, ignore=True)


def _boots_and_ages(database: Database) -> None:
    """Runs know their boot, holes their age, and the probe's own losses are counted.

    What was received before is of the boot `''`, which is compared with nothing.
    """
    script = """
    ALTER TABLE run RENAME TO old_run;
    CREATE TABLE run (
        probe TEXT, epoch TEXT, state TEXT, first_seq INTEGER, last_seq INTEGER, boot_id TEXT,
        PRIMARY KEY (probe, epoch, state, first_seq, boot_id)
    ) STRICT;
    INSERT INTO run SELECT *, '' FROM old_run;
    DROP TABLE old_run;
    CREATE TABLE horizon (
        probe TEXT, epoch TEXT, first_seq INTEGER, last_seq INTEGER, known_utc TEXT,
        PRIMARY KEY (probe, epoch, first_seq)
    ) STRICT;
    CREATE TABLE latest (
        probe TEXT, kind TEXT, epoch TEXT, seq INTEGER, PRIMARY KEY (probe, kind)
    ) STRICT;
    ALTER TABLE epoch ADD COLUMN thinned_at_probe INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE epoch ADD COLUMN refused_at_probe INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE epoch ADD COLUMN conflict_since_utc TEXT;
    """
    for statement in script.split(";"):
        database.execute(statement)


_STEPS: tuple[Callable[[Database], None], ...] = (_received_and_refused, _boots_and_ages)

VERSION = len(_STEPS)
"""Of a file that is up to date."""
