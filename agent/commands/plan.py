"""`dosong-agent plan`: what will run when on which modem, and what it will cost."""

import argparse
import re
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from rich.console import Console
from rich.table import Column, Table

from agent.activity import Ready
from agent.commands import DONE, Command, add_config, add_json, stdout
from agent.commands._sent_plan import Seen
from agent.config import Config, load
from agent.plan.costs import Cost, cost
from agent.plan.forecast import MONTH_S, Bill, Expected, Forecast, forecast, monthly
from agent.planned import Planned, prepare
from agent.remote_plan import Followed

DEFAULT_SPAN = "24h"
DEFAULT_ROWS = 40
MOST_DAYS = 366
UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0}
DAY_S = UNITS_S["d"]
WAY_M = 100_000.0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--next",
        type=span_s,
        default=DEFAULT_SPAN,
        metavar="SPAN",
        help="how far to look ahead: 90m, 24h or 7d (default: %(default)s)",
    )
    parser.add_argument(
        "--from",
        dest="start",
        type=_start,
        metavar="TIME",
        help='local time to begin at, e.g. "2026-12-01T00:00" (default: now)',
    )
    parser.add_argument(
        "--rows",
        type=_rows,
        default=DEFAULT_ROWS,
        metavar="N",
        help="how many tests to list, 0 for all (default: %(default)s)",
    )
    parser.add_argument(
        "--own",
        action="store_true",
        help="the plan of the configuration, also where one that was sent is in force",
    )
    add_config(parser)
    add_json(parser)


class _Ahead(NamedTuple):
    """All that is shown."""

    config: Config
    planned: tuple[Planned, ...]
    begin: datetime
    """Local time."""
    seen: Forecast
    bills: dict[str, Bill]
    sent: Seen | None

    @property
    def end(self) -> datetime:
        return self.begin + timedelta(seconds=self.seen.covered_s)


def _run(chosen: argparse.Namespace) -> int:
    config = load(chosen.config)
    planned = prepare(config, name=chosen.config.name)
    start = _utc(chosen.start, config)
    sent = None
    if not chosen.own:
        sent = Seen(Followed(config, planned), file=chosen.config, utc=start)
        config, planned = sent.standing.followed
    planning = config.planning
    ahead = _Ahead(
        config=config,
        planned=planned,
        begin=planning.local(start),
        seen=forecast(
            planned, probe=config.probe, planning=planning, start=start, span_s=chosen.next
        ),
        bills=monthly(planned, probe=config.probe, planning=planning, start=start),
        sent=sent,
    )
    console = stdout()
    if chosen.json:
        console.out(msgspec.json.encode(_document(ahead)).decode())
    else:
        _show(console, ahead, rows=chosen.rows)
    return DONE


def span_s(text: str) -> float:
    """`90m`, `24h` or `7d` in seconds."""
    match = re.fullmatch(r"([0-9]{1,6})([mhd])", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"'{text}' is no span such as 90m, 24h or 7d")
    seconds = int(match[1]) * UNITS_S[match[2]]
    if not 0 < seconds <= MOST_DAYS * DAY_S:
        raise argparse.ArgumentTypeError(f"needs 1m to {MOST_DAYS}d")
    return seconds


