"""A probe of the simulated fleet: it numbers its records and knows its modems."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import msgspec

import sim
from sim.world import SimulatedModem, World
from wire.kinds import event, kinds, status
from wire.messages import (
    AnyMeasurement,
    ClockState,
    Measurement,
    Modem,
    Outcome,
    Position,
    PositionSource,
    RatLock,
    RatMode,
    Sim,
)

SOFTWARE = f"{sim.__name__}-fleet"
PERSONA_MODELS = {
    "quectel_rm520n": ("RM520N-GL", "RM520NGLAAR03A03M4G"),
    "quectel_ec25": ("EC25", "EC25EFAR06A06M4G"),
}
"""Model and firmware of the fleet's modems, by the persona of the world's."""


class Vehicle:
    """One probe with the world's modems. Every local day it is switched on and boots anew."""

    def __init__(self, name: str, epoch: UUID, world: World, seed: int) -> None:
        """`seed` makes its boots and hardware numbers repeatable; the epoch is the caller's."""
        self.name = name
        self.epoch = epoch
        self.made = 0
        """Records numbered so far."""
        self.modems = {
            modem.plmn: _modem(number, modem, name) for number, modem in enumerate(world.modems)
        }
        self.sims = {
            modem.plmn: Sim(iccid=modem.iccid, home_plmn=modem.plmn) for modem in world.modems
        }
        self._dice = Random(f"{seed}-{name}")  # noqa: S311  # a simulation, not a secret
        self._boot_id = UUID(int=0)
        self._booted = datetime.min.replace(tzinfo=UTC)

    def boot(self, at: datetime) -> Sequence[AnyMeasurement]:
        """Switch on: the first records of the day, the clock's anchor among them."""
        self._boot_id = UUID(int=self._dice.getrandbits(128), version=4)
        self._booted = at
        return (
            self.record("event", at, payload=event.Payload(name="clock_anchor")),
            self.record("status", at, payload=status.Payload(uptime_s=0.0, outbox_rows=0)),
        )

    def record(
        self,
        kind: str,
        at: datetime,
        *,
        payload: Any = None,
        outcome: Outcome = Outcome.OK,
        reason: str | None = None,
        position: Position | None = None,
        plmn: str | None = None,
        lock: RatMode | None = None,
        plan: str | None = None,
        profile: str | None = None,
    ) -> AnyMeasurement:
        """One record, not numbered yet; `plmn` names the SIM and so the modem."""
        return Measurement(
            probe=self.name,
            epoch=self.epoch,
            seq=0,
            kind=kind,
            schema=kinds()[kind].schema,
            boot_id=self._boot_id,
            mono_ns=round((at - self._booted).total_seconds() * 1e9) + 20_000_000_000,
            utc=at,
            clock_state=ClockState.GPS,
            utc_err_s=0.02,
            position=Position() if position is None else position,
            modem=None if plmn is None else self.modems[plmn],
            sim=None if plmn is None else self.sims[plmn],
            rat_lock=None
            if lock is None
            else RatLock(asked=lock, read_back=lock, serving_agreed=True),
            outcome=outcome,
            reason=reason,
            plan=plan,
            profile=profile,
            software=SOFTWARE,
            payload=payload,
        )

    def numbered(self, records: Iterable[AnyMeasurement]) -> list[AnyMeasurement]:
        """The records in the order of time, with the next numbers of the epoch."""
        ordered = sorted(records, key=lambda record: record.mono_ns)
        numbered = [_with_seq(record, self.made + 1 + i) for i, record in enumerate(ordered)]
        self.made += len(numbered)
        return numbered


def fix(
    lat_deg: float,
    lon_deg: float,
    *,
    error_m: float,
    speed_m_s: float = 0.0,
    course_deg: float | None = None,
) -> Position:
    """A fresh 3D fix."""
    return Position(
        source=PositionSource.GNSS,
        lat_deg=round(lat_deg, 6),
        lon_deg=round(lon_deg, 6),
        speed_m_s=speed_m_s,
        course_deg=course_deg,
        horizontal_error_m=round(error_m, 1),
        age_s=0.3,
        fix_mode=3,
    )


def _with_seq(record: AnyMeasurement, seq: int) -> AnyMeasurement:
    return msgspec.structs.replace(record, seq=seq)


def _modem(number: int, modem: SimulatedModem, probe: str) -> Modem:
    model, firmware = PERSONA_MODELS[modem.persona]
    serial = Random(f"{probe}-{modem.imei}").randrange(10**6)  # noqa: S311  # as above
    return Modem(
        usb_path=f"1-1.{number + 1}",
        name=modem.name,
        imei=f"{modem.imei[:8]}{serial:06d}{modem.imei[-1]}",
        model=model,
        firmware=firmware,
    )
