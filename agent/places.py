"""What stands at the configured places: each modem's port and its network interface."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from agent.config import ModemPlace
from drivers.modem.errors import GoneError, ModemError, StrangerError
from drivers.modem.modem import Modem
from drivers.modem.usb import PluggedModem, plugged_modems

log = logging.getLogger(__name__)

ASK_FOR_S = 5.0
"""How long one search asks modems who they are: a silent one takes seconds to be given up."""
WAIT_FOR_SEARCH_S = 5.0
ASK_AGAIN_S = 5.0
"""After a modem did not say who it is; it may just be starting."""
BELIEVED_FOR_S = 60.0
"""How long a modem that was asked is taken for the same: it may have been replaced unseen."""


class NoInterfaceError(Exception):
    """The modem at this place has no network interface to test over."""


class _Spot(NamedTuple):
    """A plugged modem's port; another spot when it is plugged in again, also under its old name."""

    plugged: PluggedModem
    port: str
    inode: int


class _Met(NamedTuple):
    """Who was asked at a spot."""

    imei: str | None
    """None where it did not say."""
    at_s: float


class Places:
    """All configured places of a probe. Its methods are called from the workers' threads.

    A place named by an IMEI is found by asking: every plugged modem that stands at no other place
    and that nobody here has open.
    """

    def __init__(
        self,
        places: tuple[ModemPlace, ...],
        *,
        scan: Callable[[], tuple[PluggedModem, ...]] = plugged_modems,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`scan` tells what is plugged in."""
        self._scan = scan
        self._clock = clock
        self._paths = frozenset(place.usb_path for place in places if place.usb_path is not None)
        self._ports = tuple(place.port for place in places if place.port is not None)
        self._searching = threading.Lock()
        self._found: dict[str, Modem] = {}
        """By the IMEI asked for: the modem that was opened last; it may be closed by now."""
        self._met: dict[_Spot, _Met] = {}

    def open_modem(self, place: ModemPlace) -> Modem:
        """The modem at this place, identified; raises `ModemError`."""
        if place.imei is not None:
            return self._search(place, place.imei)
        port = self._port_at(place.place) if place.port is None else str(place.port)
        return Modem.open(port, usb_path=place.place, name=place.name, family=place.family)

    def interface_of(self, place: ModemPlace) -> str | None:
        """The network interface of the modem at this place; None where tests are not bound to one.

        That is only so for a modem that is not looked up on USB: a test that leaves by another way
        measures another network. Raises `NoInterfaceError`.
        """
        if place.interface is not None or place.port is not None:
            return place.interface
        usb_path = place.usb_path if place.imei is None else self._path_of(place.imei)
        plugged = None if usb_path is None else self._plugged_at(usb_path)
        if plugged is None or plugged.net_interface is None:
            raise NoInterfaceError(f"no network interface at USB path {usb_path or place.place}")
        return plugged.net_interface

    def _port_at(self, usb_path: str) -> str:
        plugged = self._plugged_at(usb_path)
        if plugged is None:
            raise GoneError(f"no modem at USB path {usb_path}")
        if plugged.at_port is None:
            raise GoneError(f"the modem at USB path {usb_path} has no AT port")
        return plugged.at_port

    def _plugged_at(self, usb_path: str) -> PluggedModem | None:
        return next((modem for modem in self._scan() if modem.usb_path == usb_path), None)

    def _path_of(self, imei: str) -> str | None:
        modem = self._found.get(imei)
        return modem.identity.usb_path if modem is not None and modem.is_open else None

    def _search(self, place: ModemPlace, imei: str) -> Modem:
        """Ask the modems that are nobody's until the right one answers; raises `ModemError`."""
        with self._alone():
            end_s = self._clock() + ASK_FOR_S
            for spot in self._candidates(imei):
                if self._clock() >= end_s:
                    break
                try:
                    modem = Modem.open(
                        spot.port,
                        usb_path=spot.plugged.usb_path,
                        name=place.name,
                        family=place.family,
                        imei=imei,
                    )
                except StrangerError as error:
                    self._meet(spot, error.imei)
                except ModemError as error:
                    if self._said(spot) == imei:
                        # It is there, and silent or held by somebody.
                        raise
                    log.debug("looking for IMEI %s: %s", imei, error)
                    self._meet(spot, None)
                else:
                    self._meet(spot, imei)
                    self._found[imei] = modem
                    return modem
            unknown = sum(met.imei is None for met in self._met.values())
        also = f"; {unknown} there did not say who they are" if unknown else ""
        raise GoneError(f"no modem with IMEI {imei} is plugged in{also}")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One search at a time: two that ask the same modem would keep it from each other."""
        if not self._searching.acquire(timeout=WAIT_FOR_SEARCH_S):
            raise GoneError("another modem is being looked for")
        try:
            yield
        finally:
            self._searching.release()

    def _candidates(self, imei: str) -> list[_Spot]:
        """Whom to ask: who was this one before first, then who was not asked for longest."""
        spots = [_spot(each, each.at_port) for each in self._scan() if each.at_port is not None]
        self._met = {spot: self._met[spot] for spot in spots if spot in self._met}
        taken = self._paths | {self._path_of(found) for found in self._found}
        ports = {device_of(port) for port in self._ports}
        free = [
            spot
            for spot in spots
            if spot.plugged.usb_path not in taken
            and device_of(Path(spot.port)) not in ports
            and self._may_be(imei, spot)
        ]
        return sorted(free, key=partial(self._turn, imei))

    def _turn(self, imei: str, spot: _Spot) -> tuple[bool, float]:
        met = self._met.get(spot)
        return self._said(spot) != imei, -math.inf if met is None else met.at_s

    def _may_be(self, imei: str, spot: _Spot) -> bool:
        met = self._met.get(spot)
        if met is None or met.imei == imei:
            return True
        ask_again_s = ASK_AGAIN_S if met.imei is None else BELIEVED_FOR_S
        return self._clock() - met.at_s >= ask_again_s

    def _said(self, spot: _Spot) -> str | None:
        met = self._met.get(spot)
        return None if met is None else met.imei

    def _meet(self, spot: _Spot, imei: str | None) -> None:
        self._met[spot] = _Met(imei, self._clock())


def device_of(port: Path) -> Path:
    """What a port's name stands for; the name itself where that is gone.

    `Path.resolve` raises when a link vanishes between its two looks at it.
    """
    try:
        return port.resolve()
    except OSError:
        return port.absolute()


def _spot(plugged: PluggedModem, port: str) -> _Spot:
    try:
        inode = Path(port).stat().st_ino
    except OSError:
        inode = 0
    return _Spot(plugged, port, inode)
