"""What the 1 Hz looks at the radio say about a second, and together about a whole test. No I/O."""

import statistics
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from agent.lock import Lock
from drivers.modem.standard import SimState
from wire.cells import Rat, RatClass, TestRadio
from wire.kinds import radio
from wire.kinds.radio import RegistrationState
from wire.messages import Modem, Outcome, RatLock, RatMode, Sim

NR_SHARE_OF_5G = 0.9
"""Share of the snapshots with NR from which on a test counts as 5G."""

LEAST_COVERAGE = 0.8
"""Share of a test that must have been looked at for it to count for a technology."""
WORTH_NS = 1_250_000_000
"""How long a look stands for: the second to the next one, and what the next may be late."""
NS_PER_S = 1_000_000_000

_WITHOUT_CELL = frozenset({"limsrv", "search"})
_NOT_TAKEN = frozenset(
    {
        RegistrationState.SEARCHING,
        RegistrationState.DENIED,
        RegistrationState.EMERGENCY,
        RegistrationState.IDLE,
    }
)
_UNUSABLE_CARD = frozenset(SimState) - {SimState.READY, SimState.UNKNOWN}


class Snapshot(NamedTuple):
    """One look at the radio, or the failure to have one."""

    mono_ns: int
    outcome: Outcome
    payload: radio.Payload | None
    modem: Modem
    sim: Sim | None = None
    rat_lock: RatLock | None = None
    unsettled: bool = False
    """The modem had been set anew or restarted shortly before: what it heard proves nothing."""


class Verdict(NamedTuple):
    """How a sample ended, and why where that is not plain."""

    outcome: Outcome
    reason: str | None = None


def judge(
    payload: radio.Payload, card: SimState = SimState.READY, *, radio_is_off: bool = False
) -> Verdict:
    """Whether a look at the radio found service: a cell alone, or a foreign one, is none.

    A network is only blamed where the modem says that it has none, with a card the network could
    take and its radio on: an answer that is missing or was not understood proves no gap.
    """
    why = _why_no_service(payload)
    if why is None and payload.serving is None:
        return Verdict(Outcome.INVALID, "the modem does not say which cell serves it")
    if why is None:
        return Verdict(Outcome.OK)
    if card in _UNUSABLE_CARD:
        return Verdict(Outcome.INVALID, f"SIM: {card}")
    if radio_is_off:
        return Verdict(Outcome.INVALID, "the radio is off")
    return Verdict(Outcome.NO_SERVICE, why)


def _why_no_service(payload: radio.Payload) -> str | None:
    """What the modem says that means no service; None where it says nothing of the kind."""
    state, registration = payload.rrc_state, payload.registration
    if registration in _NOT_TAKEN:
        return f"registration: {registration}"
    registered = registration in {RegistrationState.HOME, RegistrationState.ROAMING}
    if state in _WITHOUT_CELL and not (registered and payload.serving is not None):
        return f"modem: {state}"
    if registration is RegistrationState.UNKNOWN and payload.serving is None:
        return "registration: unknown"  # 27.007: "e.g. out of coverage"
    return None


def lock_agrees(mode: RatMode, payload: radio.Payload | None) -> bool | None:
    """Whether the serving cell is what `mode` allows; None where that was not to be seen."""
    return None if payload is None else Lock(mode=mode).agrees(payload)


def summarise(snapshots: Sequence[Snapshot], *, start_ns: int, end_ns: int) -> TestRadio:
    """What a modem was served by during one test, from looking up the server to its end.

    The class is of the seconds with service: one without is the network's, whatever it would have
    been served by. Where less than 80 % of the test was seen there is none.
    """
    during = [
        look for look in snapshots if look.mono_ns + WORTH_NS > start_ns and look.mono_ns <= end_ns
    ]
    served = [
        look.payload
        for look in during
        if look.outcome is Outcome.OK and look.payload is not None and look.payload.serving
    ]
    cells = [payload.serving for payload in served if payload.serving is not None]
    coverage = _coverage(during, start_ns, end_ns)
    seen = TestRadio(
        seconds=round((end_ns - start_ns) / NS_PER_S, 3),
        coverage=round(coverage, 3),
        snapshots=len(during),
        snapshots_without_service=sum(look.outcome is Outcome.NO_SERVICE for look in during),
    )
    if not cells:
        return seen
    with_nr = sum(_has_nr(payload) for payload in served)
    levels = [cell.rsrp_dbm for cell in cells if cell.rsrp_dbm is not None]
    ratios = [cell.sinr_db for cell in cells if cell.sinr_db is not None]
    first = cells[0]
    rats = [cell.rat for cell in cells]
    return msgspec.structs.replace(
        seen,
        rat_class=_rat_class(rats, with_nr) if coverage >= LEAST_COVERAGE else None,
        nr_share=with_nr / len(served),
        plmn=served[0].plmn or first.plmn,
        cell_id=first.cell_id,
        pci=first.pci,
        rsrp_dbm=statistics.median(levels) if levels else None,
        sinr_db=statistics.median(ratios) if ratios else None,
    )


