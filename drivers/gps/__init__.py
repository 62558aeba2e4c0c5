"""The GNSS receiver behind gpsd."""
