"""Some of a crowd of probes, as one process: a batch each, and after a word another one.

`crowd_child.py PORT KEYS NAME...` says `stored` after the first batches, waits for a line, says
`sent` after the second ones and `stored` again.
"""

import sys
from pathlib import Path

from sim.fleet.delivery import Delivery
from tests.faults.collector_parts import announce, epochs, records

BATCH = 20


def main(port, keys, *probes):
    delivery = Delivery(int(port), Path(keys), epochs(probes), window_batches=10**6)
    try:
        delivery.connect(120.0)
        for probe in probes:
            delivery.send(records(probe, 1, BATCH))
        delivery.drain()
        say("stored")
        sys.stdin.readline()
        for probe in probes:
            delivery.send(records(probe, BATCH + 1, 2 * BATCH))
        say("sent")
        delivery.drain()
        announce(delivery, dict.fromkeys(probes, 2 * BATCH))
        say("stored")
        sys.stdin.readline()
    finally:
        delivery.close()


def say(word):
    sys.stdout.write(word + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
