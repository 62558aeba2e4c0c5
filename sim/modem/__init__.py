"""A modem on a pseudo-terminal, from a world or from captured replies."""

from sim.modem.command import COMMAND

__all__ = ["COMMAND"]
