"""AT framing without I/O: bytes in, replies and unsolicited lines out, in whatever pieces.

One command is outstanding at a time. A line belongs to its reply unless its prefix names another
command or it is one of the bare lines modems send of their own accord.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

MAX_LINE_BYTES = 16_384
"""A COPS=? line with forty operators stays below 4 KiB; longer ones are no AT and are dropped."""
MAX_REPLY_BYTES = 262_144
"""A QSCAN of some hundred cells stays far below it; what follows up to the result is dropped."""

_PLAIN = re.IGNORECASE | re.ASCII
_FINAL = re.compile(
    # Beyond TS 27.007 9.2: Huawei and its likes; u-blox where a command was cut short; Motorola.
    r"OK|ERROR(:.*)?|\+CM[ES] ERROR(:.*)?|(COMMAND )?NOT SUPPORT(ED)?|TOO MANY PARAMETERS"
    r"|ABORTED|MODEM ERROR:.*",
    _PLAIN,
)
# Only of commands that dial: on a port that does not, they are unsolicited.
_CALL_RESULT = re.compile(r"NO CARRIER|NO ANSWER|NO DIAL ?TONE|BUSY|CONNECT( .*)?", _PLAIN)
_CALL_COMMAND = re.compile(r"AT(D|A$|O\d*$|\+CGDATA|\+CGACT|\$QCRMCALL|\+QNETDEVCTL)", _PLAIN)
_PREFIX = re.compile(r"([+^$#!*%&][A-Z][A-Z0-9_]*)\s*:", _PLAIN)
_COMMAND_NAMES = re.compile(
    # Basic commands may stand before the first name (ATE0+CMEE=1), a semicolon before the others.
    r'"[^"]*"|(?:^AT(?:&?[A-Z]\d*)*|;)\s*([+^$#!*%&][A-Z][A-Z0-9_]*)',
    _PLAIN,
)
_ERROR_CODE = re.compile(r"\+CM[ES] ERROR:\s*(\d{1,9})(?!\d)", _PLAIN)
_BARE_URC = re.compile(
    r"RDY|RING|(APP|PB|SMS|CALL) (RDY|READY|DONE)|(NORMAL|RF|EMERGENCY) POWER (DOWN|UP|OFF)"
    r"|POWERED DOWN|UNDER.VOLTAGE.*|\+(PB)?READY|\+PACSP\d|\^SYSSTART.*",
    _PLAIN,
)
_BOTH_WAYS = frozenset({"+CREG", "+CGREG", "+CEREG", "+C5GREG", "+CPIN", "+CFUN", "+QIND"})
"""Names that come of their own accord as well: no sign of a late reply."""


AnswersUnder = Mapping[str, frozenset[str]]
"""Commands and other prefixes they answer under, all in capitals: `+UCGED` and `+RSRP`."""


class Reply(NamedTuple):
    """All of one command's answer."""

    command: str
    lines: tuple[str, ...]
    """Information lines, stripped, without echo and without what was unsolicited."""
    final: str
    """The line that ended it, e.g. `OK` or `+CME ERROR: 10`."""
    ok: bool
    raw: str
    """All lines that came after the command, the final result included, in their own words."""

    @property
    def code(self) -> int | None:
        """Number of a +CME or +CMS error; None for a bare ERROR or one in words."""
        match = _ERROR_CODE.match(self.final)
        return int(match[1]) if match else None


class Urc(NamedTuple):
    """A line that answers nothing we asked, or not any more."""

    line: str


