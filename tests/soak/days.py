"""A probe whose days pass fast: recorder, outbox and publisher as in the agent, and many rows.

`python -m tests.soak.days CONFIG SPEED` makes in each second what four modems and a receiver make
in SPEED seconds, until SIGTERM.
"""

import signal
import sys
import threading
import time
from pathlib import Path

from agent.clock import Clock
from agent.config import load
from agent.delivery import start_delivery
from agent.parts import STOP_TIMEOUT_S
from agent.recorder import Envelope, Recorder
from wire.cells import Cell, Rat
from wire.kinds import position, radio
from wire.messages import Modem, Position, PositionSource

MODEMS = 4
ROWS = MODEMS + 1
"""Of one simulated second."""
TURN_S = 0.1
NEIGHBOURS = 5


def main(config_file: str, speed: str) -> None:
    """Make and deliver until told to stop."""
    config = load(Path(config_file))
    if config.uplink is None:
        raise SystemExit("an uplink is needed")
    clock = Clock()
    envelope = Envelope(probe=config.probe, software="soak", stamp=clock.stamp, position=_place)
    ends = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ends.set())
    delivery = start_delivery(config, config.uplink, envelope=envelope, clock=clock)
    _pass_days(delivery.recorder, float(speed), ends)
    delivery.supervisor.stop(STOP_TIMEOUT_S)


def _pass_days(recorder: Recorder, speed: float, ends: threading.Event) -> None:
    began_s, made_s = time.monotonic(), 0
    while not ends.wait(TURN_S):
        due_s = (time.monotonic() - began_s) * speed
        while made_s < due_s:
            _second(recorder, made_s)
            made_s += 1


def _second(recorder: Recorder, second: int) -> None:
    for number in range(MODEMS):
        modem = Modem(usb_path=f"1-1.{number}", name=f"modem-{number}", imei=f"86{number:013}")
        recorder.record("radio", _look(second + number), modem=modem)
    recorder.record("position", position.Payload(satellites_used=second % 12, hdop=1.1))


def _look(number: int) -> radio.Payload:
    cells = [
        Cell(
            rat=Rat.LTE,
            pci=(number + n) % 504,
            arfcn=1750,
            rsrp_dbm=-80.0 - (number + n) % 40,
            rsrq_db=-9.0,
            sinr_db=float(number % 25),
        )
        for n in range(NEIGHBOURS)
    ]
    return radio.Payload(mode="lte", serving=cells[0], neighbours=tuple(cells[1:]))


def _place() -> Position:
    return Position(
        lat_deg=12.0, lon_deg=107.7, horizontal_error_m=5.0, source=PositionSource.SURVEYED
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
