"""`dosong-collector import`: record files, e.g. from a probe's USB stick."""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

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
from collector.ingest.files import Progress, find, import_files
from collector.ingest.opened import opened_intake


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="JSON lines, also .zst, or a folder of .jsonl and .jsonl.zst files",
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    found = find(arguments.files)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True, highlight=False)
    with opened_intake(config) as (intake, ledger), Bar(*columns, console=console) as bar:
        task = bar.add_task("importing", total=found.size)

        def tell(now: Progress) -> None:
            text = f"{now.file.name}: {now.imported.read} lines, {now.imported.new} new"
            bar.update(task, completed=now.read_bytes, description=printable(text).plain)

        imported = import_files(
            found, intake, ledger, batch_rows=config.ingest.batch_rows, on_progress=tell
        )
    if arguments.json:
        print_json(imported)
    else:
        stdout().print(
            f"{imported.files} files, {imported.read} lines: {imported.new} new,"
            f" {imported.duplicates} were here before, {imported.rejected} refused"
        )
    if imported.rejected:
        what = f"{imported.rejected} of {imported.read} lines were refused"
        sys.stderr.write(f"{what}: dosong-collector quarantine says which, and why\n")
    if imported.untold:
        what = f"{imported.untold} records have a utc that nobody told"
        sys.stderr.write(f"{what}: clock_state is not gps, ntp or collector; no verdict uses it\n")
    for problem in imported.problems:
        sys.stderr.write(f"{printable(problem)}\n")
    if not found.files:
        sys.stderr.write("there is no record file\n")
    return FAILED if imported.problems or not found.files else DONE


COMMAND = Command("import", "store record files; again is harmless", _add_arguments, _run)
