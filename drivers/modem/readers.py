"""How a reply finds the function that understands it: readers by the name of their command. No I/O.

A reader takes an `Asked` and gives a `Reading`; it raises `UnreadableError` where the answer is
none it knows. The agent, the `decode` command and the tests all go this way.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from drivers.modem.errors import UnreadableError
from drivers.modem.fields import values
from drivers.modem.reading import Reading

_NAME = re.compile(r"(?:AT)?([+^$#!*%&][A-Z][A-Z0-9_]*|[A-Z])(.*)", re.IGNORECASE | re.DOTALL)


class Asked(NamedTuple):
    """A command and what came back."""

    command: str
    """As it was sent; empty for lines that came unasked."""
    lines: tuple[str, ...]
    """Information lines, without echo and final result."""
    model: str = ""
    """As the modem named itself, where that is known: scales differ by model."""

    @property
    def name(self) -> str:
        """Of the command, or of the first line where it came unasked: `+CREG`."""
        name, _ = _split(self.command or self.lines[0].partition(":")[0])
        return name

    @property
    def arguments(self) -> str:
        """What stands behind the name, e.g. `="servingcell"` or `?`."""
        return _split(self.command)[1]

    @property
    def unsolicited(self) -> bool:
        """Whether nobody asked."""
        return not self.command

    def values(self, *names: str) -> Iterator[str]:
        """What stands behind the prefix of each line that has it; by default the command's own."""
        for name in names or (self.name,):
            yield from values(self.lines, name)

    def rows(self, *names: str) -> list[str]:
        """As `values`; raises `UnreadableError` for lines that all lack the prefix."""
        found = list(self.values(*names))
        if self.lines and not found:
            raise self.unreadable()
        return found

    def unreadable(self) -> UnreadableError:
        """To be raised by a reader that does not understand the answer."""
        return UnreadableError("\n".join(self.lines), command=self.command)


Parse = Callable[[Asked], Reading]
Readers = Mapping[str, Parse]
"""By the command's name in capitals; `+COPS=?` for the test form where that is another answer."""


def reader_of(readers: Readers, asked: Asked) -> Parse | None:
    """Who understands the answer; None for nobody."""
    if asked.command.rstrip().endswith("=?"):
        return readers.get(f"{asked.name}=?") or readers.get("=?")
    return readers.get(asked.name)


def understand(readers: Readers, asked: Asked) -> Reading:
    """What the answer says; raises `UnreadableError`, also where nobody reads it."""
    parse = reader_of(readers, asked)
    if parse is None:
        raise asked.unreadable()
    return parse(asked)


def _split(command: str) -> tuple[str, str]:
    found = _NAME.fullmatch(command.strip())
    return (found[1].upper(), found[2]) if found else ("", "")
