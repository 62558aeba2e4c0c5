"""A reply in, what we understand of it out: for support, for files of captures, for tests. No I/O.

The reply goes the way it goes in the running agent: through the framing of `at.py`, then to the
reader of its family. `decoded` is the plain layout of such files: `Reading`, with `earfcn` for the
channel number of whatever technology.
"""

import re
from typing import Any

import msgspec

from drivers.modem import standard
from drivers.modem.at import AtChannel, Reply, Urc
from drivers.modem.errors import UnreadableError
from drivers.modem.family import Family, families
from drivers.modem.readers import Asked, reader_of
from drivers.modem.reading import Reading, SimCard

UNREAD = "unread"
CALL_RESULTS = frozenset({"NO CARRIER", "NO ANSWER", "NO DIALTONE", "BUSY"})
RENAMED = {"arfcn": "earfcn"}


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
    reading = _read(family, asked)
    if reading is None and unasked:
        # Some firmware answers under a name of its own.
        reading = _read(family, asked._replace(lines=(*reply.lines, *unasked)))
    if reading is None and not reply.lines and reply.ok:
        return _ended(unasked)
    return reading


def _ended(unasked: tuple[str, ...]) -> Reading | None:
    """An order that has nothing to say, or a call result of a command that does not dial."""
    if not unasked:
        return Reading(result="ok")
    failure = standard.failure(unasked[0]) if unasked[0].upper() in CALL_RESULTS else None
    return None if failure is None else Reading(error=failure)


def family_named(vendor: str) -> type[Family]:
    """The family of a vendor by any of its names; the last resort for one nobody knows."""
    wanted = _plain(vendor)
    known = families()
    return next(
        (family for family in known if wanted in map(_plain, (family.name, *family.vendors))),
        known[-1],
    )


def _read(family: type[Family], asked: Asked) -> Reading | None:
    parse = reader_of(family.readers, asked)
    if parse is None:
        return None
    try:
        return parse(asked)
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
