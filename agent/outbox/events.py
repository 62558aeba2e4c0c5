"""What the outbox has to say for itself becomes a record like any other."""

from collections.abc import Mapping
from typing import Protocol, TypeVar

from wire.messages import AnyMeasurement

R_co = TypeVar("R_co", covariant=True)

Detail = Mapping[str, str | int | float | bool | None]


class Event(Protocol[R_co]):
    """What is made of an event's name, its severity and its numbers."""

    def __call__(self, name: str, *, severity: str = "info", detail: Detail | None = None) -> R_co:
        """The event."""


MakesEvents = Event[AnyMeasurement]
"""Puts the envelope around it (`agent.recorder.Envelope.event`); the record is unnumbered."""
Say = Event[None]
"""Puts it on record with the next commit."""
