"""What speaks for and against a verdict on a road, and what stands beside it."""

from typing import Any, NamedTuple

import numpy as np

from collector.kpi import Finding, Need, Scope, Text
from collector.kpi._evidence import comma, unmeasured
from collector.kpi._gaps import Gap
from collector.kpi._levels import dispute
from collector.kpi._road_drive import Drive
from collector.kpi._road_places import chainage, inside, told
from collector.kpi._road_rows import OnRoads
from collector.kpi._strip import UNKNOWN, Run, Strip

SHOWN_STRETCHES = 5
"""As many stretches are named that need another pass, the longest first."""


class Wanted(NamedTuple):
    """What a road must have."""

    gap_m: float
    """A longer one fails it."""
    min_rsrp_dbm: float
    available_rsrp_dbm: float
    confirming_passes: int
    min_passes: int
    max_unknown_share: float
    redrive_m: float


class Reasons(NamedTuple):
    """Against one verdict, and what would help."""

    texts: tuple[Text, ...]
    need: tuple[Need, ...]


def finding(rows: OnRoads, drive: Drive, wanted: Wanted) -> Finding:
    """The longest gap of one road and operator, in metres.

    The estimate is between looks. The lower limit is what enough passes prove of a gap; the upper
    one takes unknown bins for a gap. Nothing is known without a pass, and there is no gap of length
    0 before something was found covered.
    """
    strip = drive.strip
    longest = max(drive.gaps, key=lambda gap: gap.length_m, default=None)
    sharp_m = longest.length_m if longest else 0.0
    seen = longest is not None or strip.share("covered") > 0
    lower_m = max((gap.least_m for gap in drive.confirmed), default=0.0)
    upper_m = max(drive.worst_m, *(gap.most_m for gap in drive.gaps), 0.0)
    against_pass = _against_pass(drive, wanted)
    against_fail = _against_fail(rows, drive, wanted)
    if drive.looks and lower_m <= wanted.gap_m:  # then these are why nothing is decided
        against_fail = Reasons((*against_pass.texts, *against_fail.texts), against_fail.need)
    both = dispute(drive.levels["level_disputed"])
    need = (*against_pass.need, *against_fail.need)
    if not need and lower_m <= wanted.gap_m < upper_m:
        need = (_again(drive, wanted),)
    return Finding(
        scope=Scope(
            level="road", code=drive.road.code, name=drive.road.name, operator=drive.operator
        ),
        estimate=sharp_m if seen else None,
        lower=min(lower_m, sharp_m) if drive.looks else None,
        upper=upper_m if drive.looks else None,
        n=drive.looks,
        blocks=drive.passes,
        excluded=drive.excluded,
        against_pass=(*against_pass.texts, *both),
        against_fail=(*against_fail.texts, *both, *unmeasured(drive.unmeasured)),
        need=need,
        context=_context(rows, drive, longest, wanted),
    )


def _context(rows: OnRoads, drive: Drive, longest: Gap | None, wanted: Wanted) -> dict[str, Any]:
    strip = drive.strip
    close = [gap for gap in drive.gaps if abs(gap.length_m - wanted.gap_m) <= wanted.redrive_m]
    checked = drive.checked
    return {
        "gap_from_m": longest.from_m if longest else None,
        "gap_to_m": longest.to_m if longest else None,
        "gap_from_bins_m": strip.longest_m(["uncovered"]),
        "gap_with_unknown_m": strip.longest_m(["uncovered", "unknown"]),
        "gap_ended_by_exceptions_m": max((gap.longest_piece_m for gap in drive.gaps), default=0.0),
        "covered_share": strip.share("covered"),
        "unknown_share": strip.share("unknown"),
        "by_threshold": [
            {"rsrp_dbm": rsrp_dbm, **_shares(one)}
            for rsrp_dbm, one in (
                (wanted.min_rsrp_dbm, strip),
                (wanted.available_rsrp_dbm, drive.available),
            )
        ],
        "by_direction": [
            {
                "direction": "up" if up else "down",
                "passes": drive.passes_of(upwards=up),
                **_shares(drive.directions[up]),
            }
            for up in (True, False)
        ],
        "passes_up": drive.passes_of(upwards=True),
        "passes_down": drive.passes_of(upwards=False),
        "road_m": drive.road.length_m,
        "judged_m": strip.judged_m,
        "exceptions": [
            {"kind": one.kind, "where": chainage(one.from_m, one.to_m), "length_m": length_m}
            for one in drive.exceptions
            if (length_m := min(one.to_m, drive.road.length_m) - one.from_m) > 0
        ],
        "data_checks": checked.checks,
        "data_check_share": 1 - checked.failed / checked.checks if checked.checks else None,
        "data_checked_share": checked.asked / drive.looks if drive.looks else None,
        **drive.levels,
        "gaps": told(rows, drive),
        "redrive": [chainage(gap.from_m, gap.to_m) for gap in close],
        "strip": [list(stretch) for stretch in strip.stretches()],
    }


