"""Which plan the probe follows: its own, or one that was sent to it until that ends.

A plan that was sent takes the place of the tables it names, and stays there while the probe's own
configuration is read again. It ends when its time is over or another message withdraws it.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from agent.clock import Clock
from agent.config import ConfigError, load
from agent.planned import other_plan
from agent.recorder import Recorder
from agent.remote_plan import (
    NAME,
    Followed,
    Sent,
    Standing,
    has_ended,
    judge,
    keep,
    recall,
    refuse_stale,
    stand,
)
from agent.runtime import Beat, Stop
from agent.scheduler import Replaced
from agent.words import printable
from wire.control import PlanAnswer
from wire.signed_plan import MAX_BYTES, RefusedPlanError, digest

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
HEARD_AT_ONCE = 4
"""Messages that may wait; the topic is retained, so the last one is what counts."""
MAX_PROBLEM = 300
"""Characters."""


class _Heard(NamedTuple):
    """The last message, and why it was refused."""

    digest: str | None
    number: int | None
    problem: str | None


class PlanInForce:
    """Owns the choice. `hear`, `read_again` and `answer` are for other threads."""

    def __init__(
        self,
        own: Followed,
        *,
        file: Path,
        clock: Clock,
        recorder: Recorder,
        take_up: Callable[[Followed], Replaced],
    ) -> None:
        """`own` is what `file` says; `take_up` goes on with another plan for the same modems."""
        self._own = own
        self._file = file
        self._folder = file.absolute().parent
        self._clock = clock
        self._recorder = recorder
        self._take_up = take_up
        self._inbox: deque[bytes] = deque(maxlen=HEARD_AT_ONCE)
        self._wants_file = False
        self._asked = threading.Event()
        self._standing = self._recall()
        self._last = _recalled(self._standing)
        self._told_recalled = False

    @property
    def at_start(self) -> Followed:
        """What is followed before `run`: what was sent and kept, or our own."""
        return self._standing.followed

    def answer(self) -> PlanAnswer | None:
        """What is said to the last message; None where there never was one."""
        last, now = self._last, self._standing
        if last is None:
            return None
        message = None if now.sent is None else now.sent.message
        return PlanAnswer(
            digest=last.digest,
            number=last.number,
            accepted=last.problem is None,
            problem=last.problem,
            accepted_number=None if message is None else message.number,
            in_force=now.in_force,
            in_force_until_utc=message.valid_until_utc if message and now.in_force else None,
        )

    def hear(self, payload: bytes) -> None:
        """Take a message from the link; it is looked at by our own thread."""
        self._inbox.append(payload[: MAX_BYTES + 1])
        self._asked.set()

    def read_again(self) -> None:
        """Read the probe's own configuration again."""
        self._wants_file = True
        self._asked.set()

    def run(self, stop: Stop, beat: Beat) -> None:
        """Change the plan when it is to be changed, until stopped."""
        self._tell_recalled()
        with stop.wakes(self._asked.set):
            while not stop.is_set():
                beat()
                self._asked.wait(LOOK_EVERY_S)
                self._asked.clear()
                if self._wants_file:
                    self._wants_file = False
                    self._read_own()
                while self._inbox:
                    beat()
                    self._read(self._inbox.popleft())
                self._look_at_time()

    def _read(self, payload: bytes) -> None:
        if not payload:
            return  # the broker was told to forget the message; only a signed one takes a plan back
        number = None
        try:
            config = self._own.config
            sent = judge(payload, probe=config.probe, public_keys=config.plan_updates.public_keys)
            number = sent.message.number
            self._accept(sent)
        except RefusedPlanError as error:
            self._refuse(_Heard(digest(payload), number or error.number, error.reason))
        except OSError as error:
            reason = f"it cannot be kept: {error.strerror}"
            self._refuse(_Heard(digest(payload), number, reason))
        else:
            self._last = _Heard(digest(payload), number, None)

    def _accept(self, sent: Sent) -> None:
        """Follow what was sent; raises `RefusedPlanError` or OSError, then nothing changed."""
        now = self._standing
        if sent == now.sent and now.problem is None:
            return  # retained messages come again with each connection
        if sent != now.sent:
            refuse_stale(sent.message, now.sent, self._clock.stamp().utc)
        standing = self._stand(self._own, sent)
        if standing.problem is not None:
            raise RefusedPlanError(standing.problem)
        keep(sent, self._own.config.state_dir)
        self._change(standing, why=f"number {sent.message.number} withdraws it")

    def _refuse(self, heard: _Heard) -> None:
        heard = heard._replace(problem=printable((heard.problem or "")[:MAX_PROBLEM])[:MAX_PROBLEM])
        if heard != self._last:
            self._last = heard
            detail = {} if heard.number is None else {"number": heard.number}
            self._tell_refused(heard.problem, detail)

    def _read_own(self) -> None:
        try:
            config = load(self._file)
            own = Followed(config, other_plan(self._own.config, config))
        except ConfigError as error:
            self._tell_refused(str(error.problems[0]), {"more": len(error.problems) - 1})
            return
        standing = self._stand(own, self._standing.sent)
        if standing.problem is not None and self._standing.in_force:
            misfit = f"{self._file.name}: the plan that was sent does not fit: {standing.problem}"
            self._tell_refused(misfit, {})
            return
        self._own = own
        self._change(standing, why="")

    def _look_at_time(self) -> None:
        now = self._standing
        if not now.in_force or now.sent is None:
            return
        if has_ended(now.sent.message, self._clock.stamp().utc):
            self._change(self._stand(self._own, now.sent), why="its time is over")

    def _stand(self, own: Followed, sent: Sent | None) -> Standing:
        return stand(own, sent, folder=self._folder, utc=self._clock.stamp().utc)

    def _change(self, standing: Standing, *, why: str) -> None:
        before, self._standing = self._standing, standing
        kept, begun, ended = self._take_up(standing.followed)
        detail = {"kept": kept, "begun": begun, "ended": ended}
        log.info("plan: %d kept, %d begun, %d ended", kept, begun, ended)
        if standing.in_force and standing.sent is not None:
            detail["number"] = standing.sent.message.number
            log.info("the plan that was sent, number %d, is in force", detail["number"])
        self._recorder.event("plan_accepted", detail=detail)
        if before.in_force and before.sent is not None and not standing.in_force:
            number = before.sent.message.number
            log.info("the plan that was sent, number %d, has ended: %s", number, why)
            self._recorder.event("plan_ended", detail={"number": number, "why": why})

    def _recall(self) -> Standing:
        try:
            return recall(self._own, folder=self._folder, utc=self._clock.stamp().utc)
        except OSError as error:
            return Standing(followed=self._own, problem=f"{NAME}: {error.strerror}")

    def _tell_recalled(self) -> None:
        """Say once what became of the plan that was kept over the last end."""
        standing = self._standing
        if self._told_recalled:
            return
        self._told_recalled = True
        if standing.problem is not None:
            self._tell_refused(standing.problem, {})
        elif standing.in_force and standing.sent is not None:
            log.info("the plan that was sent, number %d, is in force", standing.sent.message.number)

    def _tell_refused(self, problem: str | None, detail: dict[str, int]) -> None:
        self._recorder.event(
            "plan_refused", severity="warning", detail={"problem": problem, **detail}
        )
        log.warning("the plan is not changed: %s", problem)


def _recalled(standing: Standing) -> _Heard | None:
    if standing.sent is None:
        return None if standing.problem is None else _Heard(None, None, standing.problem)
    sent = standing.sent
    return _Heard(digest(sent.payload), sent.message.number, standing.problem)
