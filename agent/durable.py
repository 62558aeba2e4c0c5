"""Small files that are there in full or not at all, whenever the power goes."""

import os
from pathlib import Path

PRIVATE = 0o600
PUBLIC = 0o644


def write_durably(file: Path, content: bytes, *, mode: int = PRIVATE) -> None:
    """Replace `file` and return once both the content and the name are on the disk."""
    draft = _draft(file)
    with draft.open("wb") as stream:
        os.fchmod(stream.fileno(), mode)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(file)
    sync_folder(file.parent)


def publish(file: Path, content: bytes) -> None:
    """Replace `file`, on a RAM disk: whoever reads it sees the old or the new content."""
    draft = _draft(file)
    with draft.open("wb") as stream:
        os.fchmod(stream.fileno(), PUBLIC)
        stream.write(content)
    draft.replace(file)


def remove_durably(file: Path) -> None:
    """Remove `file`, if it is there, and return once that is on the disk."""
    file.unlink(missing_ok=True)
    sync_folder(file.parent)


def _draft(file: Path) -> Path:
    return file.with_name(f".{file.name}.new")


def sync_folder(folder: Path) -> None:
    """Return once the names in a folder are on the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
