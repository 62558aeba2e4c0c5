"""A radio cell as a modem reports it: parts shared by several kinds of record."""

from enum import StrEnum
from typing import Annotated

import msgspec

Plmn = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{5,6}$")]
"""A network: MCC and MNC, two or three digits, as one string, e.g. `45204` (TS 23.003 2.2)."""


class Rat(StrEnum):
    """Radio access technology of a cell."""

    GSM = "gsm"
    WCDMA = "wcdma"
    LTE = "lte"
    NR = "nr"


class RatClass(StrEnum):
    """What a whole test ran on, from its 1 Hz snapshots of the serving cell."""

    G2 = "2g"
    G3 = "3g"
    G4 = "4g"
    """LTE in every snapshot with service, and no NR leg in any."""
    G5 = "5g"
    """NR serving, or an NR leg, in at least 90 % of the snapshots with service."""
    MIXED = "mixed"


class Cell(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One cell. Every field is None where the modem did not say or said something impossible."""

    rat: Rat
    mcc: str | None = None
    mnc: str | None = None
    """As broadcast: two or three digits, leading zeros kept."""
    cell_id: int | None = None
    """LTE ECI (28 bit), NR NCI (36 bit), UTRA or GSM CI."""
    tac: int | None = None
    lac: int | None = None
    pci: int | None = None
    psc: int | None = None
    bsic: int | None = None
    arfcn: int | None = None
    """EARFCN, NR-ARFCN (usually of the SSB), UARFCN or ARFCN, by `rat`."""
    band: int | None = None
    bandwidth_mhz: float | None = None
    """Downlink."""
    scs_khz: int | None = None
    duplex: str | None = None
    rsrp_dbm: float | None = None
    rsrq_db: float | None = None
    sinr_db: float | None = None
    sinr_raw: float | None = None
    """The number as printed, where its scale is not certain for this firmware."""
    rssi_dbm: float | None = None
    rscp_dbm: float | None = None
    ecio_db: float | None = None

    @property
    def plmn(self) -> str | None:
        """MCC and MNC as one string, or None if either is unknown."""
        return None if self.mcc is None or self.mnc is None else self.mcc + self.mnc


class TestRadio(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the modem was served by during one test, from serving-cell snapshots at 1 Hz."""

    rat_class: RatClass | None = None
    """None when there was no snapshot with a serving cell, or `coverage` is below 0.8: a test of
    which too little was seen counts for no technology."""
    seconds: float | None = None
    """How long the test lasted, without what it waited for a lock or the server."""
    coverage: float | None = None
    """Share of that time with a look at the radio that was answered."""
    snapshots: int = 0
    snapshots_without_service: int = 0
    nr_share: float | None = None
    """Share of the snapshots with service that had NR serving or an NR leg; None without one."""
    plmn: Plmn | None = None
    """Registered PLMN at the start."""
    cell_id: int | None = None
    """Of the serving cell at the start; with `plmn` it names the statistical block."""
    pci: int | None = None
    rsrp_dbm: float | None = None
    """Median over the snapshots, of the serving cell."""
    sinr_db: float | None = None
