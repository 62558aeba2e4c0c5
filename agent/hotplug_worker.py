"""The thread that hears of modems being plugged in and out, so that none waits for a back-off."""

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Protocol

from agent.runtime import Beat, Stop
from drivers.modem.usb import Hotplug

log = logging.getLogger(__name__)

BEAT_EVERY_S = 10.0


class Hints(Protocol):
    """Whoever tells that something may have been plugged in or out, as `Hotplug` does."""

    def wait(self, timeout_s: float) -> bool:
        """Whether something may have; False after `timeout_s`, or when woken."""

    def wake(self) -> None:
        """From another thread: let `wait` return now."""

    def close(self) -> None:
        """Listen no more."""


class Looker(Protocol):
    """Whoever looks for its own device, as `ModemWorker` does; an order to look costs nothing."""

    def look_again(self) -> None:
        """Something may have been plugged in or out."""


class HotplugWorker:
    """Hands each hint to all lookers. They scan for themselves: a hint says nothing certain."""

    def __init__(self, lookers: Iterable[Looker], *, listen: Callable[[], Hints] = Hotplug) -> None:
        """`listen` begins to listen; nothing that happens afterwards is lost."""
        self._lookers = tuple(lookers)
        self._listen = listen

    def run(self, stop: Stop, beat: Beat) -> None:
        """Listen until stopped."""
        with closing(self._listen()) as hints, stop.wakes(hints.wake):
            while not stop.is_set():
                beat()
                if hints.wait(BEAT_EVERY_S) and not stop.is_set():
                    log.debug("something may have been plugged in or out")
                    for looker in self._lookers:
                        looker.look_again()
