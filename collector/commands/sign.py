"""`dosong-collector sign`: a person's word on a month, and amendments to it."""

import argparse
from datetime import UTC, datetime

from collector.checker import Checker
from collector.commands import (
    DONE,
    FAILED,
    Command,
    add_config,
    add_json,
    print_json,
    printable,
    stdout,
)
from collector.config import load
from collector.targets import parse


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        *("--month", "--period"), required=True, metavar="P", help="2026-10 or 2026-Q4, when over"
    )
    parser.add_argument(
        "--by", metavar="NAME", help="who signs; without it, what was signed so far"
    )
    parser.add_argument(
        "--amend", metavar="REASON", help="sign again what late data have changed, and say why"
    )


def _run(arguments: argparse.Namespace) -> int:
    period = parse(arguments.month)
    now = datetime.now(UTC)
    with Checker.opened(load(arguments.config)) as checker:
        if arguments.by is not None:
            if not arguments.by.strip():
                stdout().print("--by needs the name of who signs")
                return FAILED
            if now < period.end_utc:
                stdout().print(f"{period.label} is not over: nothing can be signed before its end")
                return FAILED
            ids = [one.id for one in checker.check(now=now, period=period)]
            checker.book.sign(
                period.label, by=arguments.by, ids=ids, reason=arguments.amend, now=now
            )
        signatures = checker.book.signatures(period.label)
    if arguments.json:
        print_json(signatures)
        return DONE
    if not signatures:
        stdout().print(f"{period.label}: nobody has signed it; `--by NAME` does")
    for one in signatures:
        what = "signed" if one.number == 0 else f"amendment {one.number}"
        reason = f": {one.reason}" if one.reason else ""
        stdout().print(
            printable(
                f"{one.period}: {what} by {one.signed_by} on {one.signed_utc:%Y-%m-%d %H:%M} UTC,"
                f" {len(one.ids)} verdicts, {one.digest[:16]}{reason}"
            )
        )
    return DONE


COMMAND = Command("sign", "sign the verdicts of a month, or amend them", _add_arguments, _run)
