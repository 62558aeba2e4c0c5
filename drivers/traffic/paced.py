"""A paced attempt: one body, read no faster than the pace, says whether a target rate is reached.

Reading slowly fills the socket's receive buffer, and TCP's flow control then holds the sender, so
any HTTP server will do. `pace` is the arithmetic.
"""

import socket
import threading

from drivers.traffic.allowance import Allowance
from drivers.traffic.http import CHUNK_BYTES, Fuse, Transfer, connect_to
from drivers.traffic.netpath import NetPath
from drivers.traffic.pace import Bucket, Pace
from drivers.traffic.profile import Paced, VideoProfile
from drivers.traffic.result import (
    CancelledError,
    OnProgress,
    Progress,
    Server,
    TrafficError,
)
from wire.kinds.video import Payload, Segment
from wire.messages import Outcome

ROOM_S = 0.15
"""The receive buffer holds what comes at the pace in this time: the longest round trip at which
the link can still be filled."""


class PacedAttempt:
    """One attempt, by one thread."""

    def __init__(
        self,
        profile: VideoProfile,
        server: Server,
        path: NetPath,
        cancel: threading.Event,
        on_progress: OnProgress,
        *,
        allowance: Allowance,
    ) -> None:
        """Nothing is sent before `run`. The profile has a `paced` table."""
        paced = profile.paced or Paced()
        self._profile = profile
        self._server = server
        self._path = path
        self._cancel = cancel
        self._on_progress = on_progress
        self._allowance = allowance
        self._pace = Pace(
            target_bits_per_second=profile.target_bits_per_second,
            window_s=paced.window_s,
            factor=paced.pace,
        )
        self._bucket = Bucket(self._pace.bits_per_second)
        self._received_bytes = 0
        self._requested_s = 0.0
        self._first_byte_s: float | None = None
        self._ended_s: float | None = None
        self._answer: bool | None = None
        self._told_s = 0.0

    def run(self) -> TrafficError | None:
        """Read until the answer is certain; gives what prevented one."""
        error: TrafficError | None
        try:
            error = self._read().error
        except TrafficError as failure:
            error = failure
        if self._ended_s is None:
            self._ended_s = self._allowance.elapsed_s
        known = error is None or error.outcome is Outcome.FAILED
        if self._answer is None and known:
            self._answer = self._pace.answer(self._received_bytes, self._ended_s)
        # A link that brought something and then too little is an answer, not a failure.
        return None if self._answer is not None and self._received_bytes else error

    def payload(self, *, cut_off: bool) -> Payload:
        """What there is to tell, whether there is an answer or not."""
        received, ended_s = self._received_bytes, self._ended_s or self._allowance.elapsed_s
        first_byte_s = self._first_byte_s
        told = received or self._answer is not None  # otherwise nothing is known of the network
        return Payload(
            height=self._profile.height,
            protocol="paced",
            media_s=self._pace.window_s,
            payload_bytes=received,
            outstanding_s=ended_s,
            bits_per_second=8 * received / ended_s if ended_s > 0 and told else None,
            ip_access_s=first_byte_s,
            cut_off=cut_off and first_byte_s is not None,
            answer=self._answer,
            answer_error_share=None
            if self._answer is None
            else self._pace.error_share(first_byte_s),
            paced_bits_per_second=self._pace.bits_per_second,
            early_stop=self._answer is False and ended_s < self._pace.window_s,
            segments=(
                Segment(
                    index=0,
                    height=self._profile.height,
                    media_s=self._pace.window_s,
                    payload_bytes=received,
                    requested_s=0.0,
                    first_byte_s=first_byte_s,
                    outstanding_s=ended_s,
                    complete=received >= self._pace.body_bytes,
                ),
            ),
        )

    def _read(self) -> Transfer:
        window_s = self._pace.window_s
        left_s = max(window_s - self._allowance.elapsed_s, 0.0)
        with _NarrowFuse(self._cancel, deadline_s=left_s, pace=self._pace) as fuse:
            connection = connect_to(self._server, self._path, fuse, timeout_s=window_s)
            try:
                size = self._pace.body_bytes
                return connection.get(
                    f"/segment/{self._profile.height}/0?bytes={size}",
                    silence_s=window_s,
                    expected_bytes=size,
                    on_bytes=self._hear,
                )
            finally:
                connection.close()

    def _hear(self, count: int) -> None:
        """A piece has come: end the transfer if the answer is certain, else wait for the pace."""
        now_s = self._allowance.elapsed_s
        if self._first_byte_s is None:
            self._first_byte_s = now_s
        self._received_bytes += count
        answer = self._pace.answer(self._received_bytes, now_s)
        more_may_wait = count >= CHUNK_BYTES and now_s < self._pace.window_s
        if answer is False and more_may_wait:  # a busy computer reads late what was in time
            answer = None
        self._answer = answer
        if self._answer is not None:
            self._ended_s = now_s
            self._allowance.used_bytes += count
            raise _AnsweredError
        self._allowance.spend(count)
        if now_s - self._told_s >= 1.0:
            self._told_s = now_s
            self._on_progress(
                Progress(
                    stage="paced",
                    elapsed_s=now_s,
                    bits_per_second=8 * self._received_bytes / now_s,
                    payload_bytes=self._received_bytes,
                )
            )
        if self._cancel.wait(self._bucket.pause_s(count, now_s=now_s)):
            raise CancelledError


class _AnsweredError(TrafficError):
    """Ends the transfer: nothing more is to be learnt."""

    def __init__(self) -> None:
        super().__init__("probe", "answered")


class _NarrowFuse(Fuse):
    """Gives its sockets a receive buffer so small that a slow reader holds the sender."""

    def __init__(self, cancel: threading.Event, *, deadline_s: float, pace: Pace) -> None:
        super().__init__(cancel, deadline_s=deadline_s)
        self._room_bytes = round(pace.bits_per_second / 8 * ROOM_S)

    def guard(self, stream: socket.socket) -> None:
        if _can_hold(self._room_bytes):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._room_bytes)
        super().guard(stream)


def _can_hold(room_bytes: int) -> bool:
    """Whether the kernel grants such a buffer (net.core.rmem_max): a smaller one slows the link.

    Where it does not, its own stays, which grows only as fast as it is read.
    """
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room_bytes)
        # The kernel doubles it for its own needs, socket(7).
        return trial.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) >= 2 * room_bytes
