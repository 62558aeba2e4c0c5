"""Letting an interface run dry before a test: what the one before left in the network's queues.

A broken-off download still arrives for a second on a slow link, and the next test would share its
link with it: a video session straight after one by HTTP came out 6 % too low at 5.5 Mbit/s.
"""

import time
from collections.abc import Callable

from drivers.traffic.netpath import NetPath, counted_since, read_counters

LOOK_S = 0.2
QUIET_BYTES = 5_000
"""In one look: 200 kbit/s, more than records on their way to the collector take."""
TIMEOUT_S = 3.0


def await_quiet(path: NetPath, pause: Callable[[float], object]) -> bool:
    """Return once the interface carries next to nothing; False if it does not within 3 s.

    An interface that is not named or not there is quiet. `pause` waits for some seconds; it may
    return sooner and true, which ends the wait.
    """
    until_s = time.monotonic() + TIMEOUT_S
    before = read_counters(path)
    while before is not None:
        if pause(LOOK_S):
            return False
        carried = counted_since(path, before)
        if carried is None or carried.rx_bytes + carried.tx_bytes < QUIET_BYTES:
            return True
        if time.monotonic() > until_s:
            return False
        before = read_counters(path)
    return True
