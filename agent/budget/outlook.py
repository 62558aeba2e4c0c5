"""Whether a SIM's data lasts to the end of its period, and what to leave out so that it does."""

from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from agent.budget.allowance import Allowance
from agent.budget.book import Account
from agent.budget.ledger import Ledger, moment
from agent.budget.period import LOCAL, Period, midnight, period_of, share_passed
from agent.clock import Stamp

RECENT_DAYS = 7
"""The days before today by which the rest of the period is judged: a week has all weekdays."""
DAY = timedelta(days=1)


class Outlook(msgspec.Struct, frozen=True, kw_only=True):
    """How one SIM stands. Bytes are of the current period."""

    account: str
    """ICCID, or `modem:NAME` while it is not known."""
    period: Period | None
    """None while no day is known."""
    used_bytes: int
    """With `assumed_bytes`."""
    reserved_bytes: int
    limit_bytes: int | None
    tests_bytes: int | None
    forecast_bytes: int | None = None
    """At the end of the period if no test is left out; None while the day is not known."""
    optional_share: float = 1.0
    """Of the optional tests, what fits."""
    assumed_bytes: int = 0
    """Stands for a ledger that was lost in this period."""


class _Pace(NamedTuple):
    """Bytes a day."""

    other: float
    wanted: float


def outlook(ledger: Ledger, modem: str, allowance: Allowance, stamp: Stamp) -> Outlook:
    """How the SIM in this modem stands."""
    return outlook_of(ledger, ledger.keys(modem), allowance, stamp)


def outlook_of(
    ledger: Ledger, keys: tuple[str, ...], allowance: Allowance, stamp: Stamp
) -> Outlook:
    """How the accounts stand together; the first gives its name and its pace."""
    now = moment(stamp, ledger.book.last_day)
    period = (
        None if now is None else period_of(now.astimezone(LOCAL).date(), allowance.resets_on_day)
    )
    assumed = _assumed_bytes(ledger, allowance, period)
    known = Outlook(
        account=keys[0],
        period=period,
        used_bytes=ledger.used_bytes(keys, period) + assumed,
        reserved_bytes=ledger.reserved_bytes(keys),
        limit_bytes=allowance.limit_bytes,
        tests_bytes=allowance.tests_bytes,
        assumed_bytes=assumed,
    )
    account = ledger.book.accounts.get(keys[0])
    if now is None or period is None or account is None:
        return known
    return _with_forecast(known, _pace(account, now), (midnight(period.end) - now) / DAY)


def refusal(state: Outlook, most_bytes: int) -> str | None:
    """Why a test of this worst case may not run; None when it may."""
    if state.tests_bytes is None or state.limit_bytes is None:
        return None
    taken = state.used_bytes + state.reserved_bytes
    if taken + most_bytes <= state.tests_bytes:
        return None
    return (
        f"budget: {gb(taken)} of {gb(state.limit_bytes)} GB used or reserved, the test may need"
        f" {gb(most_bytes)}, {gb(state.limit_bytes - state.tests_bytes)} are kept for records"
    )


def left_bytes(state: Outlook) -> int | None:
    """What tests may still take; None where nothing limits them."""
    if state.tests_bytes is None:
        return None
    return max(0, state.tests_bytes - state.used_bytes - state.reserved_bytes)


def thrift(state: Outlook) -> str:
    """Why an optional test is left out."""
    return (
        f"budget: {gb(state.forecast_bytes or 0)} GB foreseen of {gb(state.limit_bytes or 0)},"
        f" {100 * state.optional_share:.0f} % of the optional tests fit"
    )


def gb(count: int) -> str:
    """Bytes in units of 10^9, as data plans are sold."""
    return f"{count / 1e9:.2f}"


def _with_forecast(known: Outlook, pace: _Pace, days_left: float) -> Outlook:
    other, wanted = pace.other * days_left, pace.wanted * days_left
    forecast = round(known.used_bytes + other + wanted)
    share = 1.0
    if known.tests_bytes is not None and forecast > known.tests_bytes:
        room = known.tests_bytes - known.used_bytes - known.reserved_bytes - other
        share = min(1.0, max(0.0, room / wanted)) if wanted > 0 else 1.0
    return msgspec.structs.replace(known, forecast_bytes=forecast, optional_share=share)


def _pace(account: Account, now: datetime) -> _Pace:
    """The mean over today and the last days; a day at least, so that one test is no trend."""
    today = now.astimezone(LOCAL).date()
    recent = {
        day: one for day, one in account.days.items() if today - RECENT_DAYS * DAY <= day <= today
    }
    if not recent:
        return _Pace(0.0, 0.0)
    days = max(1.0, (now - midnight(min(recent))) / DAY)
    other = sum(max(0, one.carried_bytes - one.optional_bytes) for one in recent.values())
    return _Pace(other / days, sum(one.wanted_bytes for one in recent.values()) / days)


def _assumed_bytes(ledger: Ledger, allowance: Allowance, period: Period | None) -> int:
    """In place of a lost ledger: as much as an even use of the limit would have been by then."""
    lost = ledger.book.lost
    if lost is None or allowance.limit_bytes is None:
        return 0
    if lost.utc is None or period is None:
        return allowance.limit_bytes  # nobody can say how much of the period had passed
    at = lost.utc.astimezone(LOCAL).date()
    if not period.start <= at < period.end:
        return 0
    return round(allowance.limit_bytes * share_passed(period, lost.utc))
