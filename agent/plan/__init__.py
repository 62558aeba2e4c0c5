"""The plan: what is tested when and where, what comes up, and what it will cost.

Only `files` reads; everything else is free of I/O and of clocks of its own.
"""
