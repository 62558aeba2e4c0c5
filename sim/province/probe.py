"""A probe's records in order and numbered, stamped by a clock that may be wrong at first."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple
from uuid import UUID

from sim.province.operators import OPERATORS
from wire.kinds import event, kinds, status
from wire.messages import (
    AnyMeasurement,
    ClockState,
    Measurement,
    Modem,
    Outcome,
    Position,
    RatLock,
    RatMode,
    Sim,
)

SOFTWARE = "sim-province"
NOWHERE = Position()
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MONO_NS = 20_000_000_000
_GOOD_ERR_S = 0.02
_CLAIMED_ERR_S = 0.5
"""What a wrong clock says of itself."""


class Clock(StrEnum):
    """What a boot knows of the time before its anchor."""

    GOOD = "good"
    """The anchor is its first record."""
    UNSYNCED = "unsynced"
    """1970: its records have no time."""
    RESTORED = "restored"
    LONG_AGO = "long_ago"
    """Stamped seven years early."""
    LAST_YEAR = "last_year"
    """Stamped 400 days early: a day that a calendar would believe."""


_SHIFTS = {Clock.LONG_AGO: timedelta(days=-2557), Clock.LAST_YEAR: timedelta(days=-400)}
_STATES = {
    Clock.UNSYNCED: ClockState.UNSYNCED,
    Clock.RESTORED: ClockState.RESTORED,
    Clock.LONG_AGO: ClockState.NTP,
    Clock.LAST_YEAR: ClockState.NTP,
}


class Boot(NamedTuple):
    """One time the probe was switched on."""

    at_ms: int
    clock: Clock = Clock.GOOD
    anchored_ms: int | None = None
    """When the true time became known; None never. Of a good clock: at once."""

    @property
    def dated(self) -> bool:
        """Whether the time of its records can be known at all."""
        return self.clock is Clock.GOOD or self.anchored_ms is not None


class Row(NamedTuple):
    """What one record says, apart from the envelope."""

    at_ms: int
    """Unix time as it truly was."""
    kind: str
    payload: Any = None
    outcome: Outcome = Outcome.OK
    reason: str | None = None
    position: Position = NOWHERE
    operator: int | None = None
    """Index of the modem and its SIM."""
    lock: RatLock | None = None
    profile: str | None = None


class Probe:
    """Numbers its records from 1 and knows its modems."""

    def __init__(self, name: str, seed: int) -> None:
        """The same name and seed make the same keys and hardware."""
        self.name = name
        self._dice = Random(f"{seed}-{name}")  # noqa: S311  # a simulation, not a secret
        self.epoch = UUID(int=self._dice.getrandbits(128), version=4)
        self.made = 0
        """Records numbered so far."""
        self.sims = [Sim(iccid=one.iccid, home_plmn=one.plmn) for one in OPERATORS]
        self.modems = [
            Modem(
                usb_path=f"1-1.{number + 1}",
                name=one.name.lower(),
                imei=f"8600000{self._dice.randrange(10**8):08d}",
                model="RM520N-GL" if one.nr else "EC25",
                firmware="RM520NGLAAR03A03M4G" if one.nr else "EC25EFAR06A06M4G",
            )
            for number, one in enumerate(OPERATORS)
        ]

    def records(self, boots: Sequence[Boot], rows: Iterable[Row]) -> Iterator[AnyMeasurement]:
        """The rows in the order of time, each boot's status and clock anchor among them."""
        everything = [*rows, *_of_boots(boots)]
        everything.sort(key=lambda row: row.at_ms)
        starts = [*(boot.at_ms for boot in boots[1:]), 1 << 62]
        ids = [UUID(int=self._dice.getrandbits(128), version=4) for _ in boots]
        schemas = {name: kind.schema for name, kind in kinds().items()}
        which = 0
        for row in everything:
            while row.at_ms >= starts[which]:
                which += 1
            boot = boots[which]
            utc, state, error_s = _stamp(boot, row.at_ms)
            self.made += 1
            operator = row.operator
            yield Measurement(
                probe=self.name,
                epoch=self.epoch,
                seq=self.made,
                kind=row.kind,
                schema=schemas[row.kind],
                boot_id=ids[which],
                mono_ns=(row.at_ms - boot.at_ms) * 1_000_000 + _FIRST_MONO_NS,
                utc=utc,
                clock_state=state,
                utc_err_s=error_s,
                position=row.position,
                modem=None if operator is None else self.modems[operator],
                sim=None if operator is None else self.sims[operator],
                rat_lock=row.lock,
                outcome=row.outcome,
                reason=row.reason,
                plan=None if row.profile is None else row.kind,
                profile=row.profile,
                software=SOFTWARE,
                payload=row.payload,
            )


def kept(mode: RatMode) -> RatLock:
    """A lock that the modem read back and the serving cell followed."""
    return RatLock(asked=mode, read_back=mode, serving_agreed=True)


def _of_boots(boots: Sequence[Boot]) -> Iterator[Row]:
    for boot in boots:
        yield Row(boot.at_ms, "status", status.Payload(uptime_s=0.0, outbox_rows=0))
        anchored_ms = boot.at_ms if boot.clock is Clock.GOOD else boot.anchored_ms
        if anchored_ms is not None:
            yield Row(anchored_ms, "event", event.Payload(name="clock_anchor"))


def _stamp(boot: Boot, at_ms: int) -> tuple[datetime | None, ClockState, float | None]:
    true = _EPOCH + timedelta(milliseconds=at_ms)
    anchored = boot.anchored_ms is not None and at_ms >= boot.anchored_ms
    if anchored or boot.clock is Clock.GOOD:
        return true, ClockState.GPS, _GOOD_ERR_S
    shift = _SHIFTS.get(boot.clock)
    if shift is None:
        return None, _STATES[boot.clock], None
    return true + shift, _STATES[boot.clock], _CLAIMED_ERR_S
