"""A whole installation with a live drive, its faults, ledger and verdicts."""

from sim.demo.command import COMMAND

__all__ = ["COMMAND"]
