"""`make faults`: hundreds of power cuts and kills, every fault test, and the page about it."""

import argparse
import os
import platform
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

from sim.parts import find_command
from tests.faults.long_runs import black_out, cut_power, kill, say
from tests.faults.probes import ROOT
from tests.faults.reliability import Figure, Report, page
from tests.faults.tally import REPORT, Tally

PAGE = ROOT / "docs" / "reference" / "reliability.md"
TEST_TIMEOUT_S = 600
HALVES = (["-n", "2", "--dist", "loadfile", "-m", "fault and not alone"], ["-m", "fault and alone"])
"""As tools/test does it."""
NO_TESTS = 5
"""pytest's exit code where none was chosen."""
RUNS: dict[str, Callable[[Path, int, random.Random], list[Figure]]] = {
    "cuts": lambda where, times, dice: cut_power(where, cuts=times, dice=dice),
    "kills": lambda where, times, dice: kill(where, kills=times, dice=dice),
    "outages": lambda where, times, dice: black_out(where, outages=times, dice=dice),
}


def run_long(chosen: argparse.Namespace, folder: Path) -> list[Figure]:
    """The outages, whose recovery is timed, by themselves; then cuts and kills side by side."""
    dice = random.Random(chosen.seed)  # noqa: S311  # moments, no secrets
    seeds = {name: dice.randrange(1 << 31) for name in RUNS}

    def run(name: str) -> list[Figure]:
        times = getattr(chosen, name)
        if not times:
            return []
        where = folder / name
        where.mkdir()
        own = random.Random(seeds[name])  # noqa: S311  # moments, no secrets
        return RUNS[name](where, times, own)

    outages = run("outages")
    with ThreadPoolExecutor(2) as pool:
        cuts, kills = pool.map(run, ("cuts", "kills"))
    return [*cuts, *kills, *outages]


def run_tests(folder: Path, *, rounds: int, seed: int) -> tuple[list[Tally], bool]:
    """What the tests marked with a fault counted; whether all passed."""
    report = folder / "tallies.jsonl"
    report.touch()
    environment = os.environ | {
        REPORT: str(report),
        "DOSONG_FAULT_ROUNDS": str(rounds),
        "DOSONG_FAULT_SEED": str(seed),
    }
    good = True
    for half in HALVES:
        command = [sys.executable, "-m", "pytest", "-q", f"--timeout={TEST_TIMEOUT_S}", *half]
        say(*command[1:])
        done = subprocess.run(command, cwd=ROOT, env=environment, stdout=sys.stderr, check=False)
        good &= done.returncode in {0, NO_TESTS}
    lines = report.read_bytes().splitlines()
    return [msgspec.json.decode(line, type=Tally) for line in lines], good


def software() -> dict[str, str]:
    """Where it runs, and on what."""
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    guest = _first_line(find_command("linux.uml"), "--version")
    libraries = [f"{name} {version(name)}" for name in ("paho-mqtt", "deltalake", "duckdb")]
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {memory_gb:.0f} GB",
        "system": f"Linux {platform.release()}, in the guest {guest}",
        "software": ", ".join(
            [
                f"dosong {version('dosong')}",
                f"Python {platform.python_version()}",
                f"SQLite {sqlite3.sqlite_version}",
                _first_line(find_command("mosquitto"), "-h"),
                *libraries,
            ]
        ),
    }


def _first_line(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout or done.stderr).splitlines()[0]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make faults", description=__doc__)
    seed = random.SystemRandom().randrange(1 << 31)
    for name, default, what in (
        ("cuts", 200, "power cuts"),
        ("kills", 500, "SIGKILLs"),
        ("outages", 5, "outages of 35 s"),
        ("rounds", 5, "of each fault test that repeats; 0: no tests"),
        ("seed", seed, "of all that is random; by default another one each time"),
    ):
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{what} ({default})")
    parser.add_argument("--page", type=Path, default=PAGE, help="where the figures go")
    return parser.parse_args()


def main() -> int:
    """The exit code: 1 when a promise was broken or a test failed."""
    chosen = _arguments()
    began, began_s = datetime.now(tz=UTC), time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="dosong-faults-"))
    say(f"seed {chosen.seed}, below {folder}")
    figures = run_long(chosen, folder)
    tests, passed = list[Tally](), True
    if chosen.rounds:
        tests, passed = run_tests(folder, rounds=chosen.rounds, seed=chosen.seed)
    words = " ".join(f"--{name} {getattr(chosen, name)}" for name in (*RUNS, "rounds", "seed"))
    made = {
        "date": f"{began:%Y-%m-%d}, in {(time.monotonic() - began_s) / 60:.0f} minutes",
        "command": f'`make faults ARGS="{words}"`',
    }
    report = Report(made=made | software(), figures=figures, tests=tests)
    chosen.page.write_text(page(report), encoding="utf-8")
    say(f"{chosen.page} is written")
    if not (report.is_good and passed):
        say(f"NOT all is well; what there is to look at is below {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
