"""Records carried by hand: what their files are called, and the list that lies beside them.

A file holds JSON lines in zstd frames without a dictionary, each with its checksum, so that
`zstd -dc` reads it anywhere. Names are safe on FAT32 and exFAT.
"""

import re
from datetime import datetime
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec

from wire.codec import PROBE_NAME
from wire.control import Range

MAX_MANIFEST_BYTES = 8 << 20
"""Longest list a reader accepts: forty thousand files."""

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_FILE = re.compile(rf"({PROBE_NAME.pattern})_({_UUID})_([0-9]{{1,19}})-([0-9]{{1,19}})\.jsonl\.zst")
_MANIFEST = re.compile(rf"({PROBE_NAME.pattern})_({_UUID})\.json")

Count = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class FileName(NamedTuple):
    """What the name of a record file says."""

    probe: str
    epoch: UUID
    span: Range
    """Of the rows in it: those between that are not in it were delivered or given up before."""

    def __str__(self) -> str:
        """The name itself."""
        return f"{self.probe}_{self.epoch}_{self.span[0]}-{self.span[1]}.jsonl.zst"


class CarriedFile(msgspec.Struct, frozen=True, kw_only=True):
    """One record file, as it was written."""

    name: str
    rows: Count
    bytes: Count
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a probe has carried out of one epoch into one folder."""

    probe: Annotated[str, msgspec.Meta(pattern=f"^{PROBE_NAME.pattern}$")]
    epoch: UUID
    made: Count
    """Highest `seq` given out in the epoch: what the ledger compares with what arrived."""
    complete: bool
    """Whether all that the outbox held then lies beside it."""
    software: str
    utc: datetime | None = None
    """When it was written, if the probe knew the time."""
    files: tuple[CarriedFile, ...] = ()


_decoder = msgspec.json.Decoder(Manifest)


def manifest_name(probe: str, epoch: UUID) -> str:
    """The name of the list for one epoch of one probe."""
    return f"{probe}_{epoch}.json"


def parse_file_name(name: str) -> FileName | None:
    """What a file's name says; None where it is not one of ours."""
    match = _FILE.fullmatch(name)
    if match is None:
        return None
    span = int(match[3]), int(match[4])
    return FileName(match[1], UUID(match[2]), span) if 1 <= span[0] <= span[1] < 1 << 63 else None


def is_manifest_name(name: str) -> bool:
    """Whether a file of this name should hold a `Manifest`."""
    return _MANIFEST.fullmatch(name) is not None


def decode_manifest(content: bytes) -> Manifest:
    """The list in a file; raises ValueError that says what is wrong."""
    if len(content) > MAX_MANIFEST_BYTES:
        raise ValueError(f"longer than {MAX_MANIFEST_BYTES} bytes")
    try:
        manifest = _decoder.decode(content)
    except RecursionError as error:
        raise ValueError(str(error)) from error
    for file in manifest.files:
        said = parse_file_name(file.name)
        if said is None or said[:2] != (manifest.probe, manifest.epoch):
            raise ValueError(f"names a file that is not of its epoch: {file.name[:200]!r}")
    return manifest
