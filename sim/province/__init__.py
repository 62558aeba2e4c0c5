"""A province over a year with planted truth, for whoever wants to check verdicts."""

from sim.province.command import COMMAND

__all__ = ["COMMAND"]
