"""A Linux machine whose power can be cut, and the cable to it."""

from sim.guest.cable import Cable
from sim.guest.machine import Guest, Session

__all__ = ["Cable", "Guest", "Session"]
