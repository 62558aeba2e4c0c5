"""Cellular modems by their AT port: framing, the port, and one family file for each kind."""
