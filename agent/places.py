"""What stands at a configured place: the modem's port and its network interface."""

from agent.config import ModemPlace
from drivers.modem.errors import GoneError
from drivers.modem.modem import Modem
from drivers.modem.usb import PluggedModem, plugged_modems


class NoInterfaceError(Exception):
    """The modem at this place has no network interface to test over."""


def open_modem(place: ModemPlace) -> Modem:
    """The modem at this place, identified; raises `ModemError`."""
    port = str(place.port) if place.port is not None else _port_of(place)
    return Modem.open(port, usb_path=place.place, name=place.name, family=place.family)


def interface_of(place: ModemPlace) -> str | None:
    """The network interface of the modem at this place; None where tests are not bound to one.

    That is only so for a modem that is not looked up on USB: a test that leaves by another way
    measures another network. Raises `NoInterfaceError`.
    """
    if place.interface is not None or place.port is not None or place.usb_path is None:
        return place.interface
    found = _plugged_at(place.usb_path)
    if found is None or found.net_interface is None:
        raise NoInterfaceError(f"no network interface at USB path {place.usb_path}")
    return found.net_interface


def _port_of(place: ModemPlace) -> str:
    found = _plugged_at(place.place)
    if found is None:
        raise GoneError(f"no modem at USB path {place.place}")
    if found.at_port is None:
        raise GoneError(f"the modem at USB path {place.place} has no AT port")
    return found.at_port


def _plugged_at(usb_path: str) -> PluggedModem | None:
    return next((modem for modem in plugged_modems() if modem.usb_path == usb_path), None)
