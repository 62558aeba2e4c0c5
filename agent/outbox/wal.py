"""The write-ahead log beside the database: how long it is, and who keeps it from being reused."""

import errno
import logging
import os
from pathlib import Path

log = logging.getLogger(__name__)

PAGE_BYTES = 512
"""A commit a second writes few rows: small pages bring few other rows to the card with them."""
PAGES = 1000
"""After so many it is folded into the database and written again from its beginning."""
LENGTH_BYTES = 32 + (PAGES + 100) * (PAGE_BYTES + 24)
"""Its usual length: a header, and for each page a header of its own."""
LOCKS = Path("/proc/locks")
_READ_LOCKS = range(123, 128)
"""Bytes of the log's index that SQLite locks for a reader; who only has it open locks byte 128."""


def wal_of(database: Path) -> Path:
    """Where SQLite keeps it."""
    return database.with_name(database.name + "-wal")


def length(database: Path) -> int:
    """Bytes of the log; 0 when there is none."""
    try:
        return wal_of(database).stat().st_size
    except FileNotFoundError:
        return 0


def lengthen(database: Path) -> None:
    """Give an empty log its usual length in advance, while nobody else uses the database.

    Overwriting costs a quarter of what appending does: no block has to be found, and the file
    system has nothing to note in its own journal. Zeros end a log as any other old content does.
    """
    missing = LENGTH_BYTES - length(database)
    if missing <= 0 or not wal_of(database).exists():
        return
    try:
        with wal_of(database).open("ab") as stream:
            stream.write(bytes(missing))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        log.warning("%s: the disk is full", database)


def readers(database: Path) -> tuple[int, ...]:
    """Other processes that are in the middle of reading, as far as the kernel tells."""
    try:
        index = database.with_name(database.name + "-shm").stat()
        table = LOCKS.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError):
        return ()
    name = f"{os.major(index.st_dev):02x}:{os.minor(index.st_dev):02x}:{index.st_ino}"
    pids = set()
    for line in table:
        match line.split():  # 1: POSIX  ADVISORY  READ  4711 08:01:1234 124 124
            case [_, "POSIX", _, "READ", pid, file, first, _] if file == name:
                if int(first) in _READ_LOCKS:
                    pids.add(int(pid))
    return tuple(sorted(pids - {os.getpid()}))
