"""What a demo found, as one JSON object, and whether that is what was promised."""

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec

from sim.demo.drive import RATES_MBIT_S, Driven
from sim.demo.installation import Centre
from sim.fleet.command import Seeded
from sim.world import Stretch, World

ROADS_TARGET = "T3"
TARGETS = ("T1", ROADS_TARGET, "T5", "T8")
GAP_TOLERANCE_M = 50.0
ANY_OPERATOR = "any"
SHOWN = (
    *("target", "level", "code", "name", "operator", "verdict", "estimate", "lower", "upper"),
    *("threshold", "unit", "n", "blocks", "n_eff", "failures", "excluded", "counts"),
)
"""Fields of a verdict that a summary repeats; evidence and queries stay with the collector."""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch without service as planted and as found, on the road's chainage."""

    road: str
    operator: str
    """The one where it is farthest off."""
    planted_from_m: float
    planted_to_m: float
    found_from_m: float
    found_to_m: float
    error_m: float
    """Of the end that is farther off."""


class Carried(msgspec.Struct, frozen=True, kw_only=True):
    """What one operator's network carries and what the probe measured, in Mbit/s."""

    shaped_mbit_s: float | None
    """None on loopback."""
    measured_mbit_s: tuple[float, ...]
    """Capacity tests that a dashboard saw during the drive."""


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """How the operators' networks were made."""

    mode: str
    """`namespaces` or `loopback`."""
    note: str | None
    operators: dict[str, Carried]


class Faults(msgspec.Struct, frozen=True, kw_only=True):
    """What was done to the installation."""

    uplink_outage_s: float
    broker_kills: int
    broker_down_s: float


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """The ledger, summed up."""

    made: int
    received: int
    missing: int
    duplicates_dropped: int
    duplicates_visible: int
    per_probe: tuple[dict[str, Any], ...]


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a demo found."""

    ledger: Account
    verdicts: tuple[dict[str, Any], ...]
    gap_m: float | None
    gap: Gap | None
    rows: int
    network: Network
    faults: Faults
    seeding: Seeded | None
    seconds: float
    url: str
    problems: tuple[str, ...]
    """What is not as promised; empty is a success."""


def summarise(
    centre: Centre,
    *,
    world: World,
    driven: Driven,
    seeded: Seeded | None,
    started_mono_s: float,
) -> Summary:
    """Ask the collector for everything and judge it; raises `QueryError`."""
    with ThreadPoolExecutor() as pool:
        counted, rows, verdicts = pool.map(centre.ask, ("recount", "ledger", "verdicts"))
    ledger = account(rows, counted["duplicates_visible"])
    gap = find_gap(world.gaps[0], verdicts)
    found = [*problems(ledger, gap, verdicts, seeded=seeded is not None)]
    if counted["differing"]:
        found.append(f"ledger and lake differ in {counted['differing']} epochs")
    own = next((row for row in ledger.per_probe if row["probe"] == driven.probe), None)
    if own is None or own["received"] != driven.kept.made:
        found.append(f"{driven.probe} made {driven.kept.made} rows; the collector says {own}")
    return Summary(
        ledger=ledger,
        verdicts=tuple(shown(verdict) for verdict in verdicts),
        gap_m=None if gap is None else round(gap.found_to_m - gap.found_from_m, 1),
        gap=gap,
        rows=counted["rows"],
        network=Network(
            mode="namespaces" if driven.shaped else "loopback",
            note=driven.note,
            operators={
                name: Carried(
                    shaped_mbit_s=RATES_MBIT_S[name][0] if driven.shaped else None,
                    measured_mbit_s=rates,
                )
                for name, rates in driven.measured_mbit_s.items()
            },
        ),
        faults=Faults(
            uplink_outage_s=driven.outage_s,
            broker_kills=driven.broker_kills,
            broker_down_s=driven.broker_down_s,
        ),
        seeding=seeded,
        seconds=round(time.monotonic() - started_mono_s, 1),
        url=centre.url,
        problems=tuple(found),
    )


def account(rows: Sequence[Mapping[str, Any]], visible: int) -> Account:
    """The collector's ledger rows, summed up."""
    made, received, missing, dropped = (
        sum(row[name] for row in rows)
        for name in ("made", "received", "missing", "duplicates_dropped")
    )
    return Account(
        made=made,
        received=received,
        missing=missing,
        duplicates_dropped=dropped,
        duplicates_visible=visible,
        per_probe=tuple(dict(row) for row in rows),
    )


def shown(verdict: Mapping[str, Any]) -> dict[str, Any]:
    """A verdict without its evidence."""
    return {
        **{name: verdict[name] for name in SHOWN},
        "reason": verdict["reason"],
        "period": verdict["period"]["label"],
    }


def find_gap(planted: Stretch, verdicts: Sequence[Mapping[str, Any]]) -> Gap | None:
    """The planted gap as the collector found it, of the operator where it is farthest off.

    None where an operator that was measured on the road has no gap there, or none was measured.
    """
    found = [
        _nearest(planted, verdict)
        for verdict in verdicts
        if verdict["target"] == ROADS_TARGET
        and verdict["level"] == "road"
        and verdict["code"] == planted.road
        and verdict["operator"] != ANY_OPERATOR
        and verdict["n"] > 0
    ]
    seen = [gap for gap in found if gap is not None]
    if not seen or len(seen) < len(found):
        return None
    return max(seen, key=lambda gap: gap.error_m)


def _nearest(planted: Stretch, verdict: Mapping[str, Any]) -> Gap | None:
    gaps = [
        Gap(
            road=planted.road,
            operator=verdict["operator"],
            planted_from_m=planted.start_m,
            planted_to_m=planted.end_m,
            found_from_m=round(gap["from_m"], 1),
            found_to_m=round(gap["to_m"], 1),
            error_m=round(
                max(abs(gap["from_m"] - planted.start_m), abs(gap["to_m"] - planted.end_m)), 1
            ),
        )
        for gap in verdict["context"]["gaps"]
    ]
    return min(gaps, key=lambda gap: gap.error_m, default=None)


def problems(
    account: Account, gap: Gap | None, verdicts: Sequence[Mapping[str, Any]], *, seeded: bool
) -> Iterator[str]:
    """What is not as promised; without a seeded month no target can have limits."""
    if account.missing:
        yield f"{account.missing} rows are missing"
    if account.duplicates_visible:
        yield f"{account.duplicates_visible} rows are there twice"
    if gap is None:
        yield "the planted gap was not found"
    elif gap.error_m > GAP_TOLERANCE_M:
        yield f"the planted gap was found {gap.error_m:.0f} m off"
    for target in TARGETS:
        own = [verdict for verdict in verdicts if verdict["target"] == target]
        if not any(verdict["reason"] for verdict in own):
            yield f"{target}: no verdict with a reason"
        elif seeded and not any(_has_limits(verdict) for verdict in own):
            yield f"{target}: no verdict with n and limits"


def _has_limits(verdict: Mapping[str, Any]) -> bool:
    limits = (verdict["lower"], verdict["upper"])
    return verdict["n"] > 0 and None not in limits
