"""Many probes that publish a province's month."""

from sim.fleet.command import COMMAND

__all__ = ["COMMAND"]
