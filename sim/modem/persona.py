"""A modem's manners as a text file: commands, reply templates and settings.

The format is described in `docs/reference/simulator.md`. In short: a header of `key: value`,
settings (`set` lost at a reset, `keep` not), what each technology needs (`allow`), unsolicited
lines (`urc`), and commands (`>`) with variants (`?`), repeated lines (`*`), errors (`!`), a time
to wait (`@`) and a reset (`%`).
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from sim.modem.reading import WORDS
from sim.world.technology import Technology

TRANSCRIPTS = Path(__file__).parent.parent / "transcripts"

Values = Mapping[str, str]

CME_TEXT = {3: "operation not allowed", 4: "operation not supported", 10: "SIM not inserted"}
CME_TEXT |= {11: "SIM PIN required", 16: "incorrect password", 30: "no network service"}
CME_TEXT |= {50: "incorrect parameters"}
"""Of TS 27.007 9.2, for `+CMEE=2`."""

HEADER = ("maker", "model", "firmware", "provenance")
NEEDED_SETTINGS = ("echo", "cmee", "cfun")
"""The engine itself asks for these."""

LINE_BREAK = r"\n"
"""In a repeated line: one entry may need more than one line."""

_PLACEHOLDER = re.compile(r"\{([a-z_][a-z0-9_]*)\}")
_CAPTURE = re.compile(r"\{([a-z_][a-z0-9_]*):([^}]+)\}")
_SETTING = re.compile(r"(set|keep) ([a-z][a-z0-9_]*) = (.*)")
_ALLOW = re.compile(r"allow ([a-z-]+): *(.*)")
_URC = re.compile(r"urc (\d+): (.+)")


class PersonaError(ValueError):
    """A persona file is wrong; the text names the file and the line."""


class Condition(msgspec.Struct, frozen=True):
    """All of some values match their patterns."""

    patterns: tuple[tuple[str, str], ...] = ()

    def holds(self, values: Values) -> bool:
        """Whether they do; a value that is not there matches nothing."""
        return all(
            (value := values.get(name)) is not None and re.fullmatch(pattern, value) is not None
            for name, pattern in self.patterns
        )


class Row(msgspec.Struct, frozen=True):
    """One line of a reply, or one for each entry of a list."""

    template: str
    repeat: str | None = None


class Variant(msgspec.Struct, frozen=True):
    """One way to answer a command."""

    condition: Condition = Condition()
    rows: tuple[Row, ...] = ()
    error: str | None = None
    """A +CME code or a whole line; None means OK."""
    wait_s: float | None = None
    reset_s: float | None = None
    """The port goes away for so long after the answer."""


class Command(msgspec.Struct, frozen=True):
    """What a command looks like, what it sets and how it is answered."""

    pattern: str
    captures: tuple[str, ...]
    """Settings written, in the order of the pattern's groups; a leading `_` is not kept."""
    variants: tuple[Variant, ...]


class Urc(msgspec.Struct, frozen=True):
    """A line sent unasked."""

    every_s: int
    template: str


class Persona(msgspec.Struct, frozen=True, kw_only=True):
    """A kind of modem."""

    maker: str
    model: str
    firmware: str
    provenance: str
    settings: dict[str, str]
    """At delivery."""
    kept: frozenset[str]
    """Settings that survive a reset."""
    allow: dict[Technology, Condition]
    urcs: tuple[Urc, ...]
    commands: tuple[Command, ...]

    def match(self, line: str) -> tuple[Command, dict[str, str]] | None:
        """The command in a line and the settings it writes; None for one that is not known."""
        for command in self.commands:
            found = re.fullmatch(command.pattern, line, re.IGNORECASE)
            if found:
                pairs = zip(command.captures, found.groups(), strict=True)
                return command, {name: text for name, text in pairs if not name.startswith("_")}
        return None

    def allowed(self, settings: Values) -> frozenset[Technology]:
        """The technologies that the settings let the modem use."""
        return frozenset(
            technology for technology, needs in self.allow.items() if needs.holds(settings)
        )


def load_persona(name: str, folder: Path = TRANSCRIPTS) -> Persona:
    """The persona of a file in the transcripts folder; raises `PersonaError`."""
    path = folder / f"{name}.txt"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        known = ", ".join(persona_names(folder))
        raise PersonaError(f"no persona {name!r} in {folder} (there are: {known})") from error
    return parse_persona(text, source=path.name)


def persona_names(folder: Path = TRANSCRIPTS) -> list[str]:
    """What can be asked of `load_persona`."""
    return sorted(path.stem for path in folder.glob("*.txt"))


def parse_persona(text: str, *, source: str) -> Persona:
    """The persona in a text; raises `PersonaError` naming the line."""
    reader = _Reader()
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            reader.take(line.rstrip())
        except (ValueError, KeyError, re.error) as error:
            raise PersonaError(f"{source}:{number}: {error}") from error
    try:
        return reader.persona()
    except ValueError as error:
        raise PersonaError(f"{source}: {error}") from error


