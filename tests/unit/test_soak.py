import gc
import os
import threading

import pytest

from tests.soak.soak import Judged
from tests.soak.watch import MB, Course, Sample, course, look, slope

CALM_S = 10.0


def samples(rss_of, *, threads=19, descriptors=40, seconds=1000):
    return [Sample(at_s, rss_of(at_s), threads, descriptors) for at_s in range(seconds)]


def judged(of, *, begins_s=0.0, **changes):
    counted = {"made": 10, "received": 10, "missing": 0, "duplicates": 0, "dropped": 0}
    seen = course(of, begins_s=begins_s, calm_s=CALM_S)
    return Judged(
        course=seen, simulated_days=1.0, growth_limit_mb=1.0, **(counted | changes)
    ).faults


def test_a_process_is_looked_at_as_the_kernel_sees_it():
    release = threading.Event()
    gc.collect()
    before = look(os.getpid(), 0.0)
    thread = threading.Thread(target=release.wait)
    thread.start()
    read, write = os.pipe()
    after = look(os.getpid(), 1.0)
    release.set()
    thread.join()
    for handle in (read, write):
        os.close(handle)
    assert (after.threads, after.descriptors) == (before.threads + 1, before.descriptors + 2)
    assert after.rss_bytes > 10 * MB
    with pytest.raises(OSError, match=r"4194304|No such"):
        look(4194304, 0.0)


def test_a_slope_is_not_moved_by_a_few_bursts():
    flat = [(float(x), 50.0 + (900.0 if x % 10 == 0 else 0.0)) for x in range(1000)]
    assert slope(flat) == pytest.approx(0.0)
    assert slope([(x, y + 2 * x) for x, y in flat]) == pytest.approx(2.0, abs=0.2)


def test_what_grows_only_before_it_is_warm_is_flat():
    warming = samples(lambda at_s: 50 * MB + min(at_s, 300) * 10_000)
    assert judged(warming, begins_s=300.0) == []
    assert judged(warming, begins_s=0.0) == []
    leaking = samples(lambda at_s: 50 * MB + at_s * 4_000)
    assert judged(leaking, begins_s=300.0) == ["RSS grew 2.80 MB"]


def test_each_limit_has_its_word():
    flat = samples(lambda _: 50 * MB)
    assert judged(flat) == []
    assert judged(flat, missing=3) == ["3 rows are missing"]
    assert judged(flat, duplicates=2) == ["2 rows are there twice"]
    assert judged(flat, dropped=1) == ["1 rows were given up"]
    assert judged(samples(lambda _: 70 * MB)) == ["RSS 70.0 MB"]


def test_threads_and_descriptors_are_compared_in_the_calm():
    busy = samples(lambda _: 50 * MB)
    busy[500:600] = [each._replace(threads=30, descriptors=90) for each in busy[500:600]]
    assert judged(busy) == []
    left = [each._replace(threads=20, descriptors=41) for each in busy[-50:]]
    faults = judged([*busy[:-50], *left])
    assert faults == ["threads (19, 20)", "descriptors (40, 41)"]
    assert isinstance(course(busy, begins_s=0.0, calm_s=CALM_S), Course)