def _rows(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{text}' is no number of rows")
    return int(text)


def _start(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _utc(start: datetime | None, config: Config) -> datetime:
    if start is None:
        return datetime.now(UTC).replace(microsecond=0)
    if start.tzinfo is not None:
        return start.astimezone(UTC)
    return start.replace(tzinfo=UTC) - timedelta(hours=config.planning.utc_offset_h)


def _document(ahead: _Ahead) -> dict[str, Any]:
    config, planned, begin, seen, bills, sent = ahead
    planning = config.planning
    return {
        "sent": None if sent is None else sent.document(),
        "from": begin,
        "until": ahead.end,
        "utc_offset_h": planning.utc_offset_h,
        "slots": [
            {
                "due": each.due,
                "starts": each.starts,
                "plan": each.slot.plan,
                "modem": each.slot.modem,
                "state": _state(each),
                "reason": each.reason or None,
            }
            for each in seen.expected
        ],
        "plans": [
            {
                "plan": each.entry.name,
                "modem": each.place.name,
                "activity": each.entry.activity,
                "profile": each.ready.profile,
                "when": each.entry.when(),
                "expected": _often(each),
                **cost(each.ready.settings, planning)._asdict(),
            }
            for each in planned
        ],
        "modems": [
            {
                "modem": name,
                "runs": sum(each.starts is not None for each in _on(name, seen)),
                "skipped": sum(each.starts is None for each in _on(name, seen)),
                "down_bytes": _bytes(_on(name, seen), config).down_bytes,
                "up_bytes": _bytes(_on(name, seen), config).up_bytes,
                "month_down_bytes": bills.get(name, Bill(0, 0)).down_bytes,
                "month_up_bytes": bills.get(name, Bill(0, 0)).up_bytes,
            }
            for name in _modems(config)
        ],
    }


def _show(console: Console, ahead: _Ahead, *, rows: int) -> None:
    config, planned, begin, seen, bills, sent = ahead
    for sentence in [] if sent is None else sent.sentences():
        console.out(sentence, highlight=False)
    console.print(
        f"{begin:%Y-%m-%d %H:%M:%S} to {ahead.end:%Y-%m-%d %H:%M:%S}, local time"
        f" (UTC{config.planning.utc_offset_h:+g} h), if the agent starts then"
    )
    console.print(_slots_table(seen, config, rows))
    left_out = len(seen.expected) - rows
    if rows and left_out > 0:
        console.print(f"... and {left_out} more: --rows 0 shows all")
    console.print(_plans_table(planned, seen, config))
    console.print(_modems_table(seen, bills, config))
    console.print(
        "MB: most payload, down + up; capacity tests at"
        f" {config.planning.assumed_down_mbit_s:g} / {config.planning.assumed_up_mbit_s:g} Mbit/s."
        " What waits is estimated."
    )
    for line in _beyond_budget(bills, config):
        console.out(line, highlight=False)


def _slots_table(seen: Forecast, config: Config, rows: int) -> Table:
    names = ("due", "plan", "modem", "what happens")
    table = Table(*(Column(name, overflow="fold") for name in names))
    table.add_column("MB", justify="right")
    for each in seen.expected[: rows or None]:
        bill = _bytes([each], config)
        table.add_row(
            f"{each.due:%m-%d %H:%M:%S}",
            each.slot.plan,
            each.slot.modem,
            f"skipped: {each.reason}" if each.starts is None else each.reason or "runs",
            _mb(bill.down_bytes + bill.up_bytes),
        )
    return table


def _plans_table(planned: tuple[Planned, ...], seen: Forecast, config: Config) -> Table:
    table = Table(*(Column(name, overflow="fold") for name in ("plan", "profile", "when")))
    for name in ("tests", "MB each", "MB in all"):
        table.add_column(name, justify="right")
    names = dict.fromkeys(each.entry.name for each in planned)
    for name in names:
        one = next(each for each in planned if each.entry.name == name)
        there = [each for each in seen.expected if each.slot.plan == name]
        each_ = cost(one.ready.settings, config.planning)
        bill = _bytes(there, config)
        often = _often(one)
        table.add_row(
            name,
            _profile(one.entry.activity, one.ready),
            one.entry.when(),
            often or str(sum(each.starts is not None for each in there)),
            _mb(each_.down_bytes + each_.up_bytes),
            _mb_on_the_way(one, each_) if often else _mb(bill.down_bytes + bill.up_bytes),
        )
    return table


def _modems_table(seen: Forecast, bills: dict[str, Bill], config: Config) -> Table:
    table = Table("modem")
    for name in ("runs", "waits", "skipped", "MB in all", "MB a day", "MB in 30 days"):
        table.add_column(name, justify="right")
    total = [0, 0, 0, 0, 0, 0]
    for name in _modems(config):
        there = _on(name, seen)
        states = [_state(each) for each in there]
        bill = _bytes(there, config)
        month = bills.get(name, Bill(0, 0))
        month_bytes = month.down_bytes + month.up_bytes
        numbers = [
            sum(state != "skipped" for state in states),
            states.count("waits"),
            states.count("skipped"),
            bill.down_bytes + bill.up_bytes,
            round(month_bytes * DAY_S / MONTH_S),
            month_bytes,
        ]
        total = [a + b for a, b in zip(total, numbers, strict=True)]
        table.add_row(name, *map(str, numbers[:3]), *map(_mb, numbers[3:]))
    table.add_section()
    table.add_row("all", *map(str, total[:3]), *map(_mb, total[3:]))
    return table


def _beyond_budget(bills: dict[str, Bill], config: Config) -> list[str]:
    """Which modems want more than `[budget] monthly_gb`; which SIM is in them nobody knows yet."""
    limit_gb = config.budget.monthly_gb
    if limit_gb is None:
        return []
    months = [(name, bills[name]) for name in _modems(config) if name in bills]
    wanted_gb = [(name, (bill.down_bytes + bill.up_bytes) / 1e9) for name, bill in months]
    return [
        f"{name}: {gb:.1f} GB in 30 days, but [budget] monthly_gb is {limit_gb:g}:"
        " tests will be skipped."
        for name, gb in wanted_gb
        if gb > limit_gb
    ]


def _often(planned: Planned) -> str:
    """How often a test runs that no clock makes due; empty for the others."""
    entry = planned.entry
    if entry.every_m is not None:
        return f"{WAY_M / entry.every_m:g} per 100 km"
    if entry.area is not None:
        return "1 per visit"
    if entry.places is not None:
        return f"{len(planned.where)} places, 1 per visit"
    return "on demand" if entry.on_demand else ""


def _mb_on_the_way(planned: Planned, each: Cost) -> str:
    """On each modem; empty where nobody can tell."""
    every_m = planned.entry.every_m
    if every_m is None:
        return ""
    return _mb(round((each.down_bytes + each.up_bytes) * WAY_M / every_m)) + " per modem"


def _on(modem: str, seen: Forecast) -> list[Expected]:
    return [each for each in seen.expected if each.slot.modem == modem]


def _modems(config: Config) -> list[str]:
    return [place.name for place in config.modem]


def _state(expected: Expected) -> str:
    if expected.starts is None:
        return "skipped"
    return "waits" if expected.reason else "runs"


def _bytes(expected: list[Expected], config: Config) -> Bill:
    """What those of them that run cost at most."""
    costs = [
        cost(each.planned.ready.settings, config.planning)
        for each in expected
        if each.starts is not None
    ]
    return Bill(sum(each.down_bytes for each in costs), sum(each.up_bytes for each in costs))


def _profile(activity: str, ready: Ready) -> str:
    return ready.profile or activity


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / 1e6:.1f}"


COMMAND = Command("plan", "what will run when, and what it will cost", _add_arguments, _run)
