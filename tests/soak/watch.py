"""What a process takes, sample by sample, and whether it takes more and more."""

import random
import re
import statistics
from collections.abc import Iterable
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

POINTS = 400
"""A slope is judged by so many samples at the most: each pair of them counts."""
MB = 1_000_000


class Sample(NamedTuple):
    """One look at a process."""

    at_s: float
    """Since the soak began."""
    rss_bytes: int
    threads: int
    descriptors: int


class Course(NamedTuple):
    """What became of a process after its warm-up."""

    max_rss_mb: float
    growth_mb: float
    """Over the time that was judged, by its slope."""
    threads: tuple[int, int]
    """At the beginning and at the end, while all was well: the usual number. The fewest would be
    that of one look between two links, and the most that of one look at a file."""
    descriptors: tuple[int, int]
    judged_s: float


def look(pid: int, at_s: float) -> Sample:
    """A process now; raises OSError when there is none of that number."""
    folder = Path(f"/proc/{pid}")
    said = (folder / "status").read_text(encoding="ascii", errors="replace")
    rss_kib = re.search(r"^VmRSS:\s+(\d+)", said, re.MULTILINE)
    threads = re.search(r"^Threads:\s+(\d+)", said, re.MULTILINE)
    if rss_kib is None or threads is None:
        raise ProcessLookupError(pid)
    handles = sum(1 for _ in (folder / "fd").iterdir())
    return Sample(at_s, int(rss_kib[1]) * 1024, int(threads[1]), handles)


def course(samples: list[Sample], *, begins_s: float, calm_s: float) -> Course:
    """Judge the samples from `begins_s` on; at both ends so many seconds were calm."""
    warm = [each for each in samples if each.at_s >= begins_s]
    begin, end = warm[0].at_s, warm[-1].at_s
    first = [each for each in warm if each.at_s <= begin + calm_s]
    last = [each for each in warm if each.at_s >= end - calm_s]
    return Course(
        max_rss_mb=max(each.rss_bytes for each in samples) / MB,
        growth_mb=slope([(each.at_s, each.rss_bytes) for each in warm]) * (end - begin) / MB,
        threads=(_usual(each.threads for each in first), _usual(each.threads for each in last)),
        descriptors=(
            _usual(each.descriptors for each in first),
            _usual(each.descriptors for each in last),
        ),
        judged_s=end - begin,
    )


def _usual(counts: Iterable[int]) -> int:
    return statistics.median_low(counts)


def slope(points: list[tuple[float, float]]) -> float:
    """Theil's and Sen's: the median over all pairs, which a few outliers do not move."""
    if len(points) > POINTS:
        points = sorted(random.Random(1).sample(points, POINTS))  # noqa: S311  # guards nothing
    return statistics.median(
        (y1 - y0) / (x1 - x0) for (x0, y0), (x1, y1) in combinations(points, 2) if x1 > x0
    )
