"""`dosong-collector imports`: what others measured or reported, from CSV files."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn
from rich.progress import Progress as Bar
from rich.table import Table

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
from collector.imports import counts, mapping_file, place
from collector.imports.bringing import Brought, Progress, bring
from collector.imports.communes import Communes
from collector.imports.local import local_day
from collector.imports.mapping import Mapping
from collector.imports.store import BadLine, ImportStore
from collector.imports.text import write_csv
from collector.kpi import Period
from collector.targets import UnknownPeriodError, parse
from collector.targets.periods import month_of

SHOWN_BAD_LINES = 20
"""That a person is shown; all of them are in the JSON and in the file of `--bad-lines`."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    add = actions.add_parser("add", help="take a file in; the same again is harmless")
    add.add_argument("file", type=Path, metavar="FILE", help="CSV")
    add.add_argument(
        "--map", type=Path, required=True, metavar="MAPPING", help="TOML: what the columns are"
    )
    add.add_argument(
        "--dry-run", action="store_true", help="say what would come of it, store nothing"
    )
    add.add_argument(
        "--accept-partial", action="store_true", help="leave out lines that cannot be used"
    )
    add.add_argument(
        "--bad-lines", type=Path, metavar="OUT", help="write those lines with their reasons as CSV"
    )
    add.set_defaults(action=_add)
    actions.add_parser("list", help="every file, and what became of it").set_defaults(action=_list)
    show = actions.add_parser("show", help="one file, with the lines that could not be used")
    show.add_argument("number", type=int, metavar="N")
    show.set_defaults(action=_show)
    withdraw = actions.add_parser("withdraw", help="have a file count no more")
    withdraw.add_argument("number", type=int, metavar="N")
    withdraw.add_argument("--why", required=True, metavar="TEXT", help="goes on record")
    withdraw.set_defaults(action=_withdraw)
    count = actions.add_parser("counts", help="i-Speed samples by month and commune")
    count.add_argument("--month", type=_month, metavar="M", help="2026-10 (default: all)")
    count.set_defaults(action=_counts)
    reported = actions.add_parser("reported", help="which communes reported of a month")
    reported.add_argument("--month", type=_month, required=True, metavar="M", help="2026-10")
    reported.add_argument("--boundary-set", metavar="NAME", help="by default the first of that day")
    reported.set_defaults(action=_reported)
    for action in actions.choices.values():
        add_config(action)
        add_json(action)


def _month(text: str) -> Period:
    try:
        found = parse(text)
    except UnknownPeriodError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if found != month_of(found.start_utc):
        raise argparse.ArgumentTypeError(f"{text} is no month")
    return found


def _run(arguments: argparse.Namespace) -> int:
    code: int = arguments.action(arguments)
    return code


def _add(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    mapping = mapping_file.read(arguments.map)
    where = place.of(config)
    known = config.store.imports.exists()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn())
    console = Console(stderr=True, highlight=False)
    with Bar(*columns, console=console, transient=True) as bar:
        task = bar.add_task(printable(arguments.file.name).plain)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        if arguments.dry_run and not known:
            brought = _bring(arguments, mapping, where, None, tell)
        else:
            with ImportStore(config.store.imports, read_only=arguments.dry_run) as store:
                brought = _bring(arguments, mapping, where, store, tell)
    if arguments.bad_lines is not None:
        with arguments.bad_lines.open("w", encoding="utf-8", newline="") as stream:
            lines = ([one.line, one.reason, one.text] for one in brought.bad_lines)
            write_csv(stream, ["line", "reason", "text"], lines)
    if arguments.json:
        print_json(brought)
    else:
        _tell(brought, dry_run=arguments.dry_run)
    return FAILED if brought.state == "refused" else DONE


def _bring(
    arguments: argparse.Namespace,
    mapping: Mapping,
    where: place.Place,
    store: ImportStore | None,
    tell: Progress,
) -> Brought:
    return bring(
        arguments.file,
        mapping,
        place=where,
        store=store,
        now=datetime.now(UTC),
        accept_partial=arguments.accept_partial,
        dry_run=arguments.dry_run,
        on_progress=tell,
    )


