"""Small files that are there in full or not at all, whenever the power goes."""

import os
from pathlib import Path


def write_durably(file: Path, content: bytes) -> None:
    """Replace `file` and return once both the content and the name are on the disk."""
    _replace(file, content, sync=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_atomically(file: Path, content: bytes) -> None:
    """Replace `file` so that a reader sees the old or the new content; for a RAM disk."""
    _replace(file, content, sync=False)


def remove_durably(file: Path) -> None:
    """Remove `file`, if it is there, and return once that is on the disk."""
    file.unlink(missing_ok=True)
    folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _replace(file: Path, content: bytes, *, sync: bool) -> None:
    draft = file.with_name(f".{file.name}.new")
    with draft.open("wb") as stream:
        stream.write(content)
        if sync:
            stream.flush()
            os.fsync(stream.fileno())
    draft.replace(file)