class AtChannel:
    """The framing of one port. Feed it all that is read; cutting the bytes changes nothing."""

    def __init__(self, answers_under: AnswersUnder | None = None) -> None:
        """`answers_under`: prefixes a command answers under besides its own, by its name."""
        self.answers_under = answers_under or {}
        self._buffer = b""
        self._dropping_line = False
        self._command: str | None = None
        self._names: frozenset[str] = frozenset()
        self._lines: list[str] = []
        self._raw: list[str] = []
        self._raw_chars = 0
        self._abandoned: frozenset[str] | None = None
        self._in_late_reply = False
        self.dropped_bytes = 0
        """Of lines and replies that were too long, since the channel was made."""

    def start(self, command: str) -> bytes:
        """Bytes to write for `command`; raises ValueError for what is not one command line."""
        if not command.isascii() or not command.isprintable() or not command:
            raise ValueError(f"not one AT command line: {command!r}")
        if self._command is not None:
            raise ValueError(f"{self._command} is still outstanding")
        self._command, self._names = command, _names(command)
        self._lines.clear()
        self._raw.clear()
        self._raw_chars = 0
        self._in_late_reply = False
        return command.encode("ascii") + b"\r"

    @property
    def wants_text(self) -> bool:
        """Whether a prompt waits for text, as those of AT+CMGS do: no result comes before it."""
        return self._command is not None and self._buffer.strip(b"\0 ") == b">"

    def abandon(self) -> str:
        """Give the outstanding command up: should its reply still come, it answers no other.

        What came instead of a whole reply, in its own words.
        """
        if self._command is None:
            return ""
        self._abandoned, self._command = self._names, None
        return "\n".join((*self._raw, _text(self._buffer))).strip()

    def feed(self, data: bytes) -> list[Reply | Urc]:
        """What `data` completes, in order."""
        events: list[Reply | Urc] = []
        *bodies, rest = (self._buffer + data).replace(b"\r", b"\n").split(b"\n")
        for body in bodies:
            if self._dropping_line or len(body) > MAX_LINE_BYTES:
                self._dropping_line = False
                self.dropped_bytes += len(body)
            elif body and (line := _text(body).strip()) and (event := self._line(line)):
                events.append(event)
        if self._dropping_line or len(rest) > MAX_LINE_BYTES:
            self._dropping_line = True
            self.dropped_bytes += len(rest)
            rest = b""
        self._buffer = rest
        return events

    def _line(self, line: str) -> Reply | Urc | None:
        command = self._command
        if command is None:
            return Urc(line)
        fits = self._keep_raw(line)
        prefix: str | None = line.partition(":")[0]
        if prefix not in self._names:
            # Rarely: nearly all lines answer what was asked.
            prefix = _prefix(line)
        if prefix is None and line.upper() == command.upper():
            # The echo: whatever came before it answered something else.
            self._lines.clear()
            self._in_late_reply = False
            return None
        if self._abandoned is not None and self._is_late(line, prefix, self._abandoned):
            return Urc(line)
        if prefix is None and _ends(line, command):
            return self._finish(command, line)
        if not self._belongs(line, prefix):
            return Urc(line)
        if fits:
            self._lines.append(line)
        return None

    def _keep_raw(self, line: str) -> bool:
        """Whether the reply is still short enough to be one."""
        self._raw_chars += len(line) + 1
        fits = self._raw_chars <= MAX_REPLY_BYTES
        if fits:
            self._raw.append(line)
        else:
            self.dropped_bytes += len(line)
        return fits

    def _is_late(self, line: str, prefix: str | None, abandoned: frozenset[str]) -> bool:
        """Whether the line is part of an abandoned command's reply, its final result included."""
        if self._in_late_reply:
            if _FINAL.fullmatch(line):
                self._in_late_reply = False
                self._abandoned = None
            return True
        if prefix in abandoned - _BOTH_WAYS:
            self._in_late_reply = not self._belongs(line, prefix)
        return self._in_late_reply

    def _belongs(self, line: str, prefix: str | None) -> bool:
        if prefix is None:
            return not _BARE_URC.fullmatch(line) and not _CALL_RESULT.fullmatch(line)
        if prefix in self._names:
            return True
        if not self._names:
            # Some firmware answers ATI with prefixed lines, e.g. +GCAP.
            command = self._command or ""
            return command.upper().startswith("ATI") and prefix not in _BOTH_WAYS
        return any(
            prefix in self.answers_under.get(name, ())
            # +CCID, +ICCID, +QCCID and ^ICCID answer for one another.
            or (prefix.endswith("CCID") and name.endswith("CCID"))
            for name in self._names
        )

    def _finish(self, command: str, line: str) -> Reply:
        self._command = None
        return Reply(
            command=command,
            lines=tuple(self._lines),
            final=line,
            ok=line.upper() == "OK" or line.upper().startswith("CONNECT"),
            raw="\n".join(self._raw),
        )


def _text(data: bytes) -> str:
    """Text as the modem meant it; NULs and other control bytes of a confused port taken out."""
    text = data.decode("utf-8", errors="replace")
    if text.isprintable():
        return text
    return "".join(char for char in text if char.isprintable() or char == "\t")


def _ends(line: str, command: str) -> bool:
    if _FINAL.fullmatch(line):
        return True
    return bool(_CALL_RESULT.fullmatch(line) and _CALL_COMMAND.match(command))


def _prefix(line: str) -> str | None:
    match = _PREFIX.match(line)
    return match[1].upper() if match else None


@lru_cache(maxsize=256)
def _names(command: str) -> frozenset[str]:
    """Of all commands on the line: `AT+CSQ;+CREG?` has two."""
    return frozenset(name.upper() for name in _COMMAND_NAMES.findall(command) if name)
