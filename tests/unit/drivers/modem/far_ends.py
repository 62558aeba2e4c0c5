"""Far ends for a port: a scripted pty, and the simulator's modem in a process of its own."""

import os
import select
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from sim.world import SimulatedModem as Card
from sim.world import demo_world, save_world

START_TIMEOUT_S = 20.0
ESCAPE = b"\x1b"
Script = Callable[[], bytes]


class FarEnd:
    """The modem's side of a pty: answers each line from `script`, else `OK`."""

    def __init__(self) -> None:
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self.script: dict[str, bytes | Script] = {}
        self.heard: list[str] = []
        self.deaf = False
        self._wake_read, self._wake_write = os.pipe()
        self._lock = threading.Lock()
        self._ends: tuple[int, ...] = (
            self._master,
            self._slave,
            self._wake_read,
            self._wake_write,
        )
        self._thread = threading.Thread(target=self._serve, name="far end")
        self._thread.start()

    def say(self, data: bytes) -> None:
        os.write(self._master, data)

    def unplug(self) -> None:
        """As when the cable is pulled: every further read or write fails. Only the first counts."""
        with self._lock:
            ends, self._ends = self._ends, ()
        if ends:
            os.write(self._wake_write, b"x")
            self._thread.join()
        for end in ends:
            os.close(end)

    def _serve(self) -> None:
        pending = b""
        while True:
            sources = [self._wake_read] if self.deaf else [self._master, self._wake_read]
            ready, _, _ = select.select(sources, [], [], 0.05)
            if self._wake_read in ready:
                return
            if self._master not in ready:
                continue
            # Escape is taken at once, as a command of its own.
            pending += os.read(self._master, 4096).replace(ESCAPE, ESCAPE + b"\r")
            while b"\r" in pending:
                line, pending = pending.split(b"\r", 1)
                self.heard.append(line.decode())
                answer = self.script.get(line.decode(), b"\r\nOK\r\n")
                self.say(answer() if callable(answer) else answer)


def plain_modem(imei: str, iccid: str = "8984040000000000041") -> dict[str, bytes | Script]:
    """A script of a modem that keeps to the standard: registered on LTE, nothing to lock."""
    said = {
        "ATI": "ACME\r\nM1\r\nRevision: 1.0",
        "AT+CGMI": "ACME",
        "AT+CGMM": "M1",
        "AT+CGMR": "1.0",
        "AT+CGSN": imei,
        "AT+CPIN?": "+CPIN: READY",
        "AT+CCID": f"+CCID: {iccid}",
        "AT+CIMI": "452040000000041",
        "AT+CEREG?": '+CEREG: 2,1,"1F40","012A4B01",7',
        "AT+COPS?": '+COPS: 0,2,"45204",7',
        "AT+CESQ": "+CESQ: 99,99,255,255,20,51",
    }
    return {command: f"\r\n{text}\r\n\r\nOK\r\n".encode() for command, text in said.items()}


class SimulatedModem:
    """A modem of the simulator behind `path`."""

    def __init__(self, link: Path) -> None:
        self.path = str(link)
        self._faults = link.with_name(link.name + ".faults")

    def fault(self, *names: str) -> None:
        """Be wrong in these ways from now on; in none without a name."""
        fresh = self._faults.with_suffix(".new")
        fresh.write_text("\n".join(names))
        fresh.replace(self._faults)


def standing_modem(folder: Path, name: str, *, persona: str | None = None) -> tuple[str, ...]:
    """Options of a demo modem that stands at the start of the drive, as another model if wanted."""
    world = demo_world(time.time() + 86_400)
    cards: tuple[Card, ...] = tuple(
        msgspec.structs.replace(card, persona=persona or card.persona) for card in world.modems
    )
    save_world(msgspec.structs.replace(world, modems=cards), folder / "world.json")
    return ("--world", str(folder / "world.json"), "--modem", name)


@contextmanager
def running_modem(link: Path, *options: str) -> Iterator[SimulatedModem]:
    """The simulator's modem behind `link`, in a process of its own that answers at once."""
    with subprocess.Popen(
        [sys.executable, "-m", "sim", "modem", "--link", str(link), "--pace", "0", *options],
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stderr is not None
            ready, _, _ = select.select([process.stderr], [], [], START_TIMEOUT_S)
            assert ready, "the simulator said nothing"
            said = process.stderr.readline()
            assert link.exists(), said
            yield SimulatedModem(link)
        finally:
            process.terminate()
            process.stderr.read()
