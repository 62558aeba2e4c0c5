"""How often verdicts are wrong, by simulated areas whose truth is known.

Every area is judged by the collector's own functions. `make bench-stats` writes what is found to
docs/reference/measured-statistics.md.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from benchmarks.links import machine
from benchmarks.verdicts.page import page
from benchmarks.verdicts.scenarios import LEAST_PLACES, RATES, SESSIONS, Scenario
from benchmarks.verdicts.tally import Rate, Result, headlines_broken, simulate

AREAS = 2000
QUICK_AREAS = 200
SEED = 1
PAGE = Path(__file__).parents[1] / "docs" / "reference" / "measured-statistics.md"


def run(arguments: Sequence[str]) -> int:
    """Simulate and print; 1 if a verdict is wrong more often than promised."""
    options = _options(arguments)
    areas = options.areas or (QUICK_AREAS if options.quick else AREAS)
    start_s = time.monotonic()
    scenarios = [one for one in (*RATES, *SESSIONS) if options.only in one.name]
    results = measure(areas=areas, seed=options.seed, scenarios=scenarios)
    minutes = (time.monotonic() - start_s) / 60
    where = f"{machine()}, numpy {version('numpy')}, scipy {version('scipy')}"
    text = page(
        results,
        areas=areas,
        seed=options.seed,
        minutes=minutes,
        machine=where,
        places=LEAST_PLACES,
    )
    if options.json:
        found = {
            "machine": where,
            "areas": areas,
            "seed": options.seed,
            "scenarios": [_plain(one) for one in results],
        }
        print(json.dumps({"verdict_errors": found}))
    else:
        print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    broken = [one.scenario.name for one in results if one.broken]
    if headlines_broken(results):
        broken.append("headlines")
    if broken:
        print("wrong more often than promised:", "; ".join(broken), file=sys.stderr)
    return int(bool(broken))


def measure(*, areas: int, seed: int, scenarios: Sequence[Scenario]) -> list[Result]:
    """All scenarios, side by side on all cores; which core took which changes nothing."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        return list(pool.map(partial(simulate, areas=areas, seed=seed), scenarios))


def _plain(result: Result) -> dict[str, Any]:
    def rate(one: Rate) -> dict[str, float]:
        return {"share": one.share, "standard_error": one.error, "of": one.of}

    return {
        "name": result.scenario.name,
        "promised": result.scenario.promised,
        "broken": result.broken,
        "blocks": result.blocks,
        "verdicts": [
            {"truth": said.truth, "pass": rate(said.passed), "fail": rate(said.failed)}
            for said in result.said
        ],
        "limits": [
            {"method": one.method, "below": rate(one.below), "above": rate(one.above)}
            for one in result.misses
        ],
        "headlines": {"holm": rate(result.headlines), "uncorrected": rate(result.uncorrected)},
    }


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="verdict_errors", description=__doc__)
    parser.add_argument("--areas", type=int, help=f"of each scenario and truth, {AREAS}")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_AREAS} areas")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--only", default="", help="scenarios with this in their name")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name}")
    options = parser.parse_args(arguments)
    if options.write and options.only:
        parser.error("the page has all scenarios: --write does not go with --only")
    return options
