"""How the computer itself is doing, read from /proc and /sys. None where it does not say."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
"""Raspberry Pi only. Bit 0 under-voltage, 1 capped, 2 throttled, 3 hot; 16 to 19: since boot."""


class Machine(NamedTuple):
    """One look at the computer."""

    cpu_load_1min: float | None
    cpu_temperature_c: float | None
    memory_rss_bytes: int | None
    throttled: int | None
    disk_free_bytes: int | None


def look(state_dir: Path, root: Path = ROOT) -> Machine:
    """The computer now; the disk is the one that holds `state_dir`."""
    load = _words(root / "proc/loadavg")
    pages = _words(root / "proc/self/statm")
    milli_c = _words(root / "sys/class/thermal/thermal_zone0/temp")
    throttled = _words(root / THROTTLED)
    return Machine(
        cpu_load_1min=float(load[0]) if load else None,
        cpu_temperature_c=int(milli_c[0]) / 1000 if milli_c else None,
        memory_rss_bytes=int(pages[1]) * PAGE_BYTES if len(pages) > 1 else None,
        throttled=int(throttled[0], 16) if throttled else None,
        disk_free_bytes=_free(state_dir),
    )


def _words(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="ascii", errors="replace").split()
    except OSError:
        return []


def _free(folder: Path) -> int | None:
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None
