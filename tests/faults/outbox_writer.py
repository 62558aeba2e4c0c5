"""Appends to an outbox until it is killed, and prints each promise as `seq number`.

With a rate as third argument it appends so many rows a second whatever the disk does, and prints
how far it came and how long the longest `append` took: `number microseconds`.
"""

import sys
import threading
import time
from itertools import count
from pathlib import Path

from agent.clock import Clock
from agent.outbox import Limits, Outbox
from agent.recorder import Envelope
from agent.runtime import Stop
from wire.kinds import radio
from wire.messages import Position

PATIENCE_S = 60.0


def main() -> None:
    """Append from the number given on the command line on."""
    path, first_number = Path(sys.argv[1]), int(sys.argv[2])
    envelope = Envelope(probe="dn-01", software="test", stamp=Clock().stamp, position=Position)
    rates = [float(word) for word in sys.argv[3:]]
    outbox = Outbox(
        path,
        make_event=envelope.event,
        limits=Limits(commit_s=0.2 if rates else 0.002),
        delay_s=lambda _failures: 0.05,
    )
    threading.Thread(target=outbox.run, args=(Stop(), lambda: None), daemon=True).start()

    def row(number):
        payload = radio.Payload(temperature_c=number)
        return envelope.around("radio", payload, reason=str(number))

    if rates:
        _keep_pace(outbox, row, first_number, rates[0])
    number = first_number
    while True:
        for _ in range(4):
            outbox.append(row(number))
            number += 1
        _tell(outbox.append_and_wait(row(number), PATIENCE_S), number)
        number += 1


def _keep_pace(outbox, row, first_number, rows_per_s) -> None:
    longest_s = 0.0
    started_s = time.monotonic()
    for number in count(first_number):
        due_s = started_s + (number - first_number) / rows_per_s
        time.sleep(max(0.0, due_s - time.monotonic()))
        before_s = time.monotonic()
        outbox.append(row(number))
        longest_s = max(longest_s, time.monotonic() - before_s)
        _tell(number, round(longest_s * 1e6))


def _tell(*words: int) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
