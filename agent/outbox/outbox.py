"""The thread that owns the outbox's file, and how the other threads talk to it.

`append` returns at once; a record is promised - it will reach the collector whatever happens -
from the commit on, at most `commit_s` later. What is asked of the file is done by its thread.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar
from uuid import UUID

import msgspec

from agent.outbox.errors import (
    OutboxError,
    OutboxFullError,
    OutboxTakenError,
    OutboxTimeoutError,
    UnusableFileError,
)
from agent.outbox.file import (
    CORRUPT_CODES,
    QUICK_CHECK_S,
    Dropped,
    OutboxFile,
    Row,
    drop_rank,
    primary_code,
)
from agent.runtime.stop import Stop
from agent.runtime.supervisor import Beat, Worker, back_off_s
from wire.codec import MAX_LINE_BYTES, encode_record
from wire.control import Ack, Range
from wire.messages import AnyMeasurement

log = logging.getLogger(__name__)

R = TypeVar("R")

ASK_TIMEOUT_S = 5.0
BEAT_EVERY_S = 1.0
COMMIT_AT_MOST_ROWS = 1000
SET_ASIDE_KEPT = 3
"""Damaged files kept for whoever wants to look into them; older ones make room."""
CLEAN_ROLLBACK = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_READONLY}
)
"""Failures after which SQLite is certain that nothing was written."""


class MakesEvents(Protocol):
    """Envelope around what the outbox has to say for itself (`agent.recorder.Envelope.event`)."""

    def __call__(
        self,
        name: str,
        *,
        severity: str = "info",
        detail: Mapping[str, str | int | float | bool | None] | None = None,
    ) -> AnyMeasurement:
        """An event record, unnumbered."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much the outbox keeps and how long it gathers."""

    cap_bytes: int = 512 << 20
    """Of records on disk. Well below the partition: a full disk cannot even be emptied."""
    memory_rows: int = 10_000
    """Waiting to be committed. At 4 rows a second that outlasts 40 minutes without a disk."""
    commit_s: float = 1.0
    """One commit a second writes a tenth of what one commit a row wears off the card."""
    commit_rows: int = 100


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Stored rows of one epoch in the order of their numbers."""

    epoch: UUID
    rows: tuple[Row, ...]


@dataclass(frozen=True, kw_only=True)
class OutboxStats:
    """How the outbox is doing. `None` where its file has not been open yet."""

    epoch: UUID | None
    made: int | None
    """Highest `seq` given out in the epoch."""
    rows: int | None
    bytes: int | None
    dropped: int | None
    """Given up by policy since the epoch began."""
    rejected: int | None
    """Unreadable for the collector, set aside, since the epoch began."""
    refused: int
    """Never accepted, since start: no room in memory, or no record at all."""
    waiting: int
    """Handed over but not committed yet."""
    failing: str | None
    """Why the file cannot be written at the moment."""


@dataclass(frozen=True, kw_only=True)
class _Waiting:
    record: AnyMeasurement
    stored: Future[int] | None = None
    since_s: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """A commit under way; one that is left over had the disk fail while it was at it."""

    epoch: UUID
    first_seq: int
    rows: int
    """Of those waiting; the outbox's own events come on top."""
    last_seq: int
    refused: int


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What other threads may read of the file, as of its last transaction."""

    epoch: UUID | None = None
    made: int | None = None
    rows: int | None = None
    bytes: int | None = None
    dropped: int | None = None
    rejected: int | None = None


_Request = Callable[[OutboxFile], None]


class Outbox:
    """The probe's promise to deliver. `run` is the owner; all else may be called by any thread."""

    def __init__(
        self,
        path: Path,
        *,
        make_event: MakesEvents,
        limits: Limits | None = None,
        delay_s: Callable[[int], float] = back_off_s,
    ) -> None:
        self._path = path
        self._make_event = make_event
        self._limits = Limits() if limits is None else limits
        self._delay_s = delay_s
        self._changed = threading.Condition()
        self._queue: list[_Waiting] = []
        self._requests: deque[_Request] = deque(maxlen=1000)
        self._refused = 0
        self._refused_reported = 0
        self._known = _Known()
        # Below only the owner's thread.
        self._beat: Beat = _no_beat
        self._events: list[AnyMeasurement] = []
        self._attempt: _Attempt | None = None
        self._given_out = 0
        self._checked = False
        self._failures = 0
        self._failing: str | None = None
        self._retry_at_s = 0.0

    def worker(self) -> Worker:
        """For the supervisor: critical, and the last to stop."""
        return Worker(name="outbox", run=self.run, critical=True, stops_last=True)

    @property
    def epoch(self) -> UUID | None:
        """The epoch, or None before the file has been open."""
        return self._known.epoch

    @property
    def made(self) -> int:
        """Highest `seq` committed in the epoch; 0 when none is known."""
        return self._known.made or 0

    def append(self, record: AnyMeasurement) -> bool:
        """Take a record; False, and counted, when it finds no room. Never blocks."""
        return self._admit(_Waiting(record=record))

    def append_and_wait(self, record: AnyMeasurement, timeout_s: float) -> int:
        """Take a record and return its `seq` once it is promised.

        Raises `OutboxFullError`, or `OutboxTimeoutError`: then it may still be stored later.
        """
        stored: Future[int] = Future()
        if not self._admit(_Waiting(record=record, stored=stored)):
            raise OutboxFullError("the record was refused")
        return _result(stored, "stored the record", timeout_s)

    def batch(
        self,
        after_seq: int,
        *,
        max_rows: int,
        max_bytes: int,
        up_to: int = (1 << 63) - 1,
        timeout_s: float = ASK_TIMEOUT_S,
    ) -> Batch | None:
        """The lowest rows above `after_seq`, at least one; None when there is none.

        `max_bytes` is before compression. Raises `OutboxTimeoutError` or another `OutboxError`.
        """

        def read(file: OutboxFile) -> Batch | None:
            rows = file.rows_after(after_seq, up_to=up_to, max_rows=max_rows, max_bytes=max_bytes)
            if not rows:
                return None
            self._given_out = max(self._given_out, rows[-1].seq)
            return Batch(epoch=file.epoch, rows=tuple(rows))

        return self._ask(read, "read a batch", timeout_s)

    def acknowledge(self, ack: Ack) -> None:
        """Forget what the collector has. Does not wait; an ack that is lost comes again."""
        with self._changed:
            self._requests.append(lambda file: self._forget(file, ack))
            self._changed.notify()

    def stats(self) -> OutboxStats:
        """How it is doing, as of the last transaction."""
        known = self._known
        with self._changed:
            return OutboxStats(
                epoch=known.epoch,
                made=known.made,
                rows=known.rows,
                bytes=known.bytes,
                dropped=known.dropped,
                rejected=known.rejected,
                refused=self._refused,
                waiting=len(self._queue),
                failing=self._failing,
            )

    def run(self, stop: Stop, beat: Beat) -> None:
        """Own the file until stopped; what was handed over by then is committed first."""
        self._beat = beat
        with stop.wakes(self._wake):
            while not stop.is_set():
                try:
                    with closing(self._open()) as file:
                        self._serve(file, stop, beat)
                except UnusableFileError as error:
                    self._set_aside(error)
                except OutboxTakenError as error:
                    self._fail(error)
                    self._pause(stop, beat)
                except (sqlite3.Error, OSError) as error:
                    if _is_damage(error):
                        self._set_aside(UnusableFileError(self._path, str(error)))
                    else:
                        self._fail(error)
                        self._pause(stop, beat)
        if self._queue:
            log.error("stopped with %d records never stored", len(self._queue))

    def _admit(self, waiting: _Waiting) -> bool:
        try:
            size = len(encode_record(waiting.record))
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
            log.exception("a %s record cannot be written as JSON", waiting.record.kind)
            size = None
        with self._changed:
            if size is None or size > MAX_LINE_BYTES or not self._has_room(waiting.record):
                self._refused += 1
                return False
            self._queue.append(waiting)
            self._changed.notify()
            return True

    def _has_room(self, record: AnyMeasurement) -> bool:
        """Room in memory, if need be at the cost of a waiting record that matters less."""
        if len(self._queue) < self._limits.memory_rows:
            return True
        safe = 0 if self._attempt is None else self._attempt.rows
        least = min(
            range(safe, len(self._queue)),
            key=lambda index: drop_rank(self._queue[index].record.kind),
            default=None,
        )
        if least is None:
            return False
        if drop_rank(self._queue[least].record.kind) >= drop_rank(record.kind):
            return False
        evicted = self._queue.pop(least)
        self._refused += 1
        if evicted.stored is not None and evicted.stored.set_running_or_notify_cancel():
            evicted.stored.set_exception(OutboxFullError("the record made room for another"))
        return True

    def _ask(self, function: Callable[[OutboxFile], R], what: str, timeout_s: float) -> R:
        """Have the owner's thread call `function` with the file; what that returned."""
        answer: Future[R] = Future()

        def request(file: OutboxFile) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(function(file))
            except sqlite3.Error as error:
                answer.set_exception(OutboxError(str(error)))
                raise

        with self._changed:
            self._requests.append(request)
            self._changed.notify()
        return _result(answer, what, timeout_s)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _open(self) -> OutboxFile:
        file = OutboxFile(self._path, check_s=None if self._checked else QUICK_CHECK_S)
        self._checked = True
        return file

    def _serve(self, file: OutboxFile, stop: Stop, beat: Beat) -> None:
        """Answer and commit until stopped or until the file fails."""
        self._settle(file)
        self._learn(file)
        while not stop.is_set():
            beat()
            self._await_work(stop)
            while self._requests:
                self._requests.popleft()(file)
                self._learn(file)
            if self._due_s() <= time.monotonic():
                self._commit(file)
        while self._queue and self._commit(file):
            beat()

    def _await_work(self, stop: Stop) -> None:
        """Until there is a request or a group is due, but not for long."""
        until_s = time.monotonic() + BEAT_EVERY_S
        with self._changed:
            while not self._requests and not stop.is_set():
                left_s = min(until_s, self._due_s()) - time.monotonic()
                if left_s <= 0:
                    return
                self._changed.wait(left_s)

    def _due_s(self) -> float:
        """When the next group is to be committed, by the monotonic clock."""
        with self._changed:
            if len(self._queue) >= self._limits.commit_rows:
                due_s = 0.0
            elif self._queue:
                due_s = self._queue[0].since_s + self._limits.commit_s
            elif self._events or self._refused > self._refused_reported:
                due_s = 0.0
            else:
                return float("inf")
        return max(due_s, self._retry_at_s)

    def _commit(self, file: OutboxFile) -> bool:
        """Write one group; False when the disk refused and nothing was written."""
        refused = self._refused
        own = list(self._events)
        if refused > self._refused_reported:
            own.append(self._refused_event(refused - self._refused_reported))
        with self._changed:
            group = self._queue[:COMMIT_AT_MOST_ROWS]
            self._attempt = _Attempt(
                epoch=file.epoch,
                first_seq=file.made + 1,
                rows=len(group),
                last_seq=file.made + len(group) + len(own),
                refused=refused,
            )
        try:
            file.write(
                [*(waiting.record for waiting in group), *own],
                cap_bytes=self._limits.cap_bytes,
                on_drop=self._dropped_event,
            )
        except sqlite3.Error as error:
            if primary_code(error) not in CLEAN_ROLLBACK:
                raise
            self._attempt = None
            self._fail(error)
            return False
        self._learn(file)
        self._settle(file)
        return True

    def _settle(self, file: OutboxFile) -> None:
        """Keep or confirm what the last commit was about, by what the file says."""
        with self._changed:
            attempt, self._attempt = self._attempt, None
            if attempt is None or file.epoch != attempt.epoch or file.made < attempt.last_seq:
                return
            group = self._queue[: attempt.rows]
            del self._queue[: attempt.rows]
        self._events.clear()
        self._refused_reported = attempt.refused
        for seq, waiting in enumerate(group, attempt.first_seq):
            if waiting.stored is not None and waiting.stored.set_running_or_notify_cancel():
                waiting.stored.set_result(seq)
        if self._failing is not None:
            log.info("%s can be written again after %d failures", self._path, self._failures)
            self._events.append(
                self._make_event(
                    "outbox_recovered",
                    severity="warning",
                    detail={"failures": self._failures, "reason": self._failing},
                )
            )
        self._failures, self._failing, self._retry_at_s = 0, None, 0.0

    def _forget(self, file: OutboxFile, ack: Ack) -> None:
        """Delete what `ack` covers of our epoch, and nothing the publisher was not given."""
        if ack.epoch != file.epoch:
            log.info("an acknowledgement of epoch %s is not ours", ack.epoch)
            return
        covered: list[Range] = [(1, ack.contiguous_seq), *ack.stored, *ack.rejected]
        highest = max(last for _, last in covered)
        if highest > file.made:
            self._renew_epoch(file, highest)
            return
        try:
            file.forget(
                stored=_clipped([(1, ack.contiguous_seq), *ack.stored], self._given_out),
                rejected=_clipped(ack.rejected, self._given_out),
            )
        except sqlite3.Error as error:
            if primary_code(error) not in CLEAN_ROLLBACK:
                raise
            self._fail(error)

    def _renew_epoch(self, file: OutboxFile, acknowledged_seq: int) -> None:
        """Somebody else went on counting in our epoch: this file is a copy of an older state."""
        old, made = file.epoch, file.made
        new = file.renew_epoch(self._beat)
        self._given_out = 0
        log.error("epoch %s was continued elsewhere up to %d; now %s", old, acknowledged_seq, new)
        self._events.append(
            self._make_event(
                "epoch_conflict",
                severity="error",
                detail={"epoch": str(old), "made": made, "acknowledged_seq": acknowledged_seq},
            )
        )

    def _set_aside(self, error: UnusableFileError) -> None:
        """Move the file out of the way; the next one begins a new epoch."""
        numbers = sorted(
            int(suffix)
            for path in self._path.parent.glob(f"{self._path.name}.corrupt-*")
            if (suffix := path.name.rpartition("-")[2]).isdecimal()
        )
        for number in numbers[: -SET_ASIDE_KEPT + 1 or None]:
            for part in _parts(_aside(self._path, number)):
                part.unlink(missing_ok=True)
        target = _aside(self._path, numbers[-1] + 1 if numbers else 1)
        for part, aside in zip(_parts(self._path), _parts(target), strict=True):
            if part.exists():
                part.rename(aside)
        log.error("%s; kept as %s, a new epoch begins", error, target.name)
        self._given_out = 0
        self._events.append(
            self._make_event(
                "outbox_renewed",
                severity="error",
                detail={"reason": error.reason, "kept_as": target.name},
            )
        )

    def _fail(self, error: Exception) -> None:
        """Say the first failure, count the others, and put the next try off."""
        self._failures += 1
        if self._failing is None:
            log.error("%s cannot be written, records wait in memory: %s", self._path, error)
        self._failing = f"{type(error).__name__}: {error}"
        self._retry_at_s = time.monotonic() + self._delay_s(self._failures)

    def _pause(self, stop: Stop, beat: Beat) -> None:
        while (left_s := self._retry_at_s - time.monotonic()) > 0:
            beat()
            if stop.wait(min(left_s, BEAT_EVERY_S)):
                return

    def _learn(self, file: OutboxFile) -> None:
        """Show the other threads where the file stands."""
        self._known = _Known(
            epoch=file.epoch,
            made=file.made,
            rows=file.rows,
            bytes=file.bytes,
            dropped=file.dropped,
            rejected=file.rejected,
        )

    def _dropped_event(self, dropped: Dropped) -> AnyMeasurement:
        log.warning("gave up %d %s rows: the outbox is full", dropped.count, dropped.kinds)
        return self._make_event(
            "outbox_dropped",
            severity="warning",
            detail={
                "kinds": dropped.kinds,
                "first_seq": dropped.first_seq,
                "last_seq": dropped.last_seq,
                "count": dropped.count,
            },
        )

    def _refused_event(self, count: int) -> AnyMeasurement:
        return self._make_event("outbox_refused", severity="error", detail={"count": count})


def _no_beat() -> None:
    """Before there is a thread nobody waits for its progress."""


def _result(future: Future[R], what: str, timeout_s: float) -> R:
    try:
        return future.result(timeout_s)
    except TimeoutError as error:
        future.cancel()
        raise OutboxTimeoutError(what, timeout_s) from error


def _clipped(spans: Iterable[Range], limit: int) -> list[Range]:
    """The parts of runs up to `limit`."""
    return [(first, min(last, limit)) for first, last in spans if first <= min(last, limit)]


def _is_damage(error: Exception) -> bool:
    return isinstance(error, sqlite3.Error) and primary_code(error) in CORRUPT_CODES


def _aside(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.corrupt-{number}")


def _parts(path: Path) -> tuple[Path, ...]:
    """A database and the two files SQLite keeps beside it."""
    return tuple(path.with_name(path.name + suffix) for suffix in ("", "-wal", "-shm"))
