"""A compressed soak: is the probe, after days with faults, what it was at the beginning?"""
