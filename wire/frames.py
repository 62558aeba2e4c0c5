"""Zstd frames one behind the other, unpacked in pieces: a record file of any length. No I/O."""

from collections.abc import Iterator
from itertools import chain

import zstandard

CHUNK_BYTES = 1 << 8
"""Compressed at a time: four bytes may unpack to 128 KiB, so even hostile ones give 8 MiB."""
_HEADER_BYTES = 18
"""Longest header of a zstd frame (RFC 8878)."""


class Frames:
    """Zstd frames one behind the other, unpacked in pieces. Raises `ZstdError`."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._confirms = False
        self.size = 0
        """Unpacked so far."""
        self.believed = 0
        """Of that, what is as it was written: whole frames, and what came of one that has no
        checksum and is cut."""

    def __iter__(self) -> Iterator[bytes]:
        rest = b""
        for chunk in chain(self._chunks, (b"",)):
            rest += chunk
            # A header may lie across two chunks; at the end there is no more of it.
            while rest and (self._frame or len(rest) >= _HEADER_BYTES or not chunk):
                piece, rest = self._unpack(rest)
                yield piece

    def cut(self) -> str | None:
        """Whether the file ends within a frame; then the rest of it is not believed."""
        if self._frame is None:
            return None
        if not self._confirms:
            self.believed = self.size
        return "ends in the middle of a zstd frame"

    def _unpack(self, packed: bytes) -> tuple[bytes, bytes]:
        """What it gives, and what comes after the frame."""
        frame = self._frame
        if frame is None:
            self._confirms = zstandard.get_frame_parameters(packed).has_checksum
            frame = self._frame = zstandard.ZstdDecompressor().decompressobj()
        piece = frame.decompress(packed)
        self.size += len(piece)
        if not frame.eof:
            return piece, b""
        self._frame = None
        self.believed = self.size
        return piece, frame.unused_data
