"""How the outbox's file came to look as it does: one module a step, `to_N` makes it schema N.

A new file goes through all of them. A change of the tables is one new module.
"""

import importlib
import pkgutil

from agent.outbox.door import Database

_PREFIX = "to_"
_STEPS = {
    int(info.name.removeprefix(_PREFIX)): info.name
    for info in pkgutil.iter_modules(__path__)
    if info.name.startswith(_PREFIX)
}
NEWEST = max(_STEPS)


def schema_of(db: Database) -> int:
    """The file's schema; 0 before there is a table."""
    (schema,) = db.execute("PRAGMA user_version").fetchone()
    return int(schema)


def bring_up(db: Database) -> None:
    """Bring an older or empty file up to the newest schema; all steps or none."""
    with db.atomic():
        for schema in range(schema_of(db) + 1, NEWEST + 1):
            importlib.import_module(f"{__name__}.{_STEPS[schema]}").change(db)
            db.execute(f"PRAGMA user_version={schema}")
