"""The row of a test: how it ended, and what its modem was served by meanwhile."""

import logging
from collections.abc import Callable

import msgspec

from agent.activity import Result
from agent.clock import Clock
from agent.config import ModemPlace
from agent.guard import waited_s
from agent.orders import Radio
from agent.recorder import Recorder
from agent.request import TestRequest
from agent.snapshots import lock_over, summarise
from agent.ticks import NS_PER_S
from wire.messages import AnyMeasurement, Modem, Position

log = logging.getLogger(__name__)


class Rows:
    """Makes the rows of one modem's tests. For any thread."""

    def __init__(
        self,
        *,
        place: ModemPlace,
        radio: Radio,
        clock: Clock,
        recorder: Recorder,
        position_at: Callable[[int], Position],
    ) -> None:
        self._place = place
        self._radio = radio
        self._clock = clock
        self._recorder = recorder
        self._position_at = position_at

    @property
    def probe(self) -> str:
        """Whose rows they are."""
        return self._recorder.probe

    def record(
        self,
        request: TestRequest,
        result: Result,
        *,
        mono_ns: int | None = None,
        end_ns: int | None = None,
        position: Position | None = None,
    ) -> AnyMeasurement:
        """Record how a request ended; what is not given is that of now."""
        at_ns = self._clock.mono_ns() if mono_ns is None else mono_ns
        until_ns = self._clock.mono_ns() if end_ns is None else end_ns
        looks = [look for look in self._radio.snapshots(at_ns) if look.mono_ns <= until_ns]
        payload = result.payload
        if payload is not None and "radio" in payload.__struct_fields__:
            # Until the server had a place for the test nothing was measured.
            from_ns = min(until_ns, at_ns + round(waited_s(payload) * NS_PER_S))
            proof = summarise(looks, start_ns=from_ns, end_ns=until_ns)
            payload = msgspec.structs.replace(payload, radio=proof)
        known = looks[0] if looks else None
        record = self._recorder.record(
            request.kind,
            payload,
            outcome=result.outcome,
            reason=result.reason,
            mono_ns=at_ns,
            position=self._position_at(at_ns) if position is None else position,
            modem=self._configured() if known is None else known.modem,
            sim=None if known is None else known.sim,
            rat_lock=lock_over(request.rat_lock or self._place.lock, looks),
            plan=request.plan,
            profile=request.ready.profile,
        )
        log.info(
            "%s on modem %s: %s%s",
            request.kind,
            self._place.name,
            result.outcome,
            "" if result.reason is None else f" ({result.reason})",
        )
        return record

    def _configured(self) -> Modem:
        """All that is known of a modem nobody looked at."""
        return Modem(usb_path=self._place.place, name=self._place.name)
