"""`dosong-collector evidence`: the rows behind a verdict, and those left out, as files."""

import argparse
from pathlib import Path

from collector.commands import DONE, Command, add_config, add_json, print_json, printable, stdout
from collector.config import load
from collector.evidence.again import recompute
from collector.evidence.files import write


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument("verdict", metavar="VERDICT", help="its id, or how that begins")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="DIR", help="a folder that is not there yet"
    )


def _run(arguments: argparse.Namespace) -> int:
    again = recompute(load(arguments.config), arguments.verdict)
    written = write(again, arguments.out)
    evidence = again.stored.evidence
    if arguments.json:
        print_json(
            {
                "id": again.stored.id,
                "folder": str(arguments.out),
                "files": [file.name for file in written],
                "rows_in": evidence.rows_in,
                "rows_out": evidence.rows_out,
                "exact": not again.differences,
            }
        )
    else:
        stdout().print(
            printable(
                f"{arguments.out}: {evidence.rows_in} rows that count,"
                f" {evidence.rows_out} left out;"
                f" `python3 {arguments.out / 'recompute.py'}` computes it again"
            )
        )
    return DONE


COMMAND = Command(
    "evidence", "write the rows behind a verdict, and how to compute it", _add_arguments, _run
)