def _tell(brought: Brought, *, dry_run: bool) -> None:
    say = stdout().print
    name = printable(brought.file).plain
    if brought.state == "here":
        say(printable(f"{name}: is here already as import {brought.import_id}; nothing new"))
        return
    _tell_bad_lines(brought.bad_lines)
    if brought.state == "refused":
        what = f"{brought.refused} of {brought.lines} lines cannot be used, nothing was taken."
        if brought.refused < brought.lines:
            what += " Correct them or the mapping, or leave them out with --accept-partial"
        say(printable(f"{name}: {what}"))
        return
    stored = "would be stored" if dry_run else f"stored as import {brought.import_id}"
    say(
        printable(
            f"{name}: {brought.rows} lines {stored}: {brought.new} new, {brought.repeated} known or"
            f" repeated, {brought.replaced} new versions, {brought.refused} left out"
        )
    )
    if brought.first_utc is not None and brought.last_utc is not None:
        say(f"from {local_day(brought.first_utc)} to {local_day(brought.last_utc)}")
    if brought.outside:
        what = f"{brought.outside} positions lie outside of every area: are latitude and longitude"
        say(printable(f"{what} interchanged?"))
    if brought.elsewhere:
        say(f"{brought.elsewhere} positions lie in another commune than their line says")


def _tell_bad_lines(bad: Sequence[BadLine]) -> None:
    for one in bad[:SHOWN_BAD_LINES]:
        sys.stderr.write(f"{printable(f'line {one.line}: {one.reason}').plain}\n")
    if len(bad) > SHOWN_BAD_LINES:
        sys.stderr.write(f"and {len(bad) - SHOWN_BAD_LINES} more: --bad-lines OUT.csv\n")


def _list(arguments: argparse.Namespace) -> int:
    path = load(arguments.config).store.imports
    found = []
    if path.exists():
        with ImportStore(path, read_only=True) as store:
            found = store.imports()
    if arguments.json:
        print_json(found)
        return DONE
    table = Table("import", "kind", "file", "state", "rows", "refused", "imported (UTC)", "source")
    for one in found:
        table.add_row(
            str(one.id),
            one.kind,
            printable(one.file),
            one.state.value,
            str(one.rows),
            str(one.refused),
            one.imported_utc[:19],
            printable(one.source),
        )
    stdout().print(table)
    return DONE


def _show(arguments: argparse.Namespace) -> int:
    with ImportStore(load(arguments.config).store.imports, read_only=True) as store:
        found = store.get(arguments.number)
        bad = store.bad_lines(arguments.number)
        mapping = store.mapping_text(arguments.number)
    if arguments.json:
        print_json({"import": found, "bad_lines": bad, "mapping_text": mapping})
        return DONE
    for name in found.__struct_fields__:
        value = getattr(found, name)
        if value is not None:
            stdout().print(printable(f"{name}: {value}"))
    _tell_bad_lines(bad)
    return DONE


def _withdraw(arguments: argparse.Namespace) -> int:
    with ImportStore(load(arguments.config).store.imports) as store:
        found = store.withdraw(arguments.number, why=arguments.why, now=datetime.now(UTC))
    if arguments.json:
        print_json(found)
    else:
        stdout().print(printable(f"import {found.id} ({found.file}) counts no more"))
    return DONE


def _counts(arguments: argparse.Namespace) -> int:
    month = None if arguments.month is None else arguments.month.label
    found = counts.counts(load(arguments.config).store.imports, month=month)
    if arguments.json:
        print_json(found)
        return DONE
    headings = ("month", "areas", "commune", "radio", "samples", "mean", "median")
    table = Table(*headings, "published: samples", "mean", "median", title="Mbit/s, downwards")
    for one in found:
        rates = [one.mean, one.median], [one.published_mean, one.published_median]
        told = [["" if rate is None else f"{rate:.1f}" for rate in pair] for pair in rates]
        table.add_row(
            one.month,
            printable(one.boundary_set or "outside"),
            printable(one.commune or ""),
            one.technology or "",
            str(one.samples),
            *told[0],
            "" if one.published_samples is None else str(one.published_samples),
            *told[1],
        )
    stdout().print(table)
    return DONE


def _reported(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    found = counts.reported(
        config.store.imports,
        Communes(place.of(config).boundaries.areas),
        month=local_day(arguments.month.start_utc),
        boundary_set=arguments.boundary_set,
    )
    if arguments.json:
        print_json(found)
        return DONE
    table = Table("commune", "name", "reports", "received")
    for one in found:
        table.add_row(
            printable(one.commune), printable(one.name), str(one.reports), one.received or ""
        )
    stdout().print(table)
    silent = sum(not one.reports for one in found)
    stdout().print(f"{len(found) - silent} of {len(found)} communes reported")
    return DONE


COMMAND = Command(
    "imports", "i-Speed samples and commune reports from CSV files", _add_arguments, _run
)
