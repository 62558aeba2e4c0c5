"""A GNSS receiver on a pseudo-terminal: NMEA once a second, for the real gpsd."""

import argparse
import logging
import sys
import time
from enum import StrEnum
from pathlib import Path

from sim.cli import Command
from sim.faults import FaultSwitch, faults_file
from sim.line import Line, StopSignal, stop_signal
from sim.nmea import Epoch, sentences
from sim.world import UnreadableWorldError, World, load_world

_log = logging.getLogger(__name__)

OUTPUT_DELAY_S = 0.08
"""From the instant of the fix to its sentences on the line."""
ROLLOVER_S = 1024 * 7 * 86_400
"""The week number of GPS has ten bits: a receiver that forgets it is 1024 weeks behind."""
JUMP_DEG = 0.5
_LOOK_S = 0.2


class Fault(StrEnum):
    """What can be wrong with a receiver."""

    SILENT = "silent"
    """Plugged in and says nothing."""
    NO_FIX = "no-fix"
    """Mode 1: the time is known, the place is not."""
    TWO_D = "2d"
    """Mode 2: no height."""
    NULL_ISLAND = "null-island"
    """A fix of mode 3 at 0 degrees north, 0 degrees east."""
    ROLLOVER = "rollover"
    """A date 1024 weeks ago."""
    JUMP = "jump"
    """Half a degree further north."""


def epoch_at(world: World, unix_s: float, faults: frozenset[str] = frozenset()) -> Epoch:
    """What the receiver in the vehicle knows at a time."""
    motion = world.position_at(unix_s)
    lat, lon = motion.lat_deg, motion.lon_deg
    if Fault.JUMP in faults:
        lat += JUMP_DEG
    if Fault.NULL_ISLAND in faults:
        lat = lon = 0.0
    mode = 2 if Fault.TWO_D in faults else 3
    return Epoch(
        unix_s=unix_s - (ROLLOVER_S if Fault.ROLLOVER in faults else 0),
        lat_deg=lat,
        lon_deg=lon,
        altitude_m=motion.altitude_m,
        speed_m_s=motion.speed_m_s,
        course_deg=motion.course_deg,
        mode=1 if Fault.NO_FIX in faults else mode,
    )


def serve(line: Line, world: World, switch: FaultSwitch, stop: StopSignal) -> None:
    """Send the sentences of each full second until told to stop."""
    second = int(time.time()) + 1
    while not stop.is_set:
        wait_s = second + OUTPUT_DELAY_S - time.time()
        if wait_s > 0:
            line.wait(min(wait_s, _LOOK_S))
            line.read()  # gpsd asks the receiver who it is; this one does not say
            continue
        faults = switch.active()
        if Fault.SILENT not in faults:
            # What does not fit is lost, as on a real line.
            line.write(sentences(epoch_at(world, float(second), faults)))
        # After a pause of the machine, or a step of its clock, go on with the present second.
        second = int(time.time()) + 1


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--world", type=Path, required=True, help="world file")
    parser.add_argument("--link", type=Path, required=True, help="name to put the receiver behind")
    parser.add_argument(
        "--fault", action="append", default=[], choices=list(Fault), help="wrong from the start"
    )
    parser.add_argument(
        "--faults-file", type=Path, help="faults while it runs, one a line (default: LINK.faults)"
    )


def _run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="gps %(message)s")
    try:
        world = load_world(arguments.world)
    except (UnreadableWorldError, OSError) as error:
        sys.stderr.write(f"dosong-sim gps: {error}\n")
        return 2
    link: Path = arguments.link
    switch = FaultSwitch(list(Fault), arguments.fault, arguments.faults_file or faults_file(link))
    # gpsd gives up its rights before it opens the receiver.
    with stop_signal() as stop, Line(link, mode=0o666) as line:
        _log.info("%s is at %s", link, line.device)
        serve(line, world, switch, stop)
    return 0


COMMAND = Command(
    name="gps",
    help="a GNSS receiver on a pseudo-terminal, where the world's vehicle is",
    add_arguments=_add_arguments,
    run=_run,
)
