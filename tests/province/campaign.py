"""Make a province, bring it to a collector in two deliveries, ask for all verdicts."""

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from sim.parts import find_command
from sim.province.deliveries import FIRST, SECOND
from sim.province.province import TRUTH_FILE
from sim.province.truth import Truth
from tests.province.compare import Judgement, judge

TIMEOUT_S = 3600
WEIGHTS = "population"
"""The province tells the collector how many live where."""
LATE_TARGETS = ("T5", "T6", "T7B", "A6")
"""Judged by quarter as well."""


class Result(NamedTuple):
    """What came of it."""

    truth: Truth
    judgement: Judgement
    generated_s: float
    imported_s: tuple[float, float]
    judged_s: float
    """All periods."""
    verdicts: int


def run(folder: Path, arguments: list[str], say: Callable[[str], None]) -> Result:
    """Everything below `folder`; `arguments` are those of `dosong-sim province`."""
    started = time.monotonic()
    province = folder / "province"
    _command("dosong-sim", "province", "--out", str(province), *arguments)
    truth = msgspec.json.decode((province / TRUTH_FILE).read_bytes(), type=Truth)
    generated_s = time.monotonic() - started
    say(f"made {truth.made.records} records in {generated_s:.0f} s")
    config = province / "collector.toml"
    imported_s = tuple(_import(config, province / delivery, say) for delivery in (FIRST, SECOND))
    say(f"{_add_samples(config, province)} samples of i-Speed")
    started = time.monotonic()
    said = {}
    for period in truth.months:
        said[period] = _verdicts(config, period)
        say(f"{period}: {len(said[period])} verdicts")
    for period in dict.fromkeys(one.period for one in truth.expected):
        if period not in said:
            said[period] = [
                one for one in _verdicts(config, period) if one["target"] in LATE_TARGETS
            ]
            say(f"{period}: {len(said[period])} verdicts")
    return Result(
        truth=truth,
        judgement=judge(truth, said, weights=WEIGHTS),
        generated_s=generated_s,
        imported_s=(imported_s[0], imported_s[1]),
        judged_s=time.monotonic() - started,
        verdicts=sum(len(verdicts) for verdicts in said.values()),
    )


def _import(config: Path, delivery: Path, say: Callable[[str], None]) -> float:
    """Month by month, as it would have come: the probes' files of each put one behind the other.

    Zstd frames may be, and a file of few rows for each of thirty days costs as much as a large one.
    """
    together = delivery.with_name(f"{delivery.name}-by-month")
    together.mkdir()
    for month in sorted(delivery.iterdir()):
        with (together / f"{month.name}.jsonl.zst").open("wb") as whole:
            for part in sorted(month.iterdir()):
                whole.write(part.read_bytes())
    started = time.monotonic()
    taken = json.loads(
        _command("dosong-collector", "import", "--config", str(config), "--json", str(together))
    )
    took_s = time.monotonic() - started
    say(f"{delivery.name}: {taken['new']} new, {taken['duplicates']} again, {took_s:.0f} s")
    return took_s


def _add_samples(config: Path, province: Path) -> int:
    """What the public service measured; gives how many samples are new."""
    new = 0
    for path in sorted((province / "ispeed").glob("*.csv")):
        mapping = path.with_name("mapping.toml")
        added = _command(
            "dosong-collector",
            *("imports", "add", str(path), "--map", str(mapping)),
            *("--config", str(config), "--json"),
        )
        new += json.loads(added)["new"]
    return new


def _verdicts(config: Path, period: str) -> list[dict[str, Any]]:
    return json.loads(
        _command(
            "dosong-collector", "verdicts", "--config", str(config), "--json", "--period", period
        )
    )


def _command(program: str, *arguments: str) -> str:
    done = subprocess.run(
        [find_command(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if done.returncode:
        raise RuntimeError(
            f"{program} {arguments[0]} ended with {done.returncode}: {done.stderr[-3000:]}"
        )
    return done.stdout
