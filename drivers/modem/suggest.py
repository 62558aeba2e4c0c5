"""What to write into a configuration for the modems that are plugged in. No I/O."""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from wire.messages import RatMode

MAX_NAME_CHARS = 40
MAX_WORDS_CHARS = 60
_FIRST_NAME = "modem"


class Found(NamedTuple):
    """A plugged modem, and what it says of itself where it could be asked."""

    usb_path: str
    product: str | None = None
    """As the USB device words it."""
    interface: str | None = None
    at_port: str | None = None
    model: str | None = None
    imei: str | None = None
    locks: Collection[RatMode] = ()
    """Technologies it can be locked to."""
    unasked: str | None = None
    """Why it was not asked, or did not answer."""


class Suggestion(NamedTuple):
    """One stanza."""

    name: str
    usb_path: str
    toml: str
    """Lines of TOML, the last one ended."""


def suggest(found: Sequence[Found], *, taken: Collection[str] = ()) -> Iterator[Suggestion]:
    """A stanza for each modem; its name is neither one of `taken` nor another's."""
    names = set(taken)
    for modem in found:
        name = _unique(_name(modem.model or modem.product or ""), names)
        names.add(name)
        lines = ["[[modem]]", f'name = "{name}"', f'usb_path = "{_plain(modem.usb_path)}"']
        comments = [f"# {_plain(words)}" for words in _comments(modem)]
        toml = "\n".join([*comments, *lines, *_choices(modem)]) + "\n"
        yield Suggestion(name, modem.usb_path, toml)


def _comments(modem: Found) -> Iterator[str]:
    who = modem.model or modem.product or "a modem that does not name itself"
    yield who if modem.imei is None else f"{who}, IMEI {modem.imei}"
    yield f"AT port now {modem.at_port}" if modem.at_port else "no AT port is known of it"
    if modem.unasked is not None:
        yield f"not asked what it can: {modem.unasked}"


def _choices(modem: Found) -> Iterator[str]:
    """Keys that may be wanted, as comments: the defaults are right at first."""
    if modem.interface is not None:
        yield f'# interface = "{_plain(modem.interface)}"  # found by itself; write to overrule'
    if modem.locks:
        modes = " ".join(mode for mode in RatMode if mode in modem.locks)
        yield f'# lock = "{RatMode.G4}"  # it can: {modes}'


def _name(words: str) -> str:
    """Lower-case letters, digits, dots, dashes and underscores, beginning with one of the first."""
    plain = re.sub(r"[^a-z0-9._-]+", "-", words[:MAX_WORDS_CHARS].lower())
    return plain.lstrip("._-")[:MAX_NAME_CHARS].rstrip("._-") or _FIRST_NAME


def _unique(name: str, names: Collection[str]) -> str:
    number, wanted = 1, name
    while wanted in names:
        number += 1
        wanted = f"{name}-{number}"
    return wanted


def _plain(words: str) -> str:
    """Fit for a comment and for a basic string: what a device says of itself may be anything."""
    kept = "".join(char for char in words if char.isprintable() and char not in '"\\')
    return kept[:MAX_WORDS_CHARS]
