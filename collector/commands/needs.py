"""`dosong-collector needs`: what is still missing this month, for people, drivers and probes."""

import argparse
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rich.table import Table

from collector.commands import (
    DONE,
    Command,
    add_config,
    add_json,
    print_json,
    printable,
    reading,
    stdout,
)
from collector.config import Config, load
from collector.ingest.visit import Visit
from collector.needs.drive_list import as_csv, as_gpx
from collector.needs.errors import NeedsError
from collector.needs.lack import Lack
from collector.needs.messages import message
from collector.needs.report import Surveyed, survey
from collector.store.ledger import Ledger
from collector.targets.periods import month_of, parse
from collector.targets.show import needed
from wire import topics

VALID_HOURS = 24.0
LANGUAGES = ("vi", "en")
_HEADINGS = {
    "vi": ("Chỉ tiêu", "Nơi", "Nhà mạng", "Công nghệ", "Còn thiếu", "Dự báo"),
    "en": ("Target", "Where", "Operator", "Technology", "Missing", "Forecast"),
}
_FORECAST = {
    "vi": {True: "đủ trước cuối tháng", False: "không đủ", None: "chưa rõ"},
    "en": {True: "enough by the end", False: "not enough", None: "unknown"},
}


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument("--month", metavar="M", help="2026-10 (default: the one that runs)")
    parser.add_argument(
        "--target", action="append", default=[], metavar="ID", help="only this one; may be repeated"
    )
    parser.add_argument("--gpx", type=Path, metavar="FILE", help="write the drive list as GPX")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write the drive list as CSV")
    parser.add_argument("--publish", action="store_true", help="tell the probes")
    parser.add_argument(
        "--withdraw", action="store_true", help="take back what probes were told; judges nothing"
    )
    parser.add_argument(
        "--probe", action="append", default=[], metavar="NAME", help="tell only this one"
    )
    parser.add_argument(
        "--valid-hours",
        type=_hours,
        default=VALID_HOURS,
        metavar="H",
        help="after which probes forget it (default: %(default)g)",
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the table (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    now = datetime.now(UTC).replace(microsecond=0)
    if arguments.withdraw:
        told = _tell(config, dict.fromkeys(_probes(config, arguments.probe), b""))
        _say(arguments, {"withdrawn": told})
        return DONE
    running = month_of(now)
    month = running if arguments.month is None else parse(arguments.month)
    if arguments.publish and month != running:
        raise NeedsError(f"{month.label} is not the month that runs: probes can measure only now")
    with reading() as on_progress:
        found = survey(
            config, period=month, now=now, targets=arguments.target, on_progress=on_progress
        )
    if arguments.gpx is not None:
        arguments.gpx.write_bytes(as_gpx(found.report))
    if arguments.csv is not None:
        # With the mark by which spreadsheets know UTF-8.
        arguments.csv.write_text(as_csv(found.report), encoding="utf-8-sig", newline="")
    told = []
    if arguments.publish:
        until = min(now + timedelta(hours=arguments.valid_hours), month.end_utc)
        told = _tell(config, _messages(config, found, arguments.probe, now=now, until=until))
    if arguments.json:
        print_json({"report": found.report, "published": told})
    else:
        stdout().print(_table(found.report.lacks, arguments.language))
        if told:
            stdout().print(printable(f"told: {', '.join(told)}"))
    return DONE


def _messages(
    config: Config, found: Surveyed, names: list[str], *, now: datetime, until: datetime
) -> dict[str, bytes]:
    return {
        probe: message(
            found.report.lacks,
            found.outlines,
            probe=probe,
            made_utc=now,
            valid_until_utc=until,
        )
        for probe in _probes(config, names)
    }


def _probes(config: Config, names: list[str]) -> list[str]:
    """Those named, or all that ever reported."""
    if names:
        return sorted(set(names))
    with Ledger(config.store.ledger, read_only=True) as ledger:
        known = sorted({row.probe for row in ledger.presence()})
    if not known:
        raise NeedsError("no probe has reported yet: name one with --probe")
    return known


def _tell(config: Config, messages: dict[str, bytes]) -> list[str]:
    """Publish, retained; an empty message takes the last one back."""
    with Visit(config.planner, topic=topics.ALL_STATUS) as broker:
        for probe, payload in messages.items():
            broker.deliver(topics.needs(probe), payload)
    return [*messages]


def _say(arguments: argparse.Namespace, answer: dict[str, list[str]]) -> None:
    if arguments.json:
        print_json(answer)
    else:
        for what, probes in answer.items():
            stdout().print(printable(f"{what}: {', '.join(probes)}"))


def _table(lacks: tuple[Lack, ...], lang: str) -> Table:
    table = Table(*_HEADINGS[lang])
    for one in lacks:
        missing = "; ".join(needed(need, lang) for need in one.need) or f"+{one.missing}"
        table.add_row(
            one.target,
            printable(one.name),
            printable(one.operator),
            one.rat_class or "",
            printable(missing),
            _FORECAST[lang][one.forecast.enough],
        )
    return table


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from error
    if not 0 < hours <= _MOST_HOURS:
        raise argparse.ArgumentTypeError(f"must be above 0 and at most {_MOST_HOURS:g}")
    return hours


_MOST_HOURS = 31 * 24.0

COMMAND = Command(
    "needs", "say what is still to be measured this month, and where", _add_arguments, _run
)
