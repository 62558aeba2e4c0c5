"""`dosong-collector run`: the link, the worker, the upkeep and the page, in one process.

`dosong-collector ingest` is one more worker beside it, in a process of its own.
"""

import gc
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from types import FrameType

import uvicorn

from collector.config import Config
from collector.ingest.link import Link
from collector.ingest.opened import opened_intake
from collector.ingest.time_teller import TimeTeller
from collector.ingest.worker import Worker
from collector.store.lake import LakeError, Upkeep
from collector.web.app import create

UPKEEP_INTERVAL_S = 30.0
WEB_STOP_S = 5
SIGNAL_DELAY_S = 1.0
STOP_TIMEOUT_S = 40.0
"""A merge in progress is finished first; it may compete for 30 s."""

COLLECT_AFTER_OBJECTS = 100_000
"""A micro-batch makes that many at once; looking for cycles among them halves the decoding."""

Task = Callable[[threading.Event], None]
log = logging.getLogger(__name__)


class Crew:
    """Threads that live and end together: where one fails, all stop, and the service restarts."""

    def __init__(self, stop: threading.Event) -> None:
        """They end when `stop` is set; whatever fails sets it."""
        self._stop = stop
        self._threads: list[threading.Thread] = []
        self.failed: list[str] = []

    def start(self, name: str, task: Task) -> None:
        """Run a task in a thread of its own."""
        thread = threading.Thread(target=self._run, args=(name, task), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self, timeout_s: float) -> list[str]:
        """Wait for all to end after the stop; the names of those that did not."""
        deadline = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(deadline - time.monotonic(), 0.0))
        return [thread.name for thread in self._threads if thread.is_alive()]

    def _run(self, name: str, task: Task) -> None:
        try:
            task(self._stop)
        except Exception:  # the top of a thread: said with its traceback, and all stop
            log.exception("%s failed; the collector stops", name)
            self.failed.append(name)
        finally:
            self._stop.set()


def run(config: Config) -> int:
    """Collect until SIGTERM or SIGINT; the exit code. Raises what `opened_intake` raises."""
    return _serve(config, {"upkeep": _upkeep, "web": _web}, presence=True)


def ingest(config: Config) -> int:
    """The same as `run`, but only take in batches, as one worker of several."""
    return _serve(config, {}, presence=False)


def _serve(config: Config, more: Mapping[str, Callable[[Config], Task]], *, presence: bool) -> int:
    stop = threading.Event()

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        log.info("%s: stopping", signal.Signals(number).name)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ask_to_stop)
    gc.set_threshold(COLLECT_AFTER_OBJECTS)
    with opened_intake(config) as (intake, ledger):
        crew = Crew(stop)
        link = Link(config.mqtt, receive_maximum=config.ingest.receive_maximum, presence=presence)
        crew.start("ingest", Worker(link, intake, ledger, config.ingest).run)
        crew.start("link", link.run)
        crew.start("time", TimeTeller(link).run)
        for name, make in more.items():
            crew.start(name, make(config))
        while not stop.wait(SIGNAL_DELAY_S):
            pass  # the kernel may give a signal to another thread: Python needs this one awake
        late = crew.join(STOP_TIMEOUT_S)
        if late:
            log.error("did not stop: %s", ", ".join(late))
    return 1 if crew.failed or late else 0


def _upkeep(config: Config) -> Task:
    upkeep = Upkeep(config.store.lake, compact_files=config.ingest.compact_files)

    def run_upkeep(stop: threading.Event) -> None:
        while not stop.wait(UPKEEP_INTERVAL_S):
            try:
                upkeep.tidy()
            except LakeError as error:
                log.warning("upkeep: %s; trying again later", error)

    return run_upkeep


def _web(config: Config) -> Task:
    """Listens at once, so that a port that is taken is an error before anything is stored."""
    listener = socket.create_server((config.web.host, config.web.port))
    log.info("page on http://%s:%d", *listener.getsockname()[:2])
    server = uvicorn.Server(
        uvicorn.Config(create(config), log_config=None, timeout_graceful_shutdown=WEB_STOP_S)
    )

    def run_web(stop: threading.Event) -> None:
        def follow() -> None:
            stop.wait()
            server.should_exit = True

        threading.Thread(target=follow, name="web-stop", daemon=True).start()
        with listener:
            server.run(sockets=[listener])

    return run_web
