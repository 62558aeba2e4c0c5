"""A province with planted truth: are the verdicts what they should be?

No part of the simulator and none of the collector: it runs both as their users do, by their
commands, and compares what the one says with what the other planted.
"""
