"""The program on the probe: measures, keeps what it measured, and delivers it."""
