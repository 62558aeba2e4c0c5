"""`dosong-agent decode`: reads modem replies and says what we understand of them."""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from agent.commands import DONE, FAILED, Command, add_json, stdout
from drivers.modem.decode import UNREAD, decode, family_named
from drivers.modem.family import families

MAX_REPLY_BYTES = 1 << 20
HINT = (
    "Nobody here understands this reply. If the command is right for this modem, send vendor, "
    "model, firmware, command and reply to the project: it becomes a test."
)


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a file of captured replies; other keys are of no concern here."""

    id: Any = None
    vendor: str = ""
    model: str = ""
    command: str = ""
    response: str = ""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    known = ", ".join(family.name for family in families())
    one = parser.add_argument_group("one reply, on standard input")
    one.add_argument("--vendor", default="", help=f"whose modem; there are: {known}")
    one.add_argument("--model", default="", help="as AT+CGMM says it; scales differ by model")
    one.add_argument(
        "--command",
        dest="at_command",
        default="",
        metavar="AT...",
        help="what was sent; unset: lines came unasked",
    )
    many = parser.add_argument_group("many replies")
    many.add_argument(
        "--jsonl",
        type=Path,
        metavar="FILE",
        help="one JSON object a line with id, vendor, model, command, response; - for stdin",
    )
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    if chosen.jsonl is not None:
        return _decode_file(chosen.jsonl)
    response = sys.stdin.buffer.read(MAX_REPLY_BYTES).decode(errors="replace")
    decoded = decode(
        vendor=chosen.vendor, model=chosen.model, command=chosen.at_command, response=response
    )
    console = stdout()
    if chosen.json:
        console.out(msgspec.json.encode(decoded).decode())
    else:
        _show(console, family_named(chosen.vendor).name, decoded)
    return FAILED if UNREAD in decoded else DONE


def _decode_file(path: Path) -> int:
    """One line out for each line in; FAILED where one is no capture."""
    if str(path) == "-":
        return _decode_lines(sys.stdin.buffer)
    try:
        with path.open("rb") as lines:
            return _decode_lines(lines)
    except OSError as error:
        Console(stderr=True, soft_wrap=True).out(f"{path}: {error.strerror}")
        return FAILED


def _decode_lines(lines: BinaryIO) -> int:
    code = DONE
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        document: Any = None
        try:
            document = json.loads(line.decode(errors="replace"))
            capture = msgspec.convert(document, Capture)
        except (ValueError, msgspec.ValidationError) as error:
            text = line.decode(errors="replace").strip()
            known = document.get("id") if isinstance(document, dict) else None
            _put({"id": known, "decoded": {UNREAD: text}})
            Console(stderr=True, soft_wrap=True).out(f"line {number}: {error}")
            code = FAILED
            continue
        decoded = decode(
            vendor=capture.vendor,
            model=capture.model,
            command=capture.command,
            response=capture.response,
        )
        _put({"id": capture.id, "decoded": decoded})
    return code


def _put(answer: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(answer) + b"\n")
    sys.stdout.buffer.flush()


def _show(console: Console, family: str, decoded: dict[str, Any]) -> None:
    if UNREAD in decoded:
        console.print(f"read as {family}: [red]not understood[/red]")
        console.print(HINT)
        return
    console.print(f"read as {family}:")
    table = Table(show_header=False)
    for name, text in rows("", decoded):
        table.add_row(name, escape(text))
    console.print(table)


def rows(name: str, value: object) -> Iterator[tuple[str, str]]:
    """What was decoded, one value a line, named by its path from `name`."""
    match value:
        case dict() if value:
            for key, inner in value.items():
                yield from rows(f"{name}.{key}".lstrip("."), inner)
        case [dict(), *_]:
            for index, inner in enumerate(value):
                yield from rows(f"{name}[{index}]", inner)
        case list() | dict():
            yield name, _words(value) or "none"
        case _:
            yield name, str(value)


def _words(values: Iterable[object]) -> str:
    return " ".join(map(str, values))


COMMAND = Command("decode", "what we understand of a modem's reply", _add_arguments, _run)
