"""Appends to an outbox until it is killed, and prints each promise as `seq number`."""

import sys
import threading
from pathlib import Path

from agent.clock import Clock
from agent.outbox import Limits, Outbox
from agent.recorder import Envelope
from agent.runtime import Stop
from wire.kinds import radio
from wire.messages import Position


def main() -> None:
    """Append from the number given on the command line on."""
    path, first_number = Path(sys.argv[1]), int(sys.argv[2])
    envelope = Envelope(probe="dn-01", software="test", stamp=Clock().stamp, position=Position)
    outbox = Outbox(path, make_event=envelope.event, limits=Limits(commit_s=0.002))
    threading.Thread(target=outbox.run, args=(Stop(), lambda: None), daemon=True).start()
    number = first_number
    while True:
        for _ in range(4):
            outbox.append(envelope.around("radio", radio.Payload(temperature_c=number)))
            number += 1
        seq = outbox.append_and_wait(
            envelope.around("radio", radio.Payload(temperature_c=number)), 10.0
        )
        sys.stdout.write(f"{seq} {number}\n")
        sys.stdout.flush()
        number += 1


if __name__ == "__main__":
    main()
