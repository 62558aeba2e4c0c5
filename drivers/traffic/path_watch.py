"""The proof that a test went over its interface: what happened to it, and to the other ones."""

import functools
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import msgspec

from drivers.traffic.netpath import (
    EXCESS,
    SLACK_BYTES,
    Counters,
    NetPath,
    gone,
    is_gone,
    read_counters,
    wrong_path,
)
from drivers.traffic.result import Server, TestResult, TrafficError
from drivers.traffic.rtnetlink import Changes, Group, Kind, leading_out
from wire.kinds.throughput import Direction
from wire.messages import Outcome

MIN_TELLING_BYTES = 1 << 20
"""Less than this runs over any interface at any time: it is no sign of a test gone astray."""
MAX_INTERFACES = 256

F = TypeVar("F")
P = TypeVar("P")
Q = ParamSpec("Q")


class PathWatch:
    """One test's interface and all others, from here until `proven` or `close`."""

    def __init__(self, path: NetPath) -> None:
        """Begin; without an interface there is nothing to watch."""
        self._path = path
        self._changes: Changes | None = None
        self._index: int | None = None
        self._others: dict[str, Counters] = {}
        if path.interface is None:
            return
        try:
            self._changes = Changes(Group.LINK, Group.IPV4_ADDRESS, Group.IPV6_ADDRESS)
            self._index = socket.if_nametoindex(path.interface)
        except OSError:
            self._index = None  # the test itself will find that it is gone
        self._others = _other_counters(path)
        self._started = _tested.begin(path.interface)

    def close(self) -> None:
        """End; harmless when ended."""
        changes, self._changes = self._changes, None
        if changes is not None:
            changes.close()
        interface, self._index = self._path.interface, None
        if interface is not None and self._others is not _ENDED:
            self._others = _ENDED
            _tested.end(interface)

    def proven(
        self, result: TestResult[P], *, claimed_bytes: int | None, upwards: bool = False
    ) -> TestResult[P]:
        """The result, or what became of it: a modem gone, an address changed, a wrong path.

        `claimed_bytes` is the test's payload, sent by us if `upwards`. What the probe ended itself
        stays as it is.
        """
        try:
            error = self._contradiction(claimed_bytes or 0, upwards=upwards)
        finally:
            self.close()
        if error is None or (result.outcome is Outcome.INVALID and error.outcome is Outcome.FAILED):
            return result
        return msgspec.structs.replace(result, outcome=error.outcome, reason=error.reason)

    def _contradiction(self, claimed_bytes: int, *, upwards: bool) -> TrafficError | None:
        if self._path.interface is None:
            return None
        vanished = () if self._changes is None else self._changes.drain()
        ours = {change.kind for change in vanished if change.interface_index == self._index}
        if is_gone(self._path) or Kind.LINK_GONE in ours:
            return gone(self._path)
        if Kind.ADDRESS_GONE in ours:
            return TrafficError("interface", "address changed")
        return wrong_path() if self._went_elsewhere(claimed_bytes, upwards=upwards) else None

    def _went_elsewhere(self, claimed_bytes: int, *, upwards: bool) -> bool:
        """Whether another way out carried just what the test claims, and no test of its own.

        In the test's direction: what the agent sends to its collector meanwhile is no download.
        Ours may have carried as much by chance: then nothing is proven. A way out has a default
        route; what is plugged in besides carries what it likes.
        """
        if claimed_bytes < MIN_TELLING_BYTES:
            return False
        suspects = []
        most_bytes = EXCESS * claimed_bytes + SLACK_BYTES
        for name, after in _other_counters(self._path).items():
            before = self._others.get(name)
            if before is None or _tested.since(name, self._started):
                continue
            carried = after - before
            count = carried.tx_bytes if upwards else carried.rx_bytes
            if claimed_bytes <= count <= most_bytes:
                suspects.append(name)
        return bool(suspects) and not leading_out().isdisjoint(map(self._index_of, suspects))

    def _index_of(self, interface: str) -> int:
        try:
            return int((self._path.statistics / interface / "ifindex").read_text())
        except (OSError, ValueError):
            return -1


def watched(
    claimed_bytes: str,
) -> Callable[
    [Callable[Concatenate[F, Server, NetPath, Q], TestResult[P]]],
    Callable[Concatenate[F, Server, NetPath, Q], TestResult[P]],
]:
    """Run a test under a `PathWatch`.

    `claimed_bytes` names the field of its payload that certainly crossed the path.
    """

    def decorate(
        run: Callable[Concatenate[F, Server, NetPath, Q], TestResult[P]],
    ) -> Callable[Concatenate[F, Server, NetPath, Q], TestResult[P]]:
        def runs_watched(
            profile: F, server: Server, path: NetPath, /, *more: Q.args, **named: Q.kwargs
        ) -> TestResult[P]:
            watch = PathWatch(path)
            try:
                result = run(profile, server, path, *more, **named)
                claimed: int | None = getattr(result.payload, claimed_bytes)
                upwards = getattr(result.payload, "direction", Direction.DOWN) == Direction.UP
                return watch.proven(result, claimed_bytes=claimed, upwards=upwards)
            finally:
                watch.close()

        functools.update_wrapper(runs_watched, run)
        return runs_watched

    return decorate


class _Tested:
    """Which interfaces are under test in this process, and which were."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[str, int] = {}
        self._ended: dict[str, float] = {}

    def begin(self, interface: str) -> float:
        """One more test there; when it began."""
        with self._lock:
            self._running[interface] = self._running.get(interface, 0) + 1
            return time.monotonic()

    def end(self, interface: str) -> None:
        """One less."""
        with self._lock:
            self._running[interface] -= 1
            self._ended[interface] = time.monotonic()

    def since(self, interface: str, started: float) -> bool:
        """Whether a test of its own ran there at any time since."""
        with self._lock:
            running = self._running.get(interface, 0) > 0
            return running or self._ended.get(interface, started) > started


_tested = _Tested()
_ENDED: dict[str, Counters] = {}


def _other_counters(path: NetPath) -> dict[str, Counters]:
    """Of the interfaces that lead elsewhere: not the loopback, and nothing above or below ours."""
    try:
        folders = sorted(path.statistics.iterdir())[:MAX_INTERFACES]
    except OSError:
        return {}
    found = {}
    for folder in folders:
        if folder.name in {"lo", path.interface} or _is_stacked(folder, path.interface):
            continue
        counters = read_counters(msgspec.structs.replace(path, interface=folder.name))
        if counters is not None:
            found[folder.name] = counters
    return found


def _is_stacked(folder: Path, interface: str | None) -> bool:
    return any((folder / f"{way}_{interface}").exists() for way in ("lower", "upper"))
