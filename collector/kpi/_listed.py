"""What is found at one listed place, of one operator and of any."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from collector import stats
from collector.kpi import Finding, Need, Point, Scope, Text
from collector.kpi._evidence import comma, unmeasured
from collector.kpi._levels import dispute
from collector.kpi._visits import Squares


class Wanted(NamedTuple):
    """What a place must have."""

    share: float
    """Of its squares with service."""
    visits: int
    visit_squares: int
    """A visit to fewer does not tell the latest state, unless none was to more."""
    centre_m: float
    far_m: float
    data_checks: int
    data_share: float


class Here(NamedTuple):
    """What one operator showed at one place."""

    looks: int
    squares: Squares
    available_share: float | None
    """Share of the squares at the other level."""
    data_checks: int
    data_ok: int
    first_seen: str | None
    last_seen: str | None
    disputed: tuple[str, ...]
    """Modems whose levels do not agree with those of others."""
    levels: dict[str, list[str]]
    excluded: dict[str, int]


class _Lack(NamedTuple):
    both: tuple[Text, ...]
    """Reasons against either verdict."""
    to_pass: tuple[Text, ...]
    need: tuple[Need, ...]


def one_operator(point: Point, operator: str, here: Here, wanted: Wanted) -> Finding:
    """The share of one operator at one place, with what speaks against a verdict.

    Exact one-sided limits (`stats.clopper_pearson`) on squares; without a look nothing is known.
    With squares that all have service the lower limit is 0.05^(1/n): 59 of them prove 95 %.
    """
    squares = here.squares
    trials = len(squares.value)
    lower, upper = stats.clopper_pearson(squares.successes, trials)
    lack = _lack(here, wanted, point.name)
    now = _against_latest(squares, wanted)
    return Finding(
        scope=_scope(point, operator),
        estimate=squares.successes / trials if trials else None,
        lower=lower,
        upper=upper,
        n=here.looks,
        blocks=trials,
        n_eff=float(trials) if trials else None,
        excluded=here.excluded,
        against_pass=(*lack.both, *lack.to_pass, *now.to_pass),
        against_fail=(*lack.both, *now.to_fail),
        need=(*lack.need, *_more(squares, wanted, point.name)),
        p_below=stats.p_share_below(squares.successes, trials, threshold=wanted.share),
        p_above=stats.p_share_above(squares.successes, trials, threshold=wanted.share),
        context=_context(here, wanted),
    )


def any_operator(
    point: Point, found: Sequence[Finding], wanted: Wanted, excluded: dict[str, int]
) -> Finding:
    """The place as the best of the operators serves it.

    It is covered if it is proven for one of them, and not covered if it is so for none of them,
    and none is left that nobody measured. No correction is made for there being several: with four
    operators just below the share, one of them passes by chance in up to 18 of 100 campaigns.
    """
    measured = [one for one in found if one.n]
    missing = [one.scope.operator for one in found if not one.n]
    if not measured:
        return Finding(
            scope=_scope(point, "any"),
            estimate=None,
            lower=None,
            upper=None,
            n=0,
            blocks=0,
            excluded=excluded,
            context={"share_by_operator": {one.scope.operator: None for one in found}},
        )
    best = max(measured, key=lambda one: (proven(one, wanted), one.lower, one.estimate))
    doubts = [reason for one in measured for reason in one.against_fail]
    return Finding(
        scope=_scope(point, "any"),
        estimate=best.estimate,
        lower=best.lower,
        upper=max((one.upper for one in measured if one.upper is not None), default=None),
        n=best.n,
        blocks=best.blocks,
        n_eff=best.n_eff,
        excluded=excluded,
        against_pass=best.against_pass,
        against_fail=(*dict.fromkeys(doubts), *unmeasured(missing)),
        need=best.need,
        p_below=max((one.p_below for one in measured if one.p_below is not None), default=None),
        p_above=best.p_above,
        context={
            **best.context,
            "best_operator": best.scope.operator,
            "share_by_operator": {one.scope.operator: one.estimate for one in found},
        },
    )


def proven(finding: Finding, wanted: Wanted) -> bool:
    """Whether the place is covered."""
    return finding.lower is not None and finding.lower >= wanted.share and not finding.against_pass


def _scope(point: Point, operator: str) -> Scope:
    return Scope(level="point", code=point.code, name=point.name, operator=operator)


def _lack(here: Here, wanted: Wanted, where: str) -> _Lack:
    both: list[Text] = []
    to_pass: list[Text] = []
    need: list[Need] = []
    visits = here.squares.visits
    if visits < wanted.visits:
        both.append(
            Text(
                vi=f"mới có {visits} lượt đến đo, cần ít nhất {wanted.visits}",
                en=f"only {visits} visits, at least {wanted.visits} needed",
            )
        )
        need.append(Need(what="visits", more=wanted.visits - visits, where=where))
    places = _places(here.squares, wanted)
    if places:
        both += places
        need.append(Need(what="places", more=len(places), where=where))
    if here.data_checks < wanted.data_checks:
        to_pass.append(
            Text(
                vi=f"mới có {here.data_checks} lần thử dữ liệu, cần ít nhất {wanted.data_checks}",
                en=f"only {here.data_checks} data checks, at least {wanted.data_checks} needed",
            )
        )
        more = wanted.data_checks - here.data_checks
        need.append(Need(what="data_checks", more=more, where=where))
    elif here.data_ok < wanted.data_share * here.data_checks:
        came = here.data_ok / here.data_checks
        to_pass.append(
            Text(
                vi=comma(
                    f"dữ liệu chỉ qua được {came:.1%} số lần thử, cần {wanted.data_share:.1%}"
                ),
                en=f"data came through in {came:.1%} of the checks, {wanted.data_share:.1%} needed",
            )
        )
    return _Lack((*both, *dispute(here.disputed)), tuple(to_pass), tuple(need))


def _places(squares: Squares, wanted: Wanted) -> list[Text]:
    """Which of the two places were not measured."""
    near = bool((squares.distance_m <= wanted.centre_m).any())
    far = bool((squares.distance_m > wanted.far_m).any())
    reasons: list[Text] = []
    if not near:
        reasons.append(
            Text(
                vi=f"chưa đo trong vòng {wanted.centre_m:g} m quanh điểm",
                en=f"not measured within {wanted.centre_m:g} m of the point",
            )
        )
    if not far:
        reasons.append(
            Text(
                vi=f"chưa đo ở nơi cách điểm hơn {wanted.far_m:g} m",
                en=f"not measured farther than {wanted.far_m:g} m from the point",
            )
        )
    return reasons


class _Latest(NamedTuple):
    to_pass: tuple[Text, ...] = ()
    to_fail: tuple[Text, ...] = ()


def _against_latest(squares: Squares, wanted: Wanted) -> _Latest:
    """The state is that of the latest visit worth the name: no verdict against it."""
    if not squares.visits:
        return _Latest()
    latest = float(np.mean(squares.latest(least=wanted.visit_squares)))
    reason = Text(
        vi=comma(f"lượt đến đo gần nhất lại thấy {latest:.1%} số ô có sóng"),
        en=f"the latest visit found service in {latest:.1%} of the squares",
    )
    if latest < wanted.share:
        return _Latest(to_pass=(reason,))
    return _Latest(to_fail=(reason,))


def _more(squares: Squares, wanted: Wanted, where: str) -> tuple[Need, ...]:
    """Squares that would prove the share if all of them had service."""
    more = stats.successes_to_prove(squares.successes, len(squares.value), share=wanted.share)
    return () if more == 0 else (Need(what="blocks", more=more, where=where),)


def _context(here: Here, wanted: Wanted) -> dict[str, Any]:
    squares = here.squares
    shown = stats.wilson(squares.successes, len(squares.value))
    return {
        "wilson_lower": shown.lower,
        "wilson_upper": shown.upper,
        "available_share": here.available_share,
        "visits": squares.visits,
        "latest_visit_share": float(np.mean(squares.latest(least=wanted.visit_squares)))
        if squares.visits
        else None,
        "nearest_m": float(squares.distance_m.min()) if squares.visits else None,
        "farthest_m": float(squares.distance_m.max()) if squares.visits else None,
        "first_seen": here.first_seen,
        "last_seen": here.last_seen,
        "data_checks": here.data_checks,
        "data_check_share": here.data_ok / here.data_checks if here.data_checks else None,
        **here.levels,
    }