def _shares(strip: Strip) -> dict[str, float]:
    return {
        "covered_share": strip.share("covered"),
        "unknown_share": strip.share("unknown"),
        "gap_from_bins_m": strip.longest_m(["uncovered"]),
        "gap_with_unknown_m": strip.longest_m(["uncovered", "unknown"]),
    }


def _against_pass(drive: Drive, wanted: Wanted) -> Reasons:
    most = wanted.max_unknown_share
    strip = drive.strip
    unknown, stale = strip.share_unclear, strip.share_stale
    rarely = 1 - strip.share_seen(wanted.min_passes) if strip.judged_m else 0.0
    texts: list[Text] = []
    lacking = np.zeros(len(strip.states), np.bool_)
    if unknown > most:
        lacking |= (strip.states == UNKNOWN) & ~strip.ends
        texts.append(
            Text(
                vi=comma(f"chưa rõ {unknown:.2%} chiều dài đường, được phép {most:.2%}"),
                en=f"{unknown:.2%} of the road is unknown, {most:.2%} is allowed",
            )
        )
        if stale:
            texts.append(
                Text(
                    vi=comma(f"{stale:.2%} chiều dài đường được chạy lần cuối đã quá lâu"),
                    en=f"{stale:.2%} of the road was driven too long ago for the last time",
                )
            )
    if rarely > most:
        passes = wanted.min_passes
        lacking |= strip.passes < passes
        texts.append(
            Text(
                vi=comma(f"{rarely:.2%} chiều dài đường có ít hơn {passes} lượt chạy"),
                en=f"{rarely:.2%} of the road has fewer than {passes} passes",
            )
        )
    return Reasons(tuple(texts), _passes_over(drive, strip.where(lacking), wanted))


def _passes_over(drive: Drive, runs: list[Run], wanted: Wanted) -> tuple[Need, ...]:
    """What the longest stretches that lack something need; the whole road where that is one."""
    strip = drive.strip
    if sum(strip.run_m(run) for run in runs) >= strip.judged_m:
        runs = [Run(0, len(strip.states) - 1)] if runs else []
    longest = sorted(runs, key=lambda run: (-strip.run_m(run), run.first))[:SHOWN_STRETCHES]
    return tuple(
        _over(strip, run, wanted, where=drive.road.name)
        if strip.run_m(run) >= strip.judged_m
        else _over(strip, run, wanted)
        for run in longest
    )


def _again(drive: Drive, wanted: Wanted) -> Need:
    """The stretch that holds the answer, once more."""
    strip = drive.strip
    return _over(strip, max(strip.runs(["uncovered", "unknown"]), key=strip.run_m), wanted)


def _over(strip: Strip, run: Run, wanted: Wanted, *, where: str | None = None) -> Need:
    more = max(wanted.min_passes - strip.fewest(run), 1)
    return Need(what="passes", more=more, where=where or chainage(*strip.span_m(run)))


def _against_fail(rows: OnRoads, drive: Drive, wanted: Wanted) -> Reasons:
    texts: list[Text] = []
    need: list[Need] = []
    passes = wanted.confirming_passes
    unconfirmed = [gap for gap in drive.gaps if gap.passes < passes and gap.length_m > wanted.gap_m]
    proven = [gap for gap in drive.confirmed if gap.least_m > wanted.gap_m]
    if unconfirmed and not proven:
        texts.append(
            Text(
                vi=f"đoạn mất sóng chưa được xác nhận bởi {passes} lượt chạy",
                en=f"the gap is not yet confirmed by {passes} passes",
            )
        )
        need += [
            Need(what="passes", more=passes - gap.passes, where=chainage(gap.from_m, gap.to_m))
            for gap in unconfirmed
        ]
    deaf = [_deaf(rows, drive, gap) for gap in proven]
    if deaf and all(deaf):
        name = min(min(names) for names in deaf)
        texts.append(
            Text(
                vi=f"chỉ một modem thấy mất sóng, mà cả kỳ nó không có sóng ở đâu: {name}",
                en=f"only a modem that had no service anywhere in the period found it: {name}",
            )
        )
    if proven and (texts or drive.unmeasured):
        need += [
            Need(what="passes", more=passes, where=chainage(gap.from_m, gap.to_m)) for gap in proven
        ]
    return Reasons(tuple(texts), tuple(need))


def _deaf(rows: OnRoads, drive: Drive, gap: Gap) -> list[str]:
    """Modems that alone speak for their operator in a gap, and were never served on any road."""
    found = []
    for driven in drive.driven:
        looks = driven.row[inside(rows, driven, gap)]
        modems = np.unique(rows.judged.modem[looks]).tolist()
        if len(modems) == 1 and modems[0] not in rows.served:
            found.append(rows.judged.names[modems[0]])
    return found
