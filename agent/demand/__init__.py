"""Tests on demand while the agent measures: a socket in its run folder, and who calls there."""
