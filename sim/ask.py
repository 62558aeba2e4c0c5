"""What a persona says to one command, without a line: for whoever writes one."""

import argparse
import sys
import time

from sim.cli import Command
from sim.modem.at_modem import AtModem
from sim.modem.persona import PersonaError, load_persona
from sim.world import demo_world

BEFORE_THE_DRIVE_S = 86_400.0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("persona", help="a file of sim/transcripts, without its ending")
    parser.add_argument("command", metavar="AT...", help="what is asked")
    parser.add_argument("--card", default="mobifone", help="modem of the demo (default: mobifone)")
    parser.add_argument(
        "--after", action="append", default=[], metavar="AT...", help="sent before, in this order"
    )


def _run(arguments: argparse.Namespace) -> int:
    now_s = time.time()
    world = demo_world(now_s + BEFORE_THE_DRIVE_S)
    try:
        modem = AtModem(
            load_persona(arguments.persona), world.modem(arguments.card), world, attach_s=0.0
        )
        for command in arguments.after:
            modem.answer(command, now_s, frozenset())
        answer = modem.answer(arguments.command, now_s, frozenset())
    except (PersonaError, KeyError) as error:
        sys.stderr.write(f"dosong-sim ask: {error}\n")
        return 2
    sys.stderr.write(f"the world has: {modem.reading(now_s)}\n")
    sys.stdout.buffer.write(answer.text)
    return 0


COMMAND = Command(
    name="ask",
    help="what a persona says to one command",
    add_arguments=_add_arguments,
    run=_run,
)