def rat_class_of(payload: radio.Payload) -> RatClass | None:
    """What one look found the modem served by."""
    serving = payload.serving
    return None if serving is None else _rat_class([serving.rat], int(_has_nr(payload)))


def excuse(snapshots: Sequence[Snapshot]) -> Verdict | None:
    """Why a test that failed meanwhile is no failure of the network; None where it is one.

    A modem that went, or of which nothing was heard, may have failed the test itself; so may we,
    if we set it anew.
    """
    outcomes = {snapshot.outcome for snapshot in snapshots}
    if Outcome.MODEM_GONE in outcomes:
        return Verdict(Outcome.MODEM_GONE, "the modem went meanwhile")
    if any(snapshot.unsettled for snapshot in snapshots):
        return Verdict(Outcome.INVALID, "the modem was set anew meanwhile")
    if outcomes.isdisjoint({Outcome.OK, Outcome.NO_SERVICE}):
        return Verdict(Outcome.INVALID, "nothing was heard of the modem meanwhile")
    return None


def lock_over(asked: RatMode | None, snapshots: Sequence[Snapshot]) -> RatLock | None:
    """The proof for a whole test: the lock held, and the cell agreed, in every snapshot."""
    if asked is None:
        return None
    proofs = [snapshot.rat_lock for snapshot in snapshots if snapshot.rat_lock is not None]
    ours = [proof for proof in proofs if proof.asked is asked]
    held = [proof.read_back for proof in ours]
    # The proof of a look knows of bands and cells, too; a look before the lock has another one.
    seen = [proof.serving_agreed for proof in ours]
    seen += [lock_agrees(asked, snapshot.payload) for snapshot in snapshots]
    known = [agreed for agreed in seen if agreed is not None]
    narrowed = [proof for proof in ours if proof.narrowed_to is not None]
    return RatLock(
        asked=asked,
        read_back=next((mode for mode in held if mode is not asked), asked) if held else None,
        serving_agreed=all(known) if known else None,
        narrowed_to=narrowed[0].narrowed_to if narrowed else None,
        narrowed_read_back=all(proof.narrowed_read_back for proof in narrowed)
        if narrowed
        else None,
    )


def _coverage(during: Sequence[Snapshot], start_ns: int, end_ns: int) -> float:
    """Share of the test for which some look stands that was answered."""
    seen_ns, until_ns = 0, start_ns
    answered = [look.mono_ns for look in during if look.outcome in {Outcome.OK, Outcome.NO_SERVICE}]
    if end_ns <= start_ns:
        return float(bool(answered))
    for mono_ns in sorted(answered):
        begin_ns, stop_ns = max(mono_ns, until_ns), min(mono_ns + WORTH_NS, end_ns)
        if stop_ns > begin_ns:
            seen_ns += stop_ns - begin_ns
            until_ns = stop_ns
    return seen_ns / (end_ns - start_ns)


def _has_nr(payload: radio.Payload) -> bool:
    serving = payload.serving
    return payload.nr is not None or (serving is not None and serving.rat is Rat.NR)


def _rat_class(rats: list[Rat], with_nr: int) -> RatClass:
    if with_nr >= NR_SHARE_OF_5G * len(rats):
        return RatClass.G5
    if with_nr:
        return RatClass.MIXED
    alone = {Rat.GSM: RatClass.G2, Rat.WCDMA: RatClass.G3, Rat.LTE: RatClass.G4}
    return alone[rats[0]] if len(set(rats)) == 1 else RatClass.MIXED
