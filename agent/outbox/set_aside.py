"""Moves a file that cannot be used out of the way, and puts one in its place that can.

The new one is complete before it gets its name: whatever interrupts this, the next start finds
either the old file and begins again, or the new one.
"""

import logging
import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from agent.durable import sync_folder
from agent.outbox.errors import NewerFileError, UnusableFileError
from agent.outbox.file import OutboxFile, lock
from agent.outbox.salvage import salvage
from agent.outbox.watermark import Watermark

log = logging.getLogger(__name__)

KEPT = 3
"""Damaged files kept for whoever wants to look into them; older ones make room."""


def set_aside(
    error: UnusableFileError, *, watermark: Watermark, progress: Callable[[], None]
) -> dict[str, Any]:
    """Put a new file in the place of an unusable one; what is to be said about it.

    Raises sqlite3.Error or OSError where the disk does not let it.
    """
    handle = lock(error.path)
    try:
        if isinstance(error, NewerFileError):
            kept_as = _free_name(error.path, "newer")
            _rename(error.path, kept_as)
            log.error("%s; kept as %s", error, kept_as.name)
            return {"reason": error.reason, "kept_as": kept_as.name}
        return _renew(error, watermark=watermark, progress=progress)
    finally:
        os.close(handle)


def finish(path: Path) -> None:
    """Give a new file its name where that was interrupted, and clear away half a one.

    Raises `OutboxTakenError` while another process is at it.
    """
    draft = _draft(path)
    if not draft.exists():
        return
    handle = lock(path)
    try:
        _finish(path, draft)
    finally:
        os.close(handle)


def _finish(path: Path, draft: Path) -> None:
    if not path.exists():
        # A log that was left behind belongs to the damaged file: it would damage the new one.
        _rename(path, _aside(path, "corrupt", max(_numbers(path, "corrupt"), default=1)))
        _rename(draft, path)
    _remove(draft)


def _renew(
    error: UnusableFileError, *, watermark: Watermark, progress: Callable[[], None]
) -> dict[str, Any]:
    path, draft = error.path, _draft(error.path)
    _remove(draft)
    with closing(OutboxFile(draft, check_s=None)) as new:
        salvaged = salvage(path, new, watermark=watermark, progress=progress)
    kept_as = _free_name(path, "corrupt")
    for number in _numbers(path, "corrupt")[: -KEPT + 1 or None]:
        _remove(_aside(path, "corrupt", number))
    _rename(path, kept_as)
    _rename(draft, path)
    _remove(draft)
    log.error("%s; kept as %s, %d rows were saved", error, kept_as.name, salvaged.rows)
    return {
        "reason": error.reason,
        "kept_as": kept_as.name,
        "epoch": None if salvaged.epoch is None else str(salvaged.epoch),
        "salvaged": salvaged.rows,
        "unaccounted": salvaged.unaccounted,
    }


def _draft(path: Path) -> Path:
    return path.with_name(path.name + ".new")


def _aside(path: Path, why: str, number: int) -> Path:
    return path.with_name(f"{path.name}.{why}-{number}")


def _numbers(path: Path, why: str) -> list[int]:
    """Those in use, ascending."""
    return sorted(
        int(suffix)
        for each in path.parent.glob(f"{path.name}.{why}-*")
        if (suffix := each.name.rpartition("-")[2]).isdecimal()
    )


def _free_name(path: Path, why: str) -> Path:
    return _aside(path, why, max(_numbers(path, why), default=0) + 1)


def _parts(path: Path) -> tuple[Path, ...]:
    """A database and the two files SQLite keeps beside it."""
    return tuple(path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))


def _rename(path: Path, target: Path) -> None:
    for part, renamed in zip(_parts(path), _parts(target), strict=True):
        if part.exists():
            part.rename(renamed)
    sync_folder(path.parent)


def _remove(path: Path) -> None:
    for part in (*_parts(path), path.with_name(path.name + ".lock")):
        part.unlink(missing_ok=True)
