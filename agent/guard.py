"""What stands around every test of one modem: needs, data budget, the computer it runs on."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import msgspec

from agent.activity import Result
from agent.budget.purse import Purse, Reserved
from agent.clock import Stamp
from agent.host_watch import HostWatch, Watching
from agent.needs import Question
from agent.snapshots import Snapshot, rat_class_of
from wire.cells import RatClass
from wire.evidence import ServerCheck
from wire.messages import Outcome, Position, RatMode

NUMBERS = frozenset({Outcome.OK, Outcome.SLOW, Outcome.FAILED})
"""Outcomes that count in a statistic."""
HEADERS = 1.06
"""TCP, IP and the acknowledgements, on top of payload of full packets."""
CLASSES = {
    RatMode.G2: RatClass.G2,
    RatMode.G3: RatClass.G3,
    RatMode.G4: RatClass.G4,
    RatMode.G5: RatClass.G5,
    RatMode.G5_NSA: RatClass.G5,
    RatMode.G5_SA: RatClass.G5,
}


class Errand(NamedTuple):
    """A test that is about to run, as far as that matters here."""

    kind: str
    plan: str | None = None
    rat_lock: RatMode | None = None
    optional: bool = False
    needs: bool = False
    most_bytes: int | None = None


class KnowsNeeds(Protocol):
    """What is asked of `agent.needs.Needs`."""

    def objection(self, question: Question) -> str | None:
        """Why a test would be one too many; None when it is wanted."""


class Guard:
    """One modem's. What is not given is not guarded."""

    def __init__(
        self,
        modem: str,
        *,
        purse: Purse | None = None,
        needs: KnowsNeeds | None = None,
        host: HostWatch | None = None,
    ) -> None:
        self._modem = modem
        self._purse = purse
        self._needs = needs
        self._host = host

    def objection(
        self, errand: Errand, look: Snapshot | None, position: Position, stamp: Stamp
    ) -> str | None:
        """Why the test is not even prepared, as the reason of its row; None when it may be."""
        reason = None if self._host is None else self._host.unfit()
        if reason is None and errand.optional and errand.needs and self._needs is not None:
            reason = self._needs.objection(_question(errand, look, position, stamp))
        if reason is None and self._purse is not None and errand.most_bytes is not None:
            reason = self._purse.objection(
                self._modem,
                plan=errand.plan,
                optional=errand.optional,
                most_bytes=errand.most_bytes,
            )
        return reason

    def attend(
        self, errand: Errand, interface: str | None, run: Callable[[int | None], Result]
    ) -> Result:
        """Run the test with its worst case set aside and the computer watched.

        `run` is given the payload it may move at the very most; None where nothing limits it.
        """
        reserved = self._reserve(errand)
        if isinstance(reserved, str):
            return Result(Outcome.SKIPPED, reserved, None)
        left_bytes = None if reserved is None else reserved.left_bytes
        most_bytes = None if left_bytes is None else round(left_bytes / HEADERS)
        result: Result | None = None
        try:
            result = self._watched(interface, lambda: run(most_bytes))
        finally:
            if reserved is not None and self._purse is not None:
                carried = None if result is None else _carried_bytes(result.payload)
                self._purse.settle(self._modem, reserved, carried_bytes=carried)
        return result

    def _reserve(self, errand: Errand) -> Reserved | str | None:
        if self._purse is None or errand.most_bytes is None:
            return None
        return self._purse.reserve(
            self._modem, plan=errand.plan, optional=errand.optional, most_bytes=errand.most_bytes
        )

    def _watched(self, interface: str | None, run: Callable[[], Result]) -> Result:
        if self._host is None:
            return run()
        with self._host.watching(interface) as watching:
            result = run()
        return _proven(result, watching)


def waited_s(payload: msgspec.Struct) -> float:
    """Until the server had a place for the test: nothing was measured then."""
    check = getattr(payload, "server_check", None)
    seconds = check.waited_s if isinstance(check, ServerCheck) else None
    return 0.0 if seconds is None else seconds


def _proven(result: Result, watching: Watching) -> Result:
    """The result with what the computer did; invalid where that, not the network, limited it."""
    payload = result.payload
    if payload is None or "host" not in payload.__struct_fields__:
        return result
    load = watching.load(getattr(payload, "bits_per_second", None), after_s=waited_s(payload))
    result = result._replace(payload=msgspec.structs.replace(payload, host=load))
    if load.limited_by is None or result.outcome not in NUMBERS:
        return result
    before = "" if result.reason is None else f" ({result.reason})"
    return result._replace(outcome=Outcome.INVALID, reason=f"host: {load.limited_by}{before}")


def _carried_bytes(payload: msgspec.Struct | None) -> int | None:
    """What a test says it carried, for an interface that nobody can ask."""
    known = [
        getattr(payload, field, None)
        for field in ("total_payload_bytes", "payload_bytes", "data_bytes")
    ]
    counts = [count for count in known if isinstance(count, int)]
    return round(HEADERS * max(counts)) if counts else None


def _question(errand: Errand, look: Snapshot | None, position: Position, stamp: Stamp) -> Question:
    payload = None if look is None else look.payload
    home = None if look is None or look.sim is None else look.sim.home_plmn
    seen = None if payload is None else rat_class_of(payload)
    return Question(
        kind=errand.kind,
        position=position,
        utc=stamp.utc,
        plmn=(None if payload is None else payload.plmn) or home,
        rat_class=seen if errand.rat_lock is None else CLASSES.get(errand.rat_lock, seen),
    )
