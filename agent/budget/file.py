"""The ledger's file: replaced as a whole, so that a power cut leaves the old one or the new one.

One small document with one owner, rewritten a few times a minute at most: a database would bring
its journal and its own repair for nothing. A digest in front finds what the card changed.
"""

import hashlib
from pathlib import Path

import msgspec

from agent.budget.book import Book
from agent.durable import write_durably
from wire.codec import UNDECODABLE

NAME = "budget.json"
MAX_FILE_BYTES = 8 << 20
VERSION = 1


class DamagedError(Exception):
    """The ledger's file is there and cannot be believed; the text says why."""


def load(file: Path) -> Book | None:
    """What the file says; None when there is none. Raises `DamagedError` or `OSError`."""
    try:
        with file.open("rb") as stream:
            content = stream.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    digest, _, document = content.partition(b"\n")
    if len(content) > MAX_FILE_BYTES:
        raise DamagedError(f"longer than {MAX_FILE_BYTES} bytes")
    if digest != _digest(document):
        raise DamagedError("its digest does not fit its content")
    try:
        book = msgspec.json.decode(document, type=Book)
    except UNDECODABLE as error:
        raise DamagedError(str(error)) from error
    if book.version > VERSION:
        raise DamagedError(f"version {book.version} is newer than ours, {VERSION}")
    return book


def save(file: Path, book: Book) -> None:
    """Replace the file; on the disk on return. Raises `OSError`."""
    document = msgspec.json.encode(book)
    write_durably(file, _digest(document) + b"\n" + document)


def set_aside(file: Path) -> Path | None:
    """Keep a damaged file under another name, the last one only; None when that cannot be done."""
    kept = file.with_suffix(".damaged")
    try:
        file.replace(kept)
    except OSError:
        return None
    return kept


def _digest(document: bytes) -> bytes:
    return hashlib.blake2b(document, digest_size=16).hexdigest().encode()
