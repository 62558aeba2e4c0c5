"""`python -m benchmarks [NAME ...] [--quick] [--json]`: every module here that defines `run`.

A benchmark's `run(arguments)` takes the rest of the command line, prints a table (one JSON object
with `--json`; less of everything with `--quick`) and returns the exit code: 1 where something is
not as promised. All of them take about three quarters of an hour, quickly a quarter.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable

import benchmarks


def main(arguments: list[str]) -> int:
    """Run the named benchmarks, or all; the worst exit code."""
    known = [info.name for info in pkgutil.iter_modules(benchmarks.__path__)]
    runs: dict[str, Callable[[list[str]], int]] = {}
    for name in known:
        if name != "__main__":
            run = getattr(importlib.import_module(f"benchmarks.{name}"), "run", None)
            if run is not None:
                runs[name] = run
    named = [word for word in arguments if word in runs]
    options = [word for word in arguments if word not in runs]
    codes = []
    for name in named or list(runs):
        if "--json" not in options:
            print(f"== {name}", flush=True)
        codes.append(runs[name](options))
    return max(codes, default=0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
