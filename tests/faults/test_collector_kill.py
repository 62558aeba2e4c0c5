"""SIGKILL of the collector at every step: every accepted row is in the lake once, none is lost."""

import contextlib
import os
import random
import threading
import time

import pytest

from collector.cli import main
from sim.fleet.delivery import Delivery
from tests.faults.collector_parts import PROBES, Site, announce, epochs, records, wait_until

POINTS = (
    "before the lake",
    "before the flush",
    "after the lake",
    "before the ledger",
    "after the ledger",
    "before the first PUBACK",
    "after a PUBACK",
    "before the acknowledgement",
)
RANDOM_KILLS = int(os.environ.get("DOSONG_FAULT_ROUNDS", "2"))
SEED = 4
ROUND_S = 30.0
BATCH = 20


class Sending:
    """Every probe sends all the time, so that each kill finds something in hand."""

    def __init__(self, delivery, *, repeat=0.0, seed=SEED):
        self.made = dict.fromkeys(PROBES, 0)
        self._delivery = delivery
        self._repeat = repeat
        self._choice = random.Random(seed)  # noqa: S311  # a reproducible choice, no secret
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def drained(self, timeout_s=90):
        """Stop, and what was made once all of it is acknowledged."""
        self._done.set()
        self._thread.join(timeout_s)
        assert not self._thread.is_alive(), "not everything was acknowledged"
        return self.made

    def _run(self):
        while not self._done.is_set():
            for probe in PROBES:
                first = self.made[probe] + 1
                self.made[probe] += BATCH
                self._delivery.send(records(probe, first, self.made[probe]))
                if self._choice.random() < self._repeat:
                    self._delivery.repeat(probe)
            self._done.wait(0.05)
        announce(self._delivery, self.made)
        self._delivery.drain()


@pytest.fixture
def site(tmp_path):
    with contextlib.closing(Site(tmp_path, workers=3)) as site:
        yield site


@pytest.fixture
def delivery(site):
    with Delivery(
        site.broker.port, site.keys, epochs(), window_batches=16, resend_after_s=2.0
    ) as delivery:
        yield delivery


def check(site, tally, made, **more):
    for row in site.settled(made).values():
        assert (row.received, row.missing, row.conflicts) == (row.made, 0, 0)
    counted = site.count(made)
    tally.tried(rows=sum(made.values()), **counted, **more)
    assert counted == {"lost": 0, "duplicates": 0}


def dropped(site):
    return sum(row.duplicates_dropped for row in site.ledger().values())


@pytest.mark.fault(4)
@pytest.mark.timeout(300)
def test_killed_at_every_step_the_collector_loses_and_doubles_nothing(site, delivery, tally):
    moments = random.Random(SEED)  # noqa: S311
    site.start()
    sending = Sending(delivery)
    try:
        for number, point in enumerate(POINTS):
            site.kill()
            site.start(point, 1 + number % 3)
            assert site.died(ROUND_S), f"never came to {point}"
        for _ in range(RANDOM_KILLS):
            site.start()
            site.died(moments.uniform(0.8, 2.5))
            site.kill()
        site.start()
        began = time.monotonic()
    finally:
        made = sending.drained()
    check(site, tally, made, recovery_s=time.monotonic() - began)


@pytest.mark.fault(4, 29)
@pytest.mark.timeout(300)
def test_three_workers_share_the_batches_and_the_deaths(site, delivery, tally):
    """25 % of the batches come twice at once, most of them to two workers."""
    moments = random.Random(SEED)  # noqa: S311
    for worker in (1, 2, 3):
        site.start(worker=worker)
    wait_until(lambda: site.connections() >= 3, "all workers listen")
    sending = Sending(delivery, repeat=0.25)
    try:
        wait_until(lambda: dropped(site) > 0, "a batch came twice")
        for _ in range(2 * RANDOM_KILLS):
            worker = moments.randint(1, 3)
            site.died(moments.uniform(0.5, 1.5), worker)
            site.kill(worker)
            site.start(worker=worker)
        began = time.monotonic()
    finally:
        made = sending.drained()
    check(site, tally, made, recovery_s=time.monotonic() - began)


@pytest.mark.fault(4)
def test_a_worker_that_stays_away_holds_up_its_share_until_it_is_sent_again(site, delivery, tally):
    for worker in (1, 2):
        site.start(worker=worker)
    wait_until(lambda: site.connections() >= 2, "both workers listen")
    site.kill(2)
    made = dict.fromkeys(PROBES, 200)
    began = time.monotonic()
    for first in range(1, 200, BATCH):
        for probe in PROBES:
            delivery.send(records(probe, first, first + BATCH - 1))
    announce(delivery, made)
    delivery.drain()
    assert resent(delivery) > 0
    check(site, tally, made, recovery_s=time.monotonic() - began)

    leave = ["ingest", "--config", str(site.config), "--worker", "2", "--leave"]
    assert main(leave) == 0
    before = resent(delivery)
    for first in range(201, 400, BATCH):
        for probe in PROBES:
            delivery.send(records(probe, first, first + BATCH - 1))
    delivery.drain()
    assert resent(delivery) == before, "it still has a share"


def resent(delivery):
    return sum(one.resent_batches for one in delivery.tallies().values())
