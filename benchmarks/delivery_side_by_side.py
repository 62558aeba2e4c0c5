"""dosong, thingsboard-gateway and a mosquitto bridge carry the same rows through the same faults.

50 rows a second on a disk of its own, a TCP proxy as the uplink, one broker behind it. Each is
killed at seeded moments, then the broker is (its state wiped), then the uplink goes black for a
while, then a backlog drains; and once more in a guest machine whose power is cut. In the end what
was accepted is compared with what the database shows. Needs root, `tools/setup bench` for the
gateway and `tools/setup faults` for the guest.
"""

import argparse
import json
import random
import sys
import tempfile
from dataclasses import asdict
from operator import attrgetter
from pathlib import Path

from benchmarks.delivery.bridge import Bridge
from benchmarks.delivery.dosong import Dosong
from benchmarks.delivery.gateway import Gateway
from benchmarks.delivery.race import QUICK, Course, Finish, race
from benchmarks.links import machine

CONTESTANTS = (Dosong, Gateway, Bridge)
PROMISED_RECOVERY_S = 5.0
COLUMNS = (
    ("kills.lost", "lost (kill)", "d"),
    ("kills.duplicates", "double", "d"),
    ("kills.accepted", "of", "d"),
    ("power_cuts.lost", "lost (cut)", "d"),
    ("power_cuts.duplicates", "double", "d"),
    ("power_cuts.accepted", "of", "d"),
    ("recovery_s", "recovery s", ".1f"),
    ("drained_rows_s", "drain rows/s", ".0f"),
    ("rss_mb", "RSS MB", ".0f"),
    ("cpu_ms_row", "CPU ms/row", ".2f"),
    ("disk_bytes_row", "disk B/row", ".0f"),
)


def run(arguments: list[str]) -> int:
    """Print the table; 1 where dosong lost or doubled a row or came back too late."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks delivery_side_by_side")
    parser.add_argument("--quick", action="store_true", help="a few faults, no ranking")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--only", choices=[one.name for one in CONTESTANTS])
    chosen = parser.parse_args(arguments)
    course = QUICK if chosen.quick else Course()
    finishes = []
    with tempfile.TemporaryDirectory(prefix="dosong-bench-") as folder:
        for number, contestant in enumerate(CONTESTANTS):
            if chosen.only in (None, contestant.name):
                finishes.append(
                    race(contestant, Path(folder) / str(number), course, seed=chosen.seed)
                )
                if not chosen.json:
                    _print(finishes[-1], first=len(finishes) == 1)
    if chosen.json:
        print(json.dumps({"seed": chosen.seed, "finishes": [asdict(one) for one in finishes]}))
    else:
        for one in finishes:
            print(f"{one.name}: a row counts once {one.accepts}")
        print(f"{course}, seed {chosen.seed}, {machine()}")
    return int(not all(map(_kept, finishes)))


def _kept(finish: Finish) -> bool:
    """Whether dosong's promise was kept; nobody else made one."""
    if finish.name != Dosong.name:
        return True
    in_time = finish.recovery_s is not None and finish.recovery_s < PROMISED_RECOVERY_S
    counts = (finish.kills, finish.power_cuts)
    return in_time and not any(count.lost or count.duplicates for count in counts)


def _print(finish: Finish, *, first: bool) -> None:
    if first:
        print(f"{'':20}" + "".join(f"{title:>13}" for _, title, _ in COLUMNS))
    cells = []
    for name, _, form in COLUMNS:
        value = attrgetter(name)(finish)
        cells.append("never" if value is None else format(value, form))
    print(f"{finish.name:20}" + "".join(f"{cell:>13}" for cell in cells))
    sys.stdout.flush()
