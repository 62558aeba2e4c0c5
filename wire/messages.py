"""The record: one frozen `Measurement` per planned sample, whatever came of it.

Units stand in the names. `None` means the device did not say; it is never a number.
A record is immutable once a probe's outbox has accepted it: `utc` may be unknown then and is
worked out later from the clock anchor of the same boot (see docs/decisions/immutable-records.md).
"""

from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from wire.cells import Plmn

P = TypeVar("P")


class Outcome(StrEnum):
    """How a planned sample ended. Every planned sample ends as a row with one of these."""

    OK = "ok"
    SLOW = "slow"
    """Finished, but a stage took longer than its profile allows; `reason` names the stage."""
    FAILED = "failed"
    """The network failed it; `reason` is `stage: what happened`."""
    NO_SERVICE = "no_service"
    MODEM_GONE = "modem_gone"
    SKIPPED = "skipped"
    """Planned but not run; `reason` says why (budget, busy, temperature, ...)."""
    INVALID = "invalid"
    """The probe's or the server's fault (host-limited, wrong path, ...): in no statistic."""


class ClockState(StrEnum):
    """What the probe knew of the time when it made the record."""

    UNSYNCED = "unsynced"
    RESTORED = "restored"
    """Taken from the last time saved on disk: hours may be missing. Never used as UTC."""
    COLLECTOR = "collector"
    """Told by the collector, to within half the way there and back."""
    NTP = "ntp"
    GPS = "gps"

    @property
    def is_told(self) -> bool:
        """Whether somebody told the time; otherwise it is not believed."""
        return self not in {ClockState.UNSYNCED, ClockState.RESTORED}


class PositionSource(StrEnum):
    """Where the position comes from."""

    GNSS = "gnss"
    SURVEYED = "surveyed"
    NONE = "none"


class RatMode(StrEnum):
    """The one vocabulary for locking a modem's radio access technology."""

    G2 = "2g"
    G3 = "3g"
    G4 = "4g"
    G5_NSA = "5g-nsa"
    G5_SA = "5g-sa"
    G5 = "5g"
    AUTO = "auto"


class Position(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where the probe was. A stale or impossible fix is no fix: then `source` is `none`."""

    source: PositionSource = PositionSource.NONE
    lat_deg: float | None = None
    lon_deg: float | None = None
    altitude_m: float | None = None
    """Above the WGS 84 ellipsoid."""
    speed_m_s: float | None = None
    course_deg: float | None = None
    horizontal_error_m: float | None = None
    """95 % estimate of the receiver (gpsd `eph`)."""
    age_s: float | None = None
    """Monotonic age of the fix when the record was made."""
    fix_mode: int | None = None
    """gpsd mode: 1 no fix, 2 2D, 3 3D."""


class Modem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which modem: the physical USB path is the key, the rest is what it says of itself."""

    usb_path: str
    name: str | None = None
    """The name the probe's configuration gives this place."""
    imei: str | None = None
    model: str | None = None
    firmware: str | None = None


class Sim(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which SIM card."""

    iccid: str | None = None
    home_plmn: Plmn | None = None
    """MCC and MNC as one string, leading zeros kept, e.g. `45204`."""


class RatLock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Proof of the RAT lock: what was asked, what the modem read back, what the cell was."""

    asked: RatMode | None = None
    read_back: RatMode | None = None
    serving_agreed: bool | None = None
    """Whether the serving cell agreed during the whole record; None where not observed."""
    narrowed_to: str | None = None
    """Bands or a cell the modem is held on besides, in words, e.g. `bands lte 3 7`: such a record
    says nothing of the rest of the network."""
    narrowed_read_back: bool | None = None
    """Whether the modem read these back as asked."""


class Measurement(msgspec.Struct, Generic[P], frozen=True, kw_only=True, omit_defaults=True):
    """One record. `(probe, epoch, seq)` is its key; delivering it twice is harmless."""

    probe: str
    epoch: UUID
    """Made when the outbox is created: a restored card cannot speak for foreign rows."""
    seq: int
    """Counts up from 1 within the epoch, without gaps."""
    kind: str
    schema: int
    boot_id: UUID
    mono_ns: int
    """CLOCK_BOOTTIME of the start of the sample, to whole milliseconds."""
    utc: datetime | None = None
    """UTC of the same instant, or None as long as no trusted clock was seen in this boot."""
    clock_state: ClockState = ClockState.UNSYNCED
    """Who told `utc`: of a record that is unsynced or restored it is not believed."""
    utc_err_s: float | None = None
    """The true time lies no further from `utc`."""
    position: Position = Position()
    modem: Modem | None = None
    sim: Sim | None = None
    rat_lock: RatLock | None = None
    outcome: Outcome
    reason: str | None = None
    plan: str | None = None
    """The plan entry that asked for the sample."""
    profile: str | None = None
    """The test profile, e.g. `tcp-6x10s`; like is only compared with like."""
    software: str
    payload: P | None = None
    """The kind's own fields; None when the sample was skipped before it began."""


AnyMeasurement = Measurement[Any]
