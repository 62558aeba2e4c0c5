"""A probe in a guest whose power is cut again and again while it appends and delivers."""

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from sim.demo.installation import Centre
from sim.guest import Cable, Guest, Session
from sim.parts import TooLateError
from sim.proxy import Proxy
from tests.faults.probes import ENVIRONMENT, configure, measuring
from tests.faults.promises import OPEN, Promises

BOOT_S = 60.0
DRAIN_S = 120.0


class Moment(NamedTuple):
    """When the power goes: seconds after the probe has opened its outbox."""

    earliest_s: float
    latest_s: float


ANY_MOMENT = Moment(0.3, 8.0)
CRANKING = Moment(0.1, 1.0)


class PoweredProbe:
    """A probe on a guest's disk, and all that it promised."""

    def __init__(self, guest: Guest, configuration: Path) -> None:
        self._guest = guest
        self._configuration = configuration
        self.promises = Promises()
        self.recovery_s: list[float] = []
        """From the return of the power until the outbox was open, after each cut but the last."""
        self._was_cut = False

    def cut_at(self, after_s: float, **options: object) -> None:
        """Boot, measure and deliver for so long, and cut the power."""
        began_s = time.monotonic()
        with self._boot(**options) as session:
            self._hear_open(session)
            if self._was_cut:
                self.recovery_s.append(time.monotonic() - began_s)
            self._was_cut = True
            self.promises.hear(session.lines(after_s))
            self.promises.hear(session.cut())

    def cut_at_random(
        self, moment: Moment, *, cuts: int, dice: random.Random, **options: object
    ) -> None:
        """So many cuts, one after the other."""
        for _ in range(cuts):
            self.cut_at(dice.uniform(*moment), **options)

    def drain(self) -> None:
        """Boot once more and deliver what waits."""
        with self._boot(until_drained=True, linger_s=0.2) as session:
            self.promises.hear(session.finish(DRAIN_S))

    def _boot(self, **options: object) -> Session:
        command = measuring(self._configuration, **options)
        return self._guest.boot(command, environment=ENVIRONMENT)

    def _hear_open(self, session: Session) -> None:
        for line in session.lines(BOOT_S):
            self.promises.hear([line])
            if OPEN.fullmatch(line):
                return
        raise TooLateError("the probe's outbox is open", BOOT_S)


@contextmanager
def powered_probe(folder: Path, centre: Centre, *, name: str) -> Iterator[PoweredProbe]:
    """A probe that is off, with a cable to the broker of this centre."""
    with ExitStack() as stack:
        cable = stack.enter_context(Cable())
        uplink = stack.enter_context(Proxy(centre.broker.port, host=cable.host_address))
        guest = Guest(folder / name, cable=cable)
        configuration = configure(
            folder,
            centre,
            name=name,
            state=guest.disk / "state",
            port=uplink.port,
            host="localhost",
        )
        yield PoweredProbe(guest, configuration)
