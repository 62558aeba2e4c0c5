"""The thread that owns the outbox's file, and how the other threads talk to it.

`append` returns at once; a record is promised - it will reach the collector whatever happens -
from the commit on, at most `commit_s` later. What is asked of the file is done by its thread.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from uuid import UUID

import msgspec

from agent.outbox.errors import (
    OutboxError,
    OutboxFullError,
    OutboxTakenError,
    OutboxTimeoutError,
    UnusableFileError,
)
from agent.outbox.events import Detail, MakesEvents
from agent.outbox.file import (
    CORRUPT_CODES,
    QUICK_CHECK_S,
    Dropped,
    OutboxFile,
    Row,
    primary_code,
)
from agent.outbox.lending import Lending, covered_by
from agent.outbox.log_watch import LogWatch
from agent.outbox.reserve import Reserve
from agent.outbox.room import Room
from agent.outbox.set_aside import finish, set_aside
from agent.outbox.waiting import Losses, Waiting, WaitingRecords
from agent.outbox.watermark import Carried, Watermark
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
ACKS_KEPT = 100
"""Waiting for the next commit. One that is lost comes again."""
CLEAN_ROLLBACK = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
"""Failures after which SQLite is certain that nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much the outbox keeps and how long it gathers."""

    cap_bytes: int = 512 << 20
    """Of records on disk. Well below the partition: a full disk cannot even be emptied."""
    memory_rows: int = 5_000
    """Waiting to be committed, about 3 KB each: 20 minutes at 4 rows a second without a disk, an
    hour and more of them thinned out."""
    commit_s: float = 1.0
    """One commit a second writes a tenth of what one commit a row wears off the card."""
    commit_rows: int = 100
    reserve_bytes: int = 4 << 20
    """Kept free for the moment when others have filled the disk."""
    log_bytes: int = 256 << 20
    """Of write-ahead log, while a reader keeps it from being reused: days at 4 rows a second."""


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
    left_out: int = 0
    """Accepted and given up again before they were stored, since start."""


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    """A commit under way; one that is left over had the disk fail while it was at it."""

    epoch: UUID
    first_seq: int
    rows: int
    """Of those waiting; the outbox's own events come on top."""
    last_seq: int
    losses: Losses
    """Reported by it."""
    events: int
    """Of those to be said, in it."""


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
        watermark: Path | None = None,
        limits: Limits | None = None,
        delay_s: Callable[[int], float] = back_off_s,
    ) -> None:
        """`watermark` names a file on a RAM disk, to know an older copy by."""
        self._path = path
        self._make_event = make_event
        self._limits = limits = Limits() if limits is None else limits
        self._delay_s = delay_s
        self._changed = threading.Condition()
        self._queue = WaitingRecords(limits.memory_rows)
        self._requests: deque[_Request] = deque(maxlen=1000)
        self._known = _Known()
        # Below only the owner's thread.
        self._beat: Beat = _no_beat
        self._events: list[AnyMeasurement] = []
        self._attempt: _Attempt | None = None
        self._given_out = 0
        self._acks: deque[Ack] = deque(maxlen=ACKS_KEPT)
        self._acks_since_s = 0.0
        self._unnoted = False
        self._born: UUID | None = None
        self._checked = False
        self._failures = 0
        self._failing: str | None = None
        self._retry_at_s = 0.0
        self._watermark = Watermark(watermark)
        self._carried = Carried(path)
        self._lending = Lending(self._carried, trusted=False)
        self._room = Room(
            Reserve(path.with_name(path.name + ".reserve"), limits.reserve_bytes),
            cap_bytes=limits.cap_bytes,
            reserve_bytes=limits.reserve_bytes,
            say=self._say,
        )
        self._log = LogWatch(path, most_bytes=limits.log_bytes, say=self._say)

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
        return self._admit(Waiting(record=record))

    def append_and_wait(self, record: AnyMeasurement, timeout_s: float) -> int:
        """Take a record and return its `seq` once it is promised.

        Raises `OutboxFullError`, or `OutboxTimeoutError`: then it may still be stored later.
        """
        stored: Future[int] = Future()
        if not self._admit(Waiting(record=record, stored=stored)):
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

        `max_bytes` is before compression. Raises `OutboxTimeoutError`, `OutboxWithheldError` - the
        collector has to answer for earlier rows first - or another `OutboxError`.
        """

        def read(file: OutboxFile) -> Batch | None:
            rows = self._lending.rows(
                file, after_seq, up_to=up_to, max_rows=max_rows, max_bytes=max_bytes
            )
            if not rows:
                return None
            self._given_out = max(self._given_out, rows[-1].seq)
            return Batch(epoch=file.epoch, rows=tuple(rows))

        return self._ask(read, "read a batch", timeout_s)

    def acknowledge(self, ack: Ack) -> None:
        """Forget what the collector has. Does not wait; an ack that is lost comes again."""
        with self._changed:
            self._requests.append(lambda file: self._hear(file, ack))
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
                refused=self._queue.refused,
                left_out=self._queue.left_out,
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
                    self._replace(error, stop, beat)
                except sqlite3.Error as error:
                    if primary_code(error) in CORRUPT_CODES:
                        self._replace(UnusableFileError(self._path, str(error)), stop, beat)
                        continue
                    if primary_code(error) == sqlite3.SQLITE_FULL:
                        self._room.make_way()
                    self._fail(error)
                    self._pause(stop, beat)
                except (OSError, OutboxTakenError) as error:
                    self._fail(error)
                    self._pause(stop, beat)
        if self._queue:
            log.error("stopped with %d records never stored", len(self._queue))

    def _admit(self, waiting: Waiting) -> bool:
        try:
            size = len(encode_record(waiting.record))
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError):
            log.exception("a %s record cannot be written as JSON", waiting.record.kind)
            size = None
        with self._changed:
            if size is None or size > MAX_LINE_BYTES:
                self._queue.refuse()
                return False
            safe = 0 if self._attempt is None else self._attempt.rows
            taken = self._queue.add(waiting, safe=safe)
            self._changed.notify()
            return taken

    def _ask(self, function: Callable[[OutboxFile], R], what: str, timeout_s: float) -> R:
        """Have the owner's thread call `function` with the file; what that returned."""
        answer: Future[R] = Future()

        def request(file: OutboxFile) -> None:
            if not answer.set_running_or_notify_cancel():
                return
            try:
                answer.set_result(function(file))
            except OutboxError as error:
                answer.set_exception(error)
                if isinstance(error, UnusableFileError):
                    raise
            except sqlite3.Error as error:
                answer.set_exception(OutboxError(str(error)))
                self._refused_by_disk(file, error)

        with self._changed:
            self._requests.append(request)
            self._changed.notify()
        return _result(answer, what, timeout_s)

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _open(self) -> OutboxFile:
        finish(self._path)
        new = not self._path.exists()
        file = OutboxFile(self._path, check_s=None if self._checked else QUICK_CHECK_S)
        self._checked = True
        if new:
            self._born = file.epoch
        return file

    def _serve(self, file: OutboxFile, stop: Stop, beat: Beat) -> None:
        """Answer and commit until stopped or until the file fails."""
        self._settle(file)
        self._begin(file)
        self._room.look(file)
        self._learn(file)
        while not stop.is_set():
            beat()
            self._await_work(stop)
            while self._requests:
                self._requests.popleft()(file)
                self._learn(file)
            if self._due_s() <= time.monotonic():
                self._commit(file)
        while (self._queue or self._acks) and self._commit(file):
            beat()

    def _begin(self, file: OutboxFile) -> None:
        """See whether the file is what it was when this computer last wrote it."""
        if file.epoch != self._known.epoch:
            # A new file, or one that was numbered anew although the disk did not confirm it.
            self._given_out = 0
            self._acks.clear()
        promised = max(self._watermark.of(file.epoch), self._carried.of(file.epoch))
        if promised > file.made:
            self._renew_epoch(file, detail={"promised_seq": promised})
        self._lending = Lending(self._carried, trusted=file.epoch == self._born)

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
            since_s = [self._acks_since_s] if self._acks else []
            if self._queue.oldest_since_s is not None:
                since_s.append(self._queue.oldest_since_s)
            if len(self._queue) >= self._limits.commit_rows:
                due_s = 0.0
            elif since_s:
                due_s = min(since_s) + self._limits.commit_s
            elif self._events or self._queue.has_losses:
                due_s = 0.0
            else:
                return float("inf")
        return max(due_s, self._retry_at_s)

    def _commit(self, file: OutboxFile) -> bool:
        """Forget and write one group; False when the disk refused and nothing was done."""
        if not self._log.has_room(file):
            self._fail(OutboxError("a reader keeps the log from being reused"))
            return False
        with self._changed:
            losses = self._queue.take_losses()
            own = [*self._events, *self._told(losses)]
            group = self._queue.first(self._room.group_rows or COMMIT_AT_MOST_ROWS)
            self._attempt = _Attempt(
                epoch=file.epoch,
                first_seq=file.made + 1,
                rows=len(group),
                last_seq=file.made + len(group) + len(own),
                losses=losses,
                events=len(self._events),
            )
        try:
            with file.transaction():
                self._forget(file)
                file.write(
                    [*(waiting.record for waiting in group), *own],
                    cap_bytes=self._room.cap_bytes,
                    on_drop=self._dropped_event,
                    most_dropped_bytes=self._room.most_dropped_bytes,
                )
        except sqlite3.Error as error:
            return self._refused_by_disk(file, error) or self._forget_alone(file)
        self._acks.clear()
        self._settle(file)
        self._learn(file)
        self._room.look(file)
        if not self._room.full:
            file.tidy()
        self._log.look()
        return True

    def _forget(self, file: OutboxFile) -> None:
        """Delete what the collector has of what the publisher was given."""
        for ack in self._acks:
            file.forget(
                stored=_clipped([(1, ack.contiguous_seq), *ack.stored], self._given_out),
                rejected=_clipped(ack.rejected, self._given_out),
            )

    def _forget_alone(self, file: OutboxFile) -> bool:
        """Deleting may find room on the disk where writing does not, and make some."""
        if not self._acks:
            return False
        try:
            with file.transaction():
                self._forget(file)
        except sqlite3.Error as error:
            if primary_code(error) not in CLEAN_ROLLBACK:
                raise
            return False
        self._acks.clear()
        self._learn(file)
        return True

    def _refused_by_disk(self, file: OutboxFile, error: sqlite3.Error) -> bool:
        """Whether to try again at once; raises `error` where only opening the file again tells."""
        if primary_code(error) not in CLEAN_ROLLBACK:
            raise error
        self._settle(file)
        if primary_code(error) == sqlite3.SQLITE_FULL and self._room.ran_out(file):
            return True
        self._fail(error)
        return False

    def _settle(self, file: OutboxFile) -> None:
        """Keep or confirm what the last commit was about, by what the file says."""
        with self._changed:
            attempt, self._attempt = self._attempt, None
            if attempt is None:
                return
            if file.epoch != attempt.epoch or file.made < attempt.last_seq:
                self._queue.give_back(attempt.losses)
                return
            group = self._queue.done(attempt.rows)
        del self._events[: attempt.events]
        for seq, waiting in enumerate(group, attempt.first_seq):
            if waiting.stored is not None and waiting.stored.set_running_or_notify_cancel():
                waiting.stored.set_result(seq)
        if self._failing is not None:
            log.info("%s can be written again after %d failures", self._path, self._failures)
            self._say(
                "outbox_recovered",
                severity="warning",
                detail={"failures": self._failures, "reason": self._failing},
            )
        self._failures, self._failing, self._retry_at_s = 0, None, 0.0

    def _hear(self, file: OutboxFile, ack: Ack) -> None:
        """Keep an acknowledgement for the next commit, or begin a new epoch if it is not ours."""
        if ack.epoch != file.epoch:
            log.info("an acknowledgement of epoch %s is not ours", ack.epoch)
        elif self._lending.is_foreign(file, ack):
            highest = max(last for _, last in (*covered_by(ack), *ack.conflicts))
            # Said to this probe alone, what is stored is ours. Of the last one only with conflicts:
            # an answer that goes beyond our numbers is about rows of another outbox.
            heard = (*self._acks, ack) if ack.conflicts else self._acks
            ours = [each for each in heard if each.sender is not None]
            self._acks = deque(ours, maxlen=ACKS_KEPT)
            try:
                self._renew_epoch(file, detail={"acknowledged_seq": highest})
            except sqlite3.Error as error:
                self._refused_by_disk(file, error)
        else:
            self._acks_since_s = self._acks_since_s if self._acks else time.monotonic()
            self._acks.append(ack)

    def _renew_epoch(self, file: OutboxFile, detail: Detail) -> None:
        """Somebody else went on counting in our epoch: this file is a copy of an older state."""
        old, made = file.epoch, file.made
        with file.transaction():
            self._forget(file)
            new = file.renew_epoch(self._beat)
        self._born, self._given_out = new, 0
        self._acks.clear()
        self._lending = Lending(self._carried, trusted=True)
        log.error("epoch %s was continued elsewhere (%s); now %s", old, dict(detail), new)
        self._say(
            "epoch_conflict", severity="error", detail={"epoch": str(old), "made": made, **detail}
        )

    def _replace(self, error: UnusableFileError, stop: Stop, beat: Beat) -> None:
        """Put a new file, with what could be saved, in the place of one that cannot be used."""
        try:
            detail = set_aside(error, watermark=self._watermark, progress=beat)
        except (sqlite3.Error, OSError, OutboxError) as trouble:
            self._room.make_way()
            self._fail(trouble)
            self._pause(stop, beat)
        else:
            self._checked = True
            self._say("outbox_renewed", severity="error", detail=detail)

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
        try:
            self._watermark.note(file.epoch, file.made)
        except OSError as error:
            level = logging.DEBUG if self._unnoted else logging.WARNING
            log.log(level, "what is promised cannot be noted outside the outbox: %s", error)
            self._unnoted = True
        else:
            self._unnoted = False

    def _say(self, name: str, *, severity: str = "info", detail: Detail | None = None) -> None:
        """Put an event on record with the next commit."""
        self._events.append(self._make_event(name, severity=severity, detail=detail))

    def _dropped_event(self, dropped: Dropped) -> AnyMeasurement:
        # That the disk is full was said once.
        level = logging.DEBUG if self._room.full else logging.WARNING
        log.log(level, "gave up %d %s rows: the outbox is full", dropped.count, dropped.kinds)
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

    def _told(self, losses: Losses) -> Iterator[AnyMeasurement]:
        """What did not get as far as the disk."""
        if losses.refused:
            detail: Detail = {"count": losses.refused}
            yield self._make_event("outbox_refused", severity="error", detail=detail)
        for kind, lost in losses.left_out.items():
            yield self._make_event(
                "outbox_thinned",
                severity="error",
                detail={
                    "kinds": kind,
                    "count": lost.count,
                    "first_mono_ns": lost.first_mono_ns,
                    "last_mono_ns": lost.last_mono_ns,
                    "one_of": lost.one_of,
                },
            )


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
