"""`dosong-collector recompute`: the same number again, from what a verdict was frozen with."""

import argparse

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
from collector.evidence.again import recompute


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument("verdict", metavar="VERDICT", help="its id, or how that begins")


def _run(arguments: argparse.Namespace) -> int:
    again = recompute(load(arguments.config), arguments.verdict)
    differences = again.differences
    if arguments.json:
        print_json(
            {
                "id": again.stored.id,
                "exact": not differences,
                "differences": differences,
                "stored": again.stored,
                "computed": again.computed,
            }
        )
    elif differences:
        stdout().print(printable(f"{again.stored.id}: not the same"))
        for name, (stored, computed) in differences.items():
            stdout().print(printable(f"  {name}: was {stored!r}, is {computed!r}"))
    else:
        said = f"{again.stored.verdict} {again.stored.estimate} {again.stored.unit}"
        stdout().print(printable(f"{again.stored.id}: exactly the same: {said}"))
    return FAILED if differences else DONE


COMMAND = Command("recompute", "compute a verdict again from its evidence", _add_arguments, _run)
