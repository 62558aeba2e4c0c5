"""What an operator runs: technologies and cells, as the world file holds them."""

from enum import StrEnum

import msgspec

from wire.cells import Rat


class Technology(StrEnum):
    """How a modem can be served; also what a RAT lock allows."""

    GSM = "gsm"
    LTE = "lte"
    NR_NSA = "nr-nsa"
    """An NR leg beside an LTE anchor (EN-DC)."""
    NR_SA = "nr-sa"


ALL_TECHNOLOGIES = frozenset(Technology)


class Operator(msgspec.Struct, frozen=True, kw_only=True):
    """A mobile network."""

    plmn: str
    name: str
    technologies: tuple[Technology, ...]


class Cell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cell with an antenna that radiates alike in all directions."""

    plmn: str
    rat: Rat
    lat_deg: float
    lon_deg: float
    cell_id: int
    area_code: int
    """TAC, or LAC for GSM."""
    code: int
    """PCI, or BSIC for GSM."""
    arfcn: int
    band: int
    bandwidth_mhz: float
    scs_khz: int | None = None
    duplex: str = "FDD"
    reference_dbm: float
    """Radiated power of one resource element of the reference signal; of the BCCH for GSM."""
