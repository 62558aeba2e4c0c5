"""A reply in, what we understand of it out: for support, for files of captures, for tests. No I/O.

The reply goes the way it goes in the running agent: through the framing of `at.py`, then to the
reader of its family. `decoded` is the plain layout of such files: `Reading`, with `earfcn` for the
channel number of whatever technology.
"""

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from drivers.modem import standard
from drivers.modem.at import AtChannel, Reply, Urc
from drivers.modem.errors import UnreadableError
from drivers.modem.family import Family, families
from drivers.modem.readers import Asked, understand
from drivers.modem.reading import HeardCell, Reading, SimCard

UNREAD = "unread"
CALL_RESULTS = frozenset({"NO CARRIER", "NO ANSWER", "NO DIALTONE", "BUSY"})
RENAMED = {"arfcn": "earfcn"}
MAX_CHAIN = 32
"""Commands on one line; a line of 27.007 has room for some ten."""
_COMMANDS = re.compile(r'(?:"[^"]*"|[^;"])+')


def decode(*, vendor: str, model: str, command: str, response: str) -> dict[str, Any]:
    """What the reply says; `{"unread": text}` where it cannot be read. Never an exception.

    `vendor` is a family or one of its other names; an unknown one is read by the standard alone.
    An empty `command` means lines that came unasked.
    """
    # Half characters, as JSON can spell them, are no text that anybody could print.
    response = response.encode(errors="replace").decode()
    reading = understood(family_named(vendor), model=model, command=command, response=response)
    if reading is None:
        return {UNREAD: response}
    decoded: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(reading))
    if "cells" in decoded:
        decoded["cells"] = [
            {RENAMED.get(name, name): value for name, value in cell.items()}
            for cell in decoded["cells"]
        ]
    return decoded


def understood(family: type[Family], *, model: str, command: str, response: str) -> Reading | None:
    """The reading of a reply as it came over the line; None where nobody can read it."""
    reply, unasked = _framed(family, command, response)
    if reply is None:
        return _read(family, Asked("", unasked, model)) if unasked else None
    failure = standard.failure(reply.final)
    if failure is not None:
        words = standard.sim_words((), reply.final) if "+CPIN" in command.upper() else None
        return Reading(error=failure, sim=None if words is None else SimCard(state=words))
    asked = Asked(reply.command, reply.lines, model)
    reading = _read_chain(family, asked)
    if reading is None and unasked:
        # Some firmware answers under a name of its own.
        reading = _read(family, asked._replace(lines=(*reply.lines, *unasked)))
    if reading is None and not reply.lines and reply.ok:
        return _ended(reply.command, unasked)
    return reading


def _ended(command: str, unasked: tuple[str, ...]) -> Reading | None:
    """An order that has nothing to say, or a call result of a command that does not dial."""
    failure = None
    if unasked and unasked[0].upper() in CALL_RESULTS:
        failure = standard.failure(unasked[0])
    if failure is not None:
        return Reading(error=failure)
    is_order = "=" in command and not command.rstrip().endswith("?")
    return Reading(result="ok") if is_order or not unasked else None


def _read_chain(family: type[Family], asked: Asked) -> Reading | None:
    """Of each command on the line what its reader makes of the lines; the first word counts.

    Where several name cells, those told in most detail do.
    """
    commands = [command.strip() for command in _COMMANDS.findall(asked.command)]
    if len(commands) < 2:  # noqa: PLR2004  # a chain
        return _read(family, asked)
    merged: dict[str, Any] = {}
    for command in commands[:MAX_CHAIN]:
        whole = command if command[:2].upper() == "AT" else f"AT{command}"
        reading = _read(family, asked._replace(command=whole))
        for name, value in () if reading is None else msgspec.structs.asdict(reading).items():
            richer = name == "cells" and value and _detail(value) > _detail(merged.get(name, ()))
            if value is not None and (name not in merged or richer):
                merged[name] = value
    return Reading(**merged) if merged else None


def _detail(cells: Iterable[HeardCell]) -> int:
    """How much is told of the first."""
    first = next(iter(cells), None)
    fields = {} if first is None else msgspec.structs.asdict(first)
    return sum(value is not None for value in fields.values())


def family_named(vendor: str) -> type[Family]:
    """The family of a vendor by any of its names; the last resort for one nobody knows."""
    wanted = _plain(vendor)
    known = families()
    return next(
        (family for family in known if wanted in map(_plain, (family.name, *family.vendors))),
        known[-1],
    )


def _read(family: type[Family], asked: Asked) -> Reading | None:
    try:
        return understand(family.readers, asked)
    except UnreadableError:
        return None


def _framed(
    family: type[Family], command: str, response: str
) -> tuple[Reply | None, tuple[str, ...]]:
    """The reply, and the lines that came unasked around it."""
    channel = AtChannel(family.answers_under)
    if command:
        try:
            channel.start(command)
        except ValueError:
            return None, ()
    events = channel.feed(response.encode() + b"\r\n")
    if command and not any(isinstance(event, Reply) for event in events):
        # Cut off where somebody copied it: what is there is read all the same.
        events += channel.feed(b"\r\nOK\r\n")
    reply = next((event for event in events if isinstance(event, Reply)), None)
    return reply, tuple(event.line for event in events if isinstance(event, Urc))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