def render(
    variant: Variant, values: Values, entries: Callable[[str], Sequence[Values]]
) -> Iterator[str]:
    """The lines of an answer; raises `PersonaError` for a placeholder without a value.

    `entries` gives the list of a repeated line; it is asked only for those that are used.
    """
    for row in variant.rows:
        if row.repeat is None:
            yield fill(row.template, values)
        else:
            for entry in entries(row.repeat):
                yield from fill(row.template, {**values, **entry}).split(LINE_BREAK)


def fill(template: str, values: Values) -> str:
    """A template with its placeholders filled."""

    def value(found: re.Match[str]) -> str:
        try:
            return values[found[1]]
        except KeyError:
            raise PersonaError(f"nothing known for {found[0]} in {template!r}") from None

    return _PLACEHOLDER.sub(value, template)


def final_line(error: str | None, cmee: str) -> str:
    """How an answer ends: OK, or an error in the manner that `+CMEE` asks for."""
    if error is None:
        return "OK"
    if not error.isdigit():
        return error
    if cmee == "0":
        return "ERROR"
    if cmee == "1":
        return f"+CME ERROR: {error}"
    return f"+CME ERROR: {CME_TEXT.get(int(error), error)}"


class _Reader:
    """Takes the lines of a persona file one by one."""

    def __init__(self) -> None:
        self._header: dict[str, str] = {}
        self._settings: dict[str, str] = {}
        self._kept: set[str] = set()
        self._allow: dict[Technology, Condition] = {}
        self._urcs: list[Urc] = []
        self._commands: list[Command] = []

    def take(self, line: str) -> None:
        """One line; raises `ValueError` for one that makes no sense where it stands."""
        # Telit's own lines begin with the sign as well, but have no space behind it.
        if not line or line == "#" or line.startswith("# "):
            return
        if line.startswith("> "):
            pattern, captures = _pattern(line[2:])
            self._commands.append(Command(pattern, captures, (Variant(),)))
        elif self._commands:
            self._take_reply(line)
        elif found := _SETTING.fullmatch(line):
            self._settings[found[2]] = found[3]
            if found[1] == "keep":
                self._kept.add(found[2])
        elif found := _ALLOW.fullmatch(line):
            self._allow[Technology(found[1])] = _condition(found[2])
        elif found := _URC.fullmatch(line):
            self._urcs.append(Urc(int(found[1]), found[2]))
        else:
            key, colon, text = line.partition(": ")
            if not colon or key not in HEADER:
                raise ValueError(f"neither a header nor a directive: {line!r}")
            self._header[key] = text

    def persona(self) -> Persona:
        """What was read, if it is whole."""
        for key in HEADER:
            if key not in self._header:
                raise ValueError(f"no {key!r} in the header")
        captured = {
            name
            for command in self._commands
            for name in command.captures
            if not name.startswith("_")
        }
        for name in sorted(captured.union(NEEDED_SETTINGS) - self._settings.keys()):
            raise ValueError(f"no setting {name!r}")
        for name in sorted(WORDS & self._settings.keys()):
            raise ValueError(f"{name!r} is a word of the simulator; call the setting otherwise")
        return Persona(
            **self._header,
            settings=self._settings,
            kept=frozenset(self._kept),
            allow=self._allow,
            urcs=tuple(self._urcs),
            commands=tuple(self._commands),
        )

    def _take_reply(self, line: str) -> None:
        command = self._commands[-1]
        *before, last = command.variants
        mark, _, rest = line.partition(" ")
        if mark == "?":
            fresh = Variant(condition=_condition(rest))
            # The first `?` of a command opens its first variant, the others add one.
            before = [] if last == Variant() and not before else [*before, last]
            last = fresh
        elif mark == "!":
            last = msgspec.structs.replace(last, error=rest)
        elif mark == "@":
            last = msgspec.structs.replace(last, wait_s=float(rest))
        elif mark == "%":
            last = msgspec.structs.replace(last, reset_s=float(rest))
        elif mark == "*":
            repeat, _, template = rest.partition(" ")
            last = msgspec.structs.replace(last, rows=(*last.rows, Row(template, repeat)))
        else:
            last = msgspec.structs.replace(last, rows=(*last.rows, Row(line)))
        self._commands[-1] = msgspec.structs.replace(command, variants=(*before, last))


def _pattern(text: str) -> tuple[str, tuple[str, ...]]:
    pattern = ""
    captures = []
    end = 0
    for found in _CAPTURE.finditer(text):
        pattern += re.escape(text[end : found.start()]) + f"({found[2]})"
        captures.append(found[1])
        end = found.end()
    pattern += re.escape(text[end:])
    if re.compile(pattern).groups != len(captures):
        raise ValueError("groups inside a capture must be written (?:...)")
    return pattern, tuple(captures)


def _condition(text: str) -> Condition:
    patterns = []
    for part in text.split():
        name, equals, pattern = part.partition("=")
        if not equals:
            raise ValueError(f"no condition: {part!r} (name=pattern)")
        re.compile(pattern)
        patterns.append((name, pattern))
    return Condition(tuple(patterns))
