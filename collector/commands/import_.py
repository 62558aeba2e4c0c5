"""`dosong-collector import`: record files, e.g. from a probe's USB stick."""

import argparse
import sys
from pathlib import Path

from rich.console import Console

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
from collector.ingest.files import Imported, import_files, record_files
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
    files = record_files(arguments.files)
    console = Console(stderr=True, highlight=False)
    with opened_intake(config) as (intake, _), console.status("importing") as status:

        def tell(file: Path, so_far: Imported) -> None:
            status.update(printable(f"{file.name}: {so_far.read} lines, {so_far.new} new"))

        imported = import_files(
            files, intake, batch_rows=config.ingest.batch_rows, on_progress=tell
        )
    if arguments.json:
        print_json(imported)
    else:
        stdout().print(
            f"{imported.files} files, {imported.read} lines: {imported.new} new,"
            f" {imported.duplicates} were here before, {imported.rejected} refused"
        )
    for problem in imported.problems:
        sys.stderr.write(f"{problem}\n")
    return FAILED if imported.problems or not files else DONE


COMMAND = Command("import", "store record files; again is harmless", _add_arguments, _run)
