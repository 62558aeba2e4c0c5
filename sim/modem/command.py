"""A modem on a pseudo-terminal: answers AT commands from the world, or replays captured replies."""

import argparse
import logging
import random
import re
import sys
import time
from collections import deque
from pathlib import Path

from sim.cli import Command
from sim.faults import FaultSwitch, faults_file
from sim.line import Line, StopSignal, stop_signal
from sim.modem.answer import Answer, Answerer, Fault, framed
from sim.modem.at_modem import ATTACH_S, AtModem
from sim.modem.captured import CapturedReplies, NoCaptureError, load_captures
from sim.modem.persona import PersonaError, load_persona
from sim.world import UnreadableWorldError, load_world

_log = logging.getLogger(__name__)

LATENCY_S = (0.02, 0.12)
MAX_LINE_BYTES = 4096
"""What comes without a line end is thrown away beyond this."""
MAX_UNSENT_BYTES = 2 << 20
"""Nobody reads: what does not fit is lost, as on a real line."""
MAX_WAITING_COMMANDS = 8
"""Of those that come while one is being answered."""
FLOOD_BYTES = 1 << 20
SPLIT_PAUSE_S = 0.001
RESET_LINGER_S = 1.0
"""From the OK of a reset to the end of the port: what is unread then is lost."""
_LOOK_S = 0.2
"""How soon a fault or a signal is noticed."""


class ServedPort:
    """A modem at its line: commands in, answers out, faults in between."""

    def __init__(
        self, line: Line, answerer: Answerer, switch: FaultSwitch, *, pace: float = 1.0
    ) -> None:
        """`pace` multiplies every time the modem takes; 0 answers at once."""
        self._line = line
        self._answerer = answerer
        self._switch = switch
        self._pace = pace
        self._dice = random.Random(line.device)  # noqa: S311 - jitter, not a secret
        self._previous = framed((), "OK")
        self._hang_up()

    def run(self, stop: StopSignal) -> None:
        """Serve until told to stop."""
        while not stop.is_set:
            faults = self._switch.active()
            now_s = time.monotonic()
            due_s = self._due_s if self._answer else now_s + _LOOK_S
            present = self._line.wait(
                min(due_s - now_s, _LOOK_S),
                to_read=Fault.DEAF not in faults,
                to_write=bool(self._unsent),
            )
            if not present:
                self._hang_up()
                continue
            if Fault.DEAF not in faults:
                self._take(self._line.read(), faults)
            self._say(self._answerer.unasked(time.time()), faults)
            self._answer_when_due(faults)
            self._send(faults)
            if self._reset_s is not None and not self._unsent:
                self._reset(self._reset_s, stop)

    def _hang_up(self) -> None:
        """Nobody has the line open: nothing is kept for the next one."""
        self._partial = b""
        self._waiting: deque[str] = deque(maxlen=MAX_WAITING_COMMANDS)
        self._unsent = bytearray()
        self._answer: Answer | None = None
        self._due_s = 0.0
        self._reset_s: float | None = None

    def _take(self, data: bytes, faults: frozenset[str]) -> None:
        *lines, self._partial = re.split(rb"[\r\n]", self._partial + data)
        if len(self._partial) > MAX_LINE_BYTES:
            self._partial = b""
        for line in lines:
            command = line.strip().decode("ascii", "replace")
            if command[:2].upper() == "AT":
                if self._answerer.echo:
                    self._say(line + b"\r", faults)
                self._waiting.append(command)

    def _answer_when_due(self, faults: frozenset[str]) -> None:
        if self._answer is None and self._waiting:
            self._answer = self._answerer.answer(self._waiting.popleft(), time.time(), faults)
            wait_s = self._answer.wait_s
            usual_s = self._dice.uniform(*LATENCY_S)
            self._due_s = time.monotonic() + self._pace * (usual_s if wait_s is None else wait_s)
        if self._answer is None or time.monotonic() < self._due_s:
            return
        text, _, self._reset_s = self._answer
        self._answer = None
        self._previous, previous = text, self._previous
        if Fault.GARBAGE in faults:
            text = self._dice.randbytes(len(text)).replace(b"OK", b"KO")
        elif Fault.FLOOD in faults:
            text = b"x" * FLOOD_BYTES
        elif Fault.PREVIOUS in faults:
            text = previous
        self._say(text, faults)

    def _say(self, text: bytes, faults: frozenset[str]) -> None:
        if Fault.SILENT not in faults and len(self._unsent) + len(text) <= MAX_UNSENT_BYTES:
            self._unsent += text

    def _send(self, faults: frozenset[str]) -> None:
        if Fault.SPLIT in faults:
            while self._unsent and self._line.write(bytes(self._unsent[:1])):
                del self._unsent[:1]
                time.sleep(SPLIT_PAUSE_S)
        else:
            sent = self._line.write(bytes(self._unsent)) if self._unsent else 0
            del self._unsent[:sent]

    def _reset(self, away_s: float, stop: StopSignal) -> None:
        self._hang_up()
        _pause(RESET_LINGER_S, stop)
        self._line.unplug()
        _pause(self._pace * away_s, stop)
        self._line.plug_in()


def _pause(duration_s: float, stop: StopSignal) -> None:
    end_s = time.monotonic() + duration_s
    while not stop.is_set and (left_s := end_s - time.monotonic()) > 0:
        time.sleep(min(_LOOK_S, left_s))


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    source = parser.add_argument_group("what answers (a world or captured replies)")
    source.add_argument("--world", type=Path, help="world file")
    source.add_argument("--modem", metavar="NAME", help="which modem of the world")
    source.add_argument("--jsonl", type=Path, help="file of captured replies, one JSON a line")
    source.add_argument("--model", help="whose replies of the file")
    parser.add_argument("--link", type=Path, required=True, help="name to put the port behind")
    parser.add_argument(
        "--fault", action="append", default=[], choices=list(Fault), help="wrong from the start"
    )
    parser.add_argument(
        "--faults-file", type=Path, help="faults while it runs, one a line (default: LINK.faults)"
    )
    parser.add_argument(
        "--pace", type=float, default=1.0, help="multiplies every waiting time (default 1)"
    )


def _run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="modem %(message)s")
    try:
        answerer = _answerer(arguments)
    except (PersonaError, NoCaptureError, UnreadableWorldError, OSError, KeyError) as error:
        sys.stderr.write(f"dosong-sim modem: {error}\n")
        return 2
    link: Path = arguments.link
    switch = FaultSwitch(list(Fault), arguments.fault, arguments.faults_file or faults_file(link))
    with stop_signal() as stop, Line(link) as line:
        _log.info("%s is at %s", link, line.device)
        ServedPort(line, answerer, switch, pace=arguments.pace).run(stop)
    return 0


def _answerer(arguments: argparse.Namespace) -> Answerer:
    if arguments.world is not None and arguments.modem is not None:
        world = load_world(arguments.world)
        modem = world.modem(arguments.modem)
        return AtModem(
            load_persona(modem.persona), modem, world, attach_s=ATTACH_S * arguments.pace
        )
    if arguments.jsonl is not None and arguments.model is not None:
        return CapturedReplies(load_captures(arguments.jsonl, arguments.model))
    raise PersonaError("give --world and --modem, or --jsonl and --model")


COMMAND = Command(
    name="modem",
    help="a modem on a pseudo-terminal, from a world or from captured replies",
    add_arguments=_add_arguments,
    run=_run,
)
