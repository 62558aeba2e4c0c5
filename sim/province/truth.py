"""`truth.json`: what is true behind the records, and what can be told of it at their number."""

import msgspec

PASS = "PASS"  # noqa: S105  # not a password
FAIL = "FAIL"


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """One verdict that can be compared with the truth."""

    target: str
    boundary_set: str | None
    """None on roads and at points."""
    level: str
    code: str
    operator: str
    period: str
    """`2025-06` or `2025-Q2`; of targets that count days back: the month they are judged for."""
    value: float | None
    """The true value of the target's statistic; None where there is no such thing to measure."""
    threshold: float | None
    decidable: str | None
    """PASS or FAIL where the right decision comes with a chance of at least 0.999; otherwise None:
    then NOT_PROVEN is always right, and the other decision than the true one always wrong."""
    chance: float = 0.0
    """Of the right decision at this number of tests."""
    why: str = ""
    """What keeps it from being decidable, or what is special."""
    weights: str | None = None
    """`equal` or `population`: how a district's communes are weighted; there is an entry of each,
    and the one counts that the collector was told people for. None: not made of communes."""
    n: int | None = None
    """Tests or attempts that count; exact."""
    failures: int | None = None
    """Of them that the network failed; exact."""

    @property
    def holds(self) -> bool | None:
        """Whether the target is truly reached; None where there is no threshold."""
        if self.value is None or self.threshold is None:
            return None
        if self.target == "T3":
            return self.value <= self.threshold
        return self.value >= self.threshold


class RoadGap(msgspec.Struct, frozen=True, kw_only=True):
    """One true gap."""

    road: str
    operator: str
    """Its name, or `any` where no operator serves."""
    period: str
    from_m: float
    to_m: float
    fastest_km_h: float
    """Of the passes of the period."""


class RoadStretch(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a road that is neither covered nor a gap."""

    road: str
    period: str
    what: str
    """`undriven` or `tunnel`."""
    from_m: float
    to_m: float


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """How many records there are."""

    records: int
    first_delivery: int
    """Lines of it, those that are there twice included."""
    second_delivery: int
    duplicates: int
    """Lines beyond the first of their record, over both."""
    late: int
    """Records that only the second delivery brings."""


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """The whole file."""

    seed: int
    months: tuple[str, ...]
    communes: tuple[str, ...]
    roads: dict[str, float]
    """Length by name."""
    made: Made
    shifted_vehicle: tuple[str, float]
    """Probe whose antenna reads this many dB off."""
    wrong_clock: str | None
    expected: tuple[Expected, ...]
    gaps: tuple[RoadGap, ...]
    stretches: tuple[RoadStretch, ...]
