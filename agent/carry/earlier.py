"""What lies in a folder from an earlier time: only what is read and found whole counts."""

import hashlib
from collections.abc import Callable, Iterator
from typing import BinaryIO
from uuid import UUID

import msgspec
import zstandard

from agent.carry.folder import Folder
from wire.carried import (
    MAX_MANIFEST_BYTES,
    CarriedFile,
    FileName,
    decode_manifest,
    manifest_name,
    parse_file_name,
)
from wire.codec import MAX_LINE_BYTES, UNDECODABLE
from wire.frames import CHUNK_BYTES, Frames

READ_BYTES = 1 << 16
MOST_FILE_BYTES = 1 << 27
"""More than any file of ours takes: a longer one is not looked into."""


class _Key(msgspec.Struct, frozen=True):
    probe: str
    epoch: UUID
    seq: int


_key = msgspec.json.Decoder(_Key)


def whole_files(
    folder: Folder, probe: str, epoch: UUID, beat: Callable[[], None]
) -> list[CarriedFile]:
    """The record files of one epoch that are as they were written, by their first row.

    A file that the list does not name was whole when the stick was pulled out before the list was
    written; it is unpacked and read. `beat` is called for each file. Raises OSError.
    """
    listed = {file.name: file for file in _listed(folder, probe, epoch)}
    whole: list[tuple[FileName, CarriedFile]] = []
    for name in folder.names():
        said = parse_file_name(name)
        if said is None or said[:2] != (probe, epoch):
            continue
        beat()
        found = _checked(folder, said, listed.get(name))
        if found is not None:
            whole.append((said, found))
    return [file for _, file in sorted(whole, key=lambda each: each[0].span)]


def _listed(folder: Folder, probe: str, epoch: UUID) -> tuple[CarriedFile, ...]:
    """What the list names; nothing where there is none that can be read."""
    try:
        with folder.reading(manifest_name(probe, epoch)) as stream:
            return decode_manifest(stream.read(MAX_MANIFEST_BYTES + 1)).files
    except (FileNotFoundError, ValueError):
        return ()


def _checked(folder: Folder, said: FileName, listed: CarriedFile | None) -> CarriedFile | None:
    """The file, if it is whole."""
    name = str(said)
    digest = hashlib.sha256()
    size = 0
    with folder.reading(name) as stream:
        for chunk in _chunks(stream, READ_BYTES):
            digest.update(chunk)
            size += len(chunk)
        if size > MOST_FILE_BYTES:
            return None
        if listed is not None and (listed.bytes, listed.sha256) == (size, digest.hexdigest()):
            return listed
        stream.seek(0)
        rows = _rows(stream, said)
    if rows is None:
        return None
    return CarriedFile(name=name, rows=rows, bytes=size, sha256=digest.hexdigest())


def _rows(stream: BinaryIO, said: FileName) -> int | None:
    """How many rows of the epoch the file holds; None if it is not whole or holds others."""
    rows, last_seq = 0, said.span[0] - 1
    try:
        for line in _lines(stream):
            key = _key.decode(line)
            if (key.probe, key.epoch) != said[:2] or key.seq <= last_seq:
                return None
            if not rows and key.seq != said.span[0]:
                return None
            rows, last_seq = rows + 1, key.seq
    except (zstandard.ZstdError, *UNDECODABLE, EOFError):
        return None
    return rows if last_seq == said.span[1] else None


def _lines(stream: BinaryIO) -> Iterator[bytes]:
    """Of frames one behind the other; EOFError where the last one or a line is not whole."""
    rest = b""
    frames = Frames(_chunks(stream, CHUNK_BYTES))
    for piece in frames:
        *whole, rest = (rest + piece).split(b"\n")
        yield from whole
        if len(rest) > MAX_LINE_BYTES:
            raise EOFError
    if frames.cut() or rest:
        raise EOFError


def _chunks(stream: BinaryIO, size: int) -> Iterator[bytes]:
    left = MOST_FILE_BYTES + READ_BYTES
    while left > 0 and (chunk := stream.read(size)):
        left -= len(chunk)
        yield chunk
