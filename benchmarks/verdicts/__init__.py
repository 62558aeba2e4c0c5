"""Simulated areas whose truth is known, judged by the collector's own functions."""
