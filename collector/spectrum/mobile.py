"""Blocks of the mobile bands of Viet Nam and who holds them: `config/spectrum/mobile.toml`."""

from datetime import date
from pathlib import Path

import msgspec

from collector.spectrum import files
from collector.spectrum.errors import FileError
from collector.spectrum.span import Span
from wire.cells import Rat

FILE = "mobile.toml"


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """One block, or a whole band where its blocks are not known."""

    name: str
    lte_bands: tuple[int, ...]
    nr_bands: tuple[int, ...]
    downlink: Span
    uplink: Span
    """The same as the downlink in TDD."""
    duplex: str
    holder: str | None
    """None where it is not published, or several share the band."""
    since: date | None
    source: str

    def in_band(self, rat: Rat, band: int) -> bool:
        """Whether the 3GPP band contains the block."""
        return band in {Rat.LTE: self.lte_bands, Rat.NR: self.nr_bands}.get(rat, ())


class _Block(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    nr_bands: tuple[int, ...]
    source: str
    lte_bands: tuple[int, ...] = ()
    uplink_mhz: tuple[float, float] | None = None
    downlink_mhz: tuple[float, float] | None = None
    tdd_mhz: tuple[float, float] | None = None
    holder: str | None = None
    since: date | None = None

    def block(self) -> Block:
        """The block with its spans; ValueError where they are no pair."""
        uplink, downlink = self._edges()
        return Block(
            name=self.name,
            lte_bands=self.lte_bands,
            nr_bands=self.nr_bands,
            downlink=Span(*downlink),
            uplink=Span(*uplink),
            duplex="FDD" if self.tdd_mhz is None else "TDD",
            holder=self.holder,
            since=self.since,
            source=self.source,
        )

    def _edges(self) -> tuple[tuple[float, float], tuple[float, float]]:
        """Of the uplink and the downlink."""
        match (self.uplink_mhz, self.downlink_mhz, self.tdd_mhz):
            case (None, None, (_, _) as both):
                return both, both
            case ((_, _) as uplink, (_, _) as downlink, None):
                return uplink, downlink
        raise ValueError("needs uplink_mhz and downlink_mhz, or tdd_mhz alone")


class _File(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    block: tuple[_Block, ...]


def load(folder: Path) -> tuple[Block, ...]:
    """The blocks in a folder, in the order of the file; raises `FileError`."""
    file = folder / FILE
    blocks = []
    for index, one in enumerate(files.read(file, _File).block):
        try:
            blocks.append(one.block())
        except ValueError as error:
            raise FileError(file, f"block[{index}]", str(error)) from error
    return tuple(blocks)
