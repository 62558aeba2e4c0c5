import re
import subprocess
import sys

MOST_KB = 64_000
"""What the whole agent may take; its modules alone have to stay below."""
LOOK = """
import sys, agent.main
heavy = {"numpy", "pandas", "pyarrow", "scipy", "duckdb", "rich"} & set(sys.modules)
print(*heavy, open("/proc/self/status").read())
import numpy
"""


def test_the_agent_loads_nothing_that_only_a_collector_needs():
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.split()[0] == "Name:", "a heavy library is there"
    (size_kb,) = re.findall(r"VmRSS:\s+(\d+) kB", done.stdout)
    assert int(size_kb) < MOST_KB
