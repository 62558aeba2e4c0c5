"""`dosong-agent budget`: what each SIM has used this month, and what it will have at its end."""

import argparse
from collections.abc import Iterator
from datetime import date

import msgspec
from rich.console import Console
from rich.table import Table

from agent.budget import file
from agent.budget.book import Book
from agent.budget.ledger import Ledger
from agent.budget.outlook import Outlook, gb, outlook_of
from agent.clock import MADE_AT, KernelTime, Stamp
from agent.commands import DONE, FAILED, Command, add_config, add_json, stdout
from agent.config import Config, load
from wire.messages import ClockState

DIGITS = 4
"""Of an ICCID, its last, as on the card's back: nobody else should read it over a shoulder."""


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """One SIM, for a program."""

    modems: tuple[str, ...]
    """It is in now, or was last."""
    outlook: Outlook
    days: dict[date, int]
    """Bytes by local day, of the period."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    config = load(chosen.config)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        book = file.load(config.state_dir / file.NAME)
    except (file.DamagedError, OSError) as error:
        errors.out(f"{config.state_dir / file.NAME}: {error}")
        return FAILED
    if book is None:
        errors.out(f"no ledger in {config.state_dir}: the agent has not counted anything yet")
        return FAILED
    plans = tuple(_plans(config, book))
    if chosen.json:
        stdout().out(msgspec.json.encode({"sims": plans}).decode())
    else:
        _show(stdout(), plans)
    return DONE


def _plans(config: Config, book: Book) -> Iterator[Plan]:
    ledger, stamp = Ledger(book), _now()
    for key in sorted(book.accounts):
        allowance = config.budget.allowance(key)
        state = outlook_of(ledger, (key,), allowance, stamp)
        period = state.period
        days = book.accounts[key].days.items()
        yield Plan(
            modems=tuple(sorted(name for name, card in book.cards.items() if card == key)),
            outlook=state,
            days={
                day: one.carried_bytes
                for day, one in sorted(days)
                if period is None or period.start <= day < period.end
            },
        )


def _now() -> Stamp:
    """The system clock is good enough to choose a month, if it can be right at all."""
    source = KernelTime()
    wall = source.wall()
    return Stamp(
        boot_id=source.boot_id(),
        mono_ns=source.mono_ns(),
        utc=wall if wall >= MADE_AT else None,
        clock_state=ClockState.UNSYNCED,
        utc_err_s=None,
    )


def _show(console: Console, plans: tuple[Plan, ...]) -> None:
    table = Table("SIM", "modem", "period from", "used GB", "reserved", "limit", "foreseen", "left")
    for plan in plans:
        state = plan.outlook
        limit = state.limit_bytes
        table.add_row(
            _name(state.account),
            ", ".join(plan.modems),
            "not known" if state.period is None else f"{state.period.start}",
            gb(state.used_bytes) + (" or less" if state.assumed_bytes else ""),
            gb(state.reserved_bytes),
            "none" if limit is None else gb(limit),
            "" if state.forecast_bytes is None else gb(state.forecast_bytes),
            "" if limit is None else f"{max(0, 100 - 100 * state.used_bytes / limit):.0f} %",
        )
    console.print(table)
    for plan in plans:
        if plan.outlook.optional_share < 1:
            share = 100 * plan.outlook.optional_share
            console.print(
                f"-> {_name(plan.outlook.account)}: {share:.0f} % of the optional tests run,"
                " the others would use more than there is."
            )
    days = sorted({day for plan in plans for day in plan.days})
    by_day = Table("day", *(_name(plan.outlook.account) for plan in plans))
    for day in days:
        by_day.add_row(f"{day}", *(gb(plan.days.get(day, 0)) for plan in plans))
    if days:
        console.print(by_day)


def _name(account: str) -> str:
    return f"...{account[-DIGITS:]}" if account.isdigit() else account


COMMAND = Command(
    "budget", "what each SIM has used this month, and will have at its end", _add_arguments, _run
)
