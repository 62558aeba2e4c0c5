"""`dosong-agent at`: speak to one modem, with care for the card, the firmware and the ports."""

import argparse
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
from rich.console import Console

from agent.at_session import AtSession, Guard
from agent.commands import (
    DONE,
    FAILED,
    IN_USE,
    Command,
    add_config,
    add_json,
    add_log_level,
    log_to_stderr,
    stdout,
)
from agent.commands._modem import (
    HELD_BY_SERVICE,
    WHICH,
    NoSuchModemError,
    choose,
    tell_errors,
    tell_failure,
)
from agent.commands.decode import rows
from drivers.modem.at import Reply
from drivers.modem.caution import Caution, is_secret, shown, whole_line
from drivers.modem.decode import UNREAD, decode
from drivers.modem.errors import GoneError, ModemError
from drivers.modem.port import Port

PROMPT = "at> "
BYE = frozenset({"exit", "quit", "bye"})
KEPT_LINES = 1000
HINT = "Ctrl-C interrupts a command, Ctrl-D ends; +CSQ is AT+CSQ."
NO_ANSWER = (
    "does not answer AT: perhaps it is another of the modem's ports (`dosong-agent modems`); if"
    " none answers, take the modem's power away once."
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("modem", metavar="PATH_OR_NAME", help=WHICH)
    parser.add_argument(
        "command_lines", nargs="*", metavar="COMMAND", help="e.g. AT+CSQ; none: ask for them"
    )
    parser.add_argument(
        "--decode", action="store_true", help="show beside each reply what we understand of it"
    )
    parser.add_argument(
        "--yes", action="store_true", help="send also what should be thought about first"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="S", help="wait so long for each reply (default: by kind)"
    )
    add_config(parser)
    add_json(parser)
    add_log_level(parser, "error")


def _run(chosen: argparse.Namespace) -> int:
    log_to_stderr(chosen.log_level)
    errors = tell_errors()
    try:
        modem = choose(chosen.modem, chosen.config)
        if modem.configured and modem.service_runs:
            errors.out(HELD_BY_SERVICE)
            return IN_USE
        talk = _Talk(chosen, errors)
        with AtSession(Port.open(modem.port()), talk.hear) as session:
            return talk.run(session)
    except NoSuchModemError as error:
        errors.out(str(error))
        return FAILED
    except ModemError as error:
        return tell_failure(errors, error)


class _Talk:
    """One conversation, with a person or with the lines of a command."""

    def __init__(self, chosen: argparse.Namespace, errors: Console) -> None:
        self._chosen = chosen
        self._errors = errors
        self._out = stdout()
        self._live = not chosen.command_lines and sys.stdin.isatty()
        self._at_prompt = False
        self._session: AtSession | None = None
        self._unasked: list[str] = []
        self._answers: list[dict[str, Any]] = []
        self._good = True

    def run(self, session: AtSession) -> int:
        """Until the person ends it, or the lines are sent."""
        try:
            session.meet()
        except GoneError:
            raise
        except ModemError:
            self._errors.out(f"{session.path} {NO_ANSWER}")
            return FAILED
        self._session = session
        hint = "" if self._live else ". --yes sends it all the same"
        guard = Guard(session.sim_state, self._confirm, hint=hint)
        if self._live:
            who = session.who.model or "a modem that does not say who it is"
            self._errors.out(f"{session.path}: {who}, read as {session.family.name}. {HINT}")
        for words in self._chosen.command_lines or self._typed():
            if not self._say(session, words, guard) and not self._live:
                break
        if self._chosen.json:
            document = {"answers": self._answers, "unasked": self._unasked}
            self._out.out(msgspec.json.encode(document).decode())
        return DONE if self._good or self._live else FAILED

    def hear(self, line: str) -> None:
        """Show what came unasked; while a person types, above the line he types."""
        if self._chosen.json:
            self._unasked.append(line)
            return
        if self._at_prompt:
            sys.stdout.write("\r\x1b[K")
        self._out.out(f"* {line}")
        if self._chosen.decode:
            self._show_decoded("", line)
        if self._at_prompt:
            sys.stdout.write(PROMPT + _typed_so_far())
            sys.stdout.flush()

    def _say(self, session: AtSession, words: str, guard: Guard) -> bool:
        """Send one line and show what comes; whether it was sent and answered."""
        line = whole_line(words)
        if line is None:
            self._errors.out(f"not an AT command: {words.strip()!r}")
            self._good = False
            return False
        failure: str | None = None
        reply: Reply | None = None
        try:
            failure = guard.refusal(line)
            if failure is None:
                reply = session.send(line, self._chosen.timeout)
            else:
                failure = f"not sent: {failure}"
        except GoneError:
            raise
        except ModemError as error:
            failure = error.message
        self._good &= reply is not None and reply.ok
        self._show(line, reply, failure)
        return reply is not None

    def _show(self, line: str, reply: Reply | None, failure: str | None) -> None:
        if self._chosen.json:
            self._answers.append(self._document(line, reply, failure))
            return
        if reply is None:
            self._errors.out(f"{shown(line)}: {failure}")
            return
        for text in reply.lines:
            self._out.out(text)
        self._out.out(reply.final)
        if self._chosen.decode or not reply.ok:
            self._show_decoded(line, reply.raw)

    def _show_decoded(self, line: str, text: str) -> None:
        decoded = self._decoded(line, text)
        if UNREAD in decoded:
            self._out.out("  -> not understood")
            return
        for name, value in rows("", decoded):
            self._out.out(f"  -> {name} = {value}")

    def _decoded(self, line: str, text: str) -> dict[str, Any]:
        session = self._session
        vendor = "" if session is None else session.family.name
        model = "" if session is None else session.who.model or ""
        return decode(vendor=vendor, model=model, command=line, response=text)

    def _document(self, line: str, reply: Reply | None, failure: str | None) -> dict[str, Any]:
        document: dict[str, Any] = {"command": shown(line), "failure": failure}
        if reply is not None:
            document |= {"lines": reply.lines, "final": reply.final, "ok": reply.ok}
            if self._chosen.decode:
                document["decoded"] = self._decoded(line, reply.raw)
        return document

    def _confirm(self, caution: Caution) -> bool:
        if self._chosen.yes or not self._live:
            return bool(self._chosen.yes)
        self._errors.out(f"Careful: {caution.why}.")
        try:
            return input("Send it? Type yes: ").strip().lower() == "yes"
        except (EOFError, KeyboardInterrupt):
            self._errors.out("")
            return False

    def _typed(self) -> Iterator[str]:
        """Lines as they are typed, or piped in, until the end of input."""
        with _history(live=self._live) as remember:
            while True:
                try:
                    self._at_prompt = self._live
                    words = input(PROMPT if self._live else "")
                except EOFError:
                    return
                except KeyboardInterrupt:
                    # Takes the line back, as a shell does.
                    self._errors.out("")
                    continue
                finally:
                    self._at_prompt = False
                if words.strip().lower() in BYE:
                    return
                if words.strip():
                    # What is no command may be a PIN in the wrong place.
                    if whole_line(words) is not None and not is_secret(words):
                        remember(words.strip())
                    yield words


@contextmanager
def _history(*, live: bool) -> Iterator[Callable[[str], None]]:
    """Line editing with what was typed in earlier sessions; and how to add to that.

    The file is for its owner alone. Without the library, or a place to keep it, there is none.
    """
    try:
        import readline  # noqa: PLC0415  # only a person at a terminal needs it, and it may lack
    except ImportError:
        live = False
    if not live:
        yield lambda _: None
        return
    file = _history_file()
    readline.set_auto_history(False)
    readline.set_history_length(KEPT_LINES)
    with suppress(OSError):
        readline.read_history_file(file)

    try:
        yield readline.add_history
    finally:
        with suppress(OSError):
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o600))
            file.chmod(0o600)
            readline.write_history_file(file)


def _history_file() -> Path:
    """By the XDG base directories."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "dosong" / "at_history"


def _typed_so_far() -> str:
    readline = sys.modules.get("readline")
    return "" if readline is None else str(readline.get_line_buffer())


COMMAND = Command("at", "speak AT to one modem, with care", _add_arguments, _run)
