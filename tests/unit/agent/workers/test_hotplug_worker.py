import threading

import pytest

from agent.hotplug_worker import HotplugWorker
from agent.runtime import Stop
from drivers.modem.usb import Hotplug
from tests.descriptors import open_descriptors

WAIT_S = 20.0


class Hints:
    """Hints that a test gives."""

    def __init__(self):
        self._given = threading.Semaphore(0)
        self.closed = threading.Event()
        self.woken = False

    def give(self):
        self._given.release()

    def wait(self, timeout_s):
        return self._given.acquire(timeout=timeout_s) and not self.woken

    def wake(self):
        self.woken = True
        self._given.release()

    def close(self):
        self.closed.set()


class Looker:
    def __init__(self):
        self.looked = threading.Semaphore(0)

    def look_again(self):
        self.looked.release()


@pytest.fixture
def hints():
    return Hints()


def test_each_hint_goes_to_every_modem(hints, start):
    lookers = Looker(), Looker()
    start(HotplugWorker(lookers, listen=lambda: hints).run)
    for _ in range(3):
        hints.give()
        assert all(looker.looked.acquire(timeout=WAIT_S) for looker in lookers)
    assert not any(looker.looked.acquire(blocking=False) for looker in lookers)


def test_it_ends_at_once_and_listens_no_more(hints, start):
    looker = Looker()
    supervisor = start(HotplugWorker([looker], listen=lambda: hints).run)
    hints.give()
    assert looker.looked.acquire(timeout=WAIT_S)
    assert supervisor.stop(WAIT_S) == ()
    assert hints.closed.is_set()
    assert not looker.looked.acquire(blocking=False)


def test_asked_to_end_before_it_listens_it_ends(hints):
    stop = Stop()
    stop.set()
    HotplugWorker([], listen=lambda: hints).run(stop, lambda: None)
    assert hints.closed.is_set()


def test_with_the_real_thing_modems_are_looked_for_from_the_start(start):
    before = open_descriptors()
    looker = Looker()
    supervisor = start(HotplugWorker([looker], listen=Hotplug).run)
    assert looker.looked.acquire(timeout=WAIT_S)
    assert supervisor.stop(WAIT_S) == ()
    assert open_descriptors() == before
