"""What takes a test out of the statistics, and what it would have said.

The rates of spoilt tests are far from the truth on purpose: a collector that counts one of them
comes to another verdict.
"""

from typing import NamedTuple

import msgspec

from sim.province.operators import FOREIGN_PLMN, OPERATORS
from wire.cells import RatClass, TestRadio
from wire.messages import Outcome, Position, RatLock

POOR_FIX_M = (60.0, 150.0)
"""Error of fixes that no test may be placed by."""


class Spoilt(NamedTuple):
    """One way for a test to be spoilt."""

    name: str
    share: float
    """Of all tests."""
    factor: float
    """Of the rate it shows, to the true one."""


_PROBE = (
    Spoilt("invalid", 0.010, 0.2),
    Spoilt("skipped", 0.006, 0.0),
    Spoilt("modem_gone", 0.003, 0.0),
    Spoilt("bad_fix", 0.006, 2.5),
    Spoilt("no_fix", 0.004, 2.5),
    Spoilt("other_profile", 0.006, 1.8),
    Spoilt("narrowed", 0.004, 0.3),
    Spoilt("roaming", 0.003, 3.0),
)
_TECHNOLOGY = (
    Spoilt("lock_lost", 0.010, 4.0),
    Spoilt("mixed", 0.008, 3.0),
    Spoilt("unseen", 0.003, 0.3),
)
_FALLEN_BACK = Spoilt("fallen_back", 0.04, 0.3)
_FOREIGN = Spoilt("foreign", 0.03, 3.0)
BORDER_COMMUNES = frozenset({"24736", "24722", "24724", "24682", "24667", "24643"})
"""On the Cambodian border: its networks are heard there."""

_PROBE_REASONS = {"invalid": "host: cpu saturated", "skipped": "budget", "modem_gone": "modem gone"}


def ways(commune: str, *, locked: bool, nr: bool) -> tuple[Spoilt, ...]:
    """How a test there may be spoilt; each row is spoilt by one of them at most."""
    return (
        *_PROBE,
        *(_TECHNOLOGY if locked else ()),
        *((_FALLEN_BACK,) if nr else ()),
        *((_FOREIGN,) if commune in BORDER_COMMUNES else ()),
    )


def which(ways_: tuple[Spoilt, ...], drawn: float) -> Spoilt | None:
    """The way that a number between 0 and 1 falls on; None leaves the test as it is."""
    for way in ways_:
        drawn -= way.share
        if drawn < 0:
            return way
    return None


class Shown(NamedTuple):
    """What a spoilt test's record says."""

    outcome: Outcome
    reason: str | None
    position: Position
    radio: TestRadio
    lock: RatLock | None
    other_profile: bool = False

    @property
    def has_payload(self) -> bool:
        """Whether anything was measured at all."""
        return self.outcome not in {Outcome.SKIPPED, Outcome.MODEM_GONE}


def spoil(way: Spoilt, operator: int, shown: Shown) -> Shown:
    """A good test's envelope as this way spoils it."""
    lock, position, radio = shown.lock, shown.position, shown.radio
    match way.name:
        case "invalid" | "skipped" | "modem_gone":
            return shown._replace(outcome=Outcome(way.name), reason=_PROBE_REASONS[way.name])
        case "bad_fix":
            position = _poor(position)
        case "no_fix":
            position = Position()
        case "narrowed":
            lock = msgspec.structs.replace(
                lock or RatLock(), narrowed_to="bands lte 3", narrowed_read_back=True
            )
        case "roaming":
            host = OPERATORS[(operator + 1) % len(OPERATORS)].plmn
            radio = msgspec.structs.replace(radio, plmn=host)
        case "foreign":
            radio = msgspec.structs.replace(radio, plmn=FOREIGN_PLMN)
        case "lock_lost" | "mixed" | "fallen_back" | "unseen":
            return _off_technology(way.name, shown)
    return shown._replace(
        position=position, lock=lock, radio=radio, other_profile=way.name == "other_profile"
    )


def _off_technology(name: str, shown: Shown) -> Shown:
    """The test ran on something else than it was meant to, or nobody saw on what."""
    if name == "unseen":
        radio = msgspec.structs.replace(shown.radio, rat_class=None, coverage=0.4)
        return shown._replace(radio=radio)
    on_nr = shown.radio.rat_class is RatClass.G5
    lock = shown.lock
    if name == "lock_lost":
        other = RatClass.G4 if on_nr else RatClass.G5
        radio = msgspec.structs.replace(shown.radio, rat_class=other, nr_share=float(not on_nr))
    else:
        radio = msgspec.structs.replace(shown.radio, rat_class=RatClass.MIXED, nr_share=0.5)
    if lock is not None and name != "fallen_back":
        lock = msgspec.structs.replace(lock, serving_agreed=False)
    return shown._replace(radio=radio, lock=lock)


def _poor(position: Position) -> Position:
    lat_deg, lon_deg = position.lat_deg or 0.0, position.lon_deg or 0.0
    return msgspec.structs.replace(
        position,
        lat_deg=lat_deg + 0.0008,
        lon_deg=lon_deg - 0.0005,
        horizontal_error_m=sum(POOR_FIX_M) / 2,
    )
