"""Puts the envelope around a payload and hands the record to the outbox."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypedDict, Unpack
from uuid import UUID

import msgspec

from agent.clock import Stamp
from wire.kinds import event, kinds
from wire.messages import AnyMeasurement, Measurement, Modem, Outcome, Position, RatLock, Sim

UNNUMBERED = UUID(int=0)
"""`epoch` of a record the outbox has not accepted yet; its `seq` is 0."""


class About(TypedDict, total=False):
    """What a record says besides its payload; each may be left out."""

    outcome: Outcome
    """By default `ok`."""
    reason: str | None
    mono_ns: int | None
    """`Clock.mono_ns()` at the start of the sample; by default now."""
    position: Position | None
    """At the start of the sample; by default where the probe is now."""
    modem: Modem | None
    sim: Sim | None
    rat_lock: RatLock | None
    plan: str | None
    profile: str | None


class Accepts(Protocol):
    """What the recorder needs of the outbox."""

    def append(self, record: AnyMeasurement) -> bool:
        """Take the record without blocking; False, and counted there, when there is no room."""


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """What all records of a running agent share, and where time and place come from."""

    probe: str
    software: str
    stamp: Callable[[int | None], Stamp]
    """`Clock.stamp`."""
    position: Callable[[], Position]
    """The position to believe now; `Position()` when there is none."""

    def around(
        self, kind: str, payload: msgspec.Struct | None, **about: Unpack[About]
    ) -> AnyMeasurement:
        """The record, unnumbered.

        Raises KeyError for a kind that is not, TypeError for a payload of another kind.
        """
        known = kinds()[kind]
        if payload is not None and not isinstance(payload, known.payload):
            raise TypeError(f"{type(payload).__module__} is no payload of kind {kind!r}")
        stamp = self.stamp(about.get("mono_ns")).whole_ms()
        position = about.get("position")
        return Measurement[Any](
            probe=self.probe,
            epoch=UNNUMBERED,
            seq=0,
            kind=kind,
            schema=known.schema,
            boot_id=stamp.boot_id,
            mono_ns=stamp.mono_ns,
            utc=stamp.utc,
            clock_state=stamp.clock_state,
            utc_err_s=stamp.utc_err_s,
            position=self.position() if position is None else position,
            modem=about.get("modem"),
            sim=about.get("sim"),
            rat_lock=about.get("rat_lock"),
            outcome=about.get("outcome", Outcome.OK),
            reason=about.get("reason"),
            plan=about.get("plan"),
            profile=about.get("profile"),
            software=self.software,
            payload=payload,
        )

    def event(
        self,
        name: str,
        *,
        severity: str = "info",
        detail: Mapping[str, str | int | float | bool | None] | None = None,
        modem: Modem | None = None,
    ) -> AnyMeasurement:
        """An event record, unnumbered."""
        payload = event.Payload(name=name, severity=severity, detail=dict(detail or {}))
        return self.around("event", payload, modem=modem)


class Recorder:
    """Where every worker leaves its records. Never blocks."""

    def __init__(self, envelope: Envelope, outbox: Accepts) -> None:
        self._envelope = envelope
        self._outbox = outbox

    @property
    def probe(self) -> str:
        """Whose records these are."""
        return self._envelope.probe

    def record(
        self, kind: str, payload: msgspec.Struct | None, **about: Unpack[About]
    ) -> AnyMeasurement:
        """Record one planned sample; the record as handed over, still unnumbered."""
        record = self._envelope.around(kind, payload, **about)
        self._outbox.append(record)
        return record

    def event(
        self,
        name: str,
        *,
        severity: str = "info",
        detail: Mapping[str, str | int | float | bool | None] | None = None,
        modem: Modem | None = None,
    ) -> AnyMeasurement:
        """Record that something happened; severity is `info`, `warning` or `error`."""
        record = self._envelope.event(name, severity=severity, detail=detail, modem=modem)
        self._outbox.append(record)
        return record
