"""The thread that delivers: from the outbox to the broker until the collector acknowledges."""

import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from agent.certificate_dates import dates_fit
from agent.clock import Clock
from agent.outbox import MakesEvents, Outbox, OutboxError
from agent.publisher.dialler import Dialler, Path
from agent.publisher.errors import (
    DistrustError,
    LinkError,
    LinkLostError,
    RefusedError,
    UnansweredError,
)
from agent.publisher.hours import Hours
from agent.publisher.link import REFUSED, Broker, Confirmed, Link, News, Received, Subscribed, Will
from agent.publisher.resolve import Resolver
from agent.publisher.sender import Pace, Sender
from agent.runtime.stop import Stop
from agent.runtime.supervisor import Beat, Worker, back_off_s
from wire import topics
from wire.codec import UNDECODABLE
from wire.control import Ack, Presence, TimeAsked, TimeTold

log = logging.getLogger(__name__)

POLL_S = 0.25
BEAT_EVERY_S = 1.0
CALM_S = 60.0
"""A link that lasted longer was a good one: its loss is met with a quick return."""
SHORT_LINKS = 5
"""Mosquitto 2.0 does not say that a session was taken over; so many it closed in a row do."""
CALM_AFTER_PAUSES = 10
"""A link that another probe of this name may have taken over is good after so many pauses."""
UNANSWERED_S = 2.0
"""Longest pause after nobody answered. A call costs 180 bytes, and an uplink that is back has to
be noticed at once."""
LONGEST_REFUSED_PAUSES = 8
MOVE_WITHIN_S = 10.0
"""What is under way is waited for so long before the link moves to a better path."""
ANSWER_S = 0.5
"""A plan that was sent is judged within this."""
NO_SUBSCRIBER = 0x10

_encoder = msgspec.json.Encoder()
_ack_decoder = msgspec.json.Decoder(Ack)
_time_decoder = msgspec.json.Decoder(TimeTold)


@dataclass(frozen=True, kw_only=True)
class PublisherStats:
    """How delivery is doing, since start."""

    connected: bool
    reason: str | None
    """Why there is no link."""
    path: str | None
    """The configured path that carries the link; None without one, or by the system's routing."""
    alarm: str | None
    """The last thing a person has to look at; None once the collector acknowledges again."""
    limited: bool
    """Whether nothing but the time is spoken of, because it is not known."""
    rows_in_flight: int
    bytes_per_s: float
    """What the link is believed to carry."""
    batches_sent: int
    batches_resent: int
    acks: int
    unreadable_acks: int
    connections: int


@dataclass(kw_only=True, eq=False)
class _Counts:
    acks: int = 0
    unreadable_acks: int = 0
    connections: int = 0


class _BetterPathError(LinkError):
    """The link ended because a better path works: no loss."""


class Publisher:
    """Owns the link. `run` is its thread; `stats` may be called by any."""

    def __init__(
        self,
        *,
        probe: str,
        broker: Broker,
        outbox: Outbox,
        presence: Callable[[], Presence],
        record_event: MakesEvents,
        clock: Clock,
        pace: Pace | None = None,
        paths: tuple[Path, ...] = (),
        resolver: Resolver | None = None,
        delay_s: Callable[[int], float] = back_off_s,
        on_needs: Callable[[bytes], None] | None = None,
        on_plan: Callable[[bytes], None] | None = None,
        under_test: Callable[[str | None], bool] = lambda _: False,
        on_answer: Callable[[LinkError | None], None] = lambda _: None,
    ) -> None:
        """`paths` in the order of preference; none: as the system routes.

        `on_needs` is given what the collector lacks, `on_plan` the plans that are sent, as they
        came; they must not block. `under_test` says whether a traffic test runs on an interface
        (None: on any). `on_answer` is told of each attempt to connect: why there is no link, or
        None where there is one.
        """
        self._probe = probe
        self._broker = broker
        self._outbox = outbox
        self._presence = presence
        self._record_event = record_event
        self._clock = clock
        self._pace = Pace() if pace is None else pace
        self._dialler = Dialler(
            broker, paths, resolver, look_every_s=self._pace.better_path_every_s
        )
        self._delay_s = delay_s
        self._on_needs = on_needs
        self._on_plan = on_plan
        self._under_test = under_test
        self._on_answer = on_answer
        self._sender = Sender(
            probe,
            outbox,
            self._pace,
            boot_id=clock.boot_id,
            gives_way=self._is_under_test,
        )
        self._hours = Hours()
        self._counts = _Counts()
        self._connected_s: float | None = None
        self._limited = False
        self._moves_by_s: float | None = None
        self._short_links = 0
        self._refusals = 0
        self._reason: str | None = "not tried yet"
        self._alarms: tuple[str, ...] = ()
        self._presence_due_s = 0.0

    def worker(self) -> Worker:
        """For the supervisor."""
        return Worker(name="publisher", run=self.run, critical=True)

    def stats(self) -> PublisherStats:
        """How delivery is doing."""
        connected, way = self._connected_s is not None, self._dialler.way
        alarms = self._alarms
        return PublisherStats(
            connected=connected,
            reason=self._reason,
            path=way.path if connected and way is not None else None,
            alarm=alarms[-1] if alarms else None,
            limited=connected and self._limited,
            rows_in_flight=self._sender.rows_in_flight,
            bytes_per_s=self._sender.bytes_per_s,
            batches_sent=self._sender.batches_sent,
            batches_resent=self._sender.batches_resent,
            acks=self._counts.acks,
            unreadable_acks=self._counts.unreadable_acks,
            connections=self._counts.connections,
        )

    def run(self, stop: Stop, beat: Beat) -> None:
        """Connect, deliver, and connect again, until stopped."""
        failures = 0
        try:
            while not stop.is_set():
                beat()
                self._connected_s = None
                try:
                    link = self._connect(stop, beat)
                    try:
                        self._deliver(link, stop, beat)
                        self._say_goodbye(link)
                    finally:
                        link.drop()
                except _BetterPathError as error:
                    log.info("%s", error)
                except LinkError as error:
                    calm = self._lost(error)
                    failures = 1 if calm else failures + 1
                    self._pause(self._pause_s(error, failures), stop, beat)
        finally:
            self._connected_s = None
            self._dialler.close()

    def _connect(self, stop: Stop, beat: Beat) -> Link:
        def go_on() -> bool:
            beat()
            return not stop.is_set()

        gone = Presence(probe=self._probe, online=False, epoch=self._outbox.epoch)
        check_dates = self._clock.wall_is_right()
        link = self._dialler.dial(
            client_id=self._probe,
            will=Will(topic=topics.status(self._probe), payload=_encoder.encode(gone)),
            check_dates=check_dates,
            go_on=go_on,
        )
        self._limited = not check_dates and link.peer_certificate is not None
        self._counts.connections += 1
        self._connected_s, self._reason = time.monotonic(), None
        log.info("connected to %s, %s", self._broker.host, self._dialler.way)
        self._on_answer(None)
        return link

    def _deliver(self, link: Link, stop: Stop, beat: Beat) -> None:
        self._sender.restart()
        self._hours.restart()
        self._presence_due_s = 0.0
        self._moves_by_s = None
        link.subscribe(topics.time_told(self._probe))
        if not self._limited:
            self._listen(link)
        while not stop.is_set():
            beat()
            self._say_presence(link)
            self._ask_time(link)
            if self._limited:
                self._judge_dates(link)
            else:
                self._send(link)
            for news in link.poll(POLL_S):
                self._hear(news)
            self._look_around(link)

    def _listen(self, link: Link) -> None:
        link.subscribe(topics.ack(self._probe))
        if self._on_needs is not None:
            link.subscribe(topics.needs(self._probe))
        if self._on_plan is not None:
            link.subscribe(topics.plan(self._probe))

    def _send(self, link: Link) -> None:
        if self._moves_by_s is not None:
            return  # what is under way is to be over soon
        try:
            self._sender.send(link)
        except OutboxError as error:
            log.debug("nothing sent: %s", error)

    def _judge_dates(self, link: Link) -> None:
        """Once the time is known: full mode, or the end of a link to an outdated certificate.

        By our own time: the system clock may stay wrong for long.
        """
        stamp = self._clock.stamp()
        if stamp.utc is None or link.peer_certificate is None:
            return
        if not dates_fit(link.peer_certificate, stamp.utc, stamp.utc_err_s or 0.0):
            raise DistrustError("the broker's certificate is not valid at the time we know now")
        self._limited = False
        log.info("the time is known and the broker's certificate fits it: records are sent")
        self._listen(link)

    def _ask_time(self, link: Link) -> None:
        if not self._hours.is_due(self._clock.state(), time.monotonic()):
            return
        asked = TimeAsked(
            probe=self._probe, boot_id=self._clock.boot_id, mono_ns=self._clock.mono_ns()
        )
        link.publish(topics.time_asked(self._probe), _encoder.encode(asked), qos=0)
        if self._limited and self._hours.nobody_answers:
            self._alarm("nobody tells the time: records wait until GPS, NTP or the collector does")

    def _look_around(self, link: Link) -> None:
        """Leave the link for a better path, or for any that works when this one hangs."""
        if self._dialler.another_works(link.unanswered_s):
            raise UnansweredError("the connection hangs, and another one can be made")
        now_s = time.monotonic()
        if self._moves_by_s is None:
            if self._dialler.better():
                self._moves_by_s = now_s + MOVE_WITHIN_S
        elif not self._sender.rows_in_flight or now_s >= self._moves_by_s:
            link.leave()
            raise _BetterPathError("a better path works again: the link moves to it")

    def _is_under_test(self) -> bool:
        way = self._dialler.way
        return self._under_test(None if way is None else way.interface)

    def _hear(self, news: News) -> None:
        match news:
            case Confirmed(mid=mid, code=code, reason=reason):
                self._sender.at_broker(mid, kept=code < NO_SUBSCRIBER)
                if code >= REFUSED:
                    self._alarm(f"the broker refuses what we publish: {reason}")
                elif code == NO_SUBSCRIBER:
                    self._alarm("no collector listens at the broker")
            case Subscribed(code=code, reason=reason) if code >= REFUSED:
                self._alarm(f"the broker does not let us hear the collector: {reason}")
            case Received():
                self._receive(news)

    def _receive(self, message: Received) -> None:
        topic, payload = message.topic, message.payload
        if topic == topics.time_told(self._probe):
            self._hear_time(payload)
        elif self._limited:
            log.warning("%s is not listened to while the time is unknown", topic)
        elif topic == topics.needs(self._probe) and self._on_needs is not None:
            self._on_needs(payload)
        elif topic == topics.plan(self._probe) and self._on_plan is not None:
            self._on_plan(payload)
            # Whoever sent it waits for the answer, which is in the presence.
            self._presence_due_s = time.monotonic() + ANSWER_S
        elif topic == topics.ack(self._probe):
            self._hear_ack(payload)

    def _hear_time(self, payload: bytes) -> None:
        try:
            told = _time_decoder.decode(payload)
        except UNDECODABLE as error:
            log.warning("the collector's time cannot be read: %s", error)
            return
        self._hours.answered(time.monotonic())
        if self._clock.anchor_by_collector(told, self._clock.mono_ns()):
            self._record_event("clock_anchor", detail={"source": "collector"})

    def _hear_ack(self, payload: bytes) -> None:
        try:
            ack = _ack_decoder.decode(payload)
        except UNDECODABLE as error:
            self._counts.unreadable_acks += 1
            log.warning("an acknowledgement cannot be read: %s", error)
            return
        if ack.sender not in {None, self._clock.boot_id}:
            log.info("an acknowledgement is for another probe of our name")
            return
        self._counts.acks += 1
        self._alarms = ()
        self._refusals = 0
        self._dialler.worked()
        self._sender.acknowledged(ack)

    def _say_presence(self, link: Link) -> None:
        now_s = time.monotonic()
        if now_s < self._presence_due_s:
            return
        self._presence_due_s = now_s + self._pace.presence_every_s
        said = _encoder.encode(self._presence())
        link.publish(topics.status(self._probe), said, qos=1, retain=True)

    def _say_goodbye(self, link: Link) -> None:
        gone = _encoder.encode(msgspec.structs.replace(self._presence(), online=False))
        link.close(after=link.publish(topics.status(self._probe), gone, qos=1, retain=True))

    def _alarm(self, what: str) -> None:
        """Say what a person has to look at, once until an acknowledgement arrives again."""
        if what in self._alarms:
            return
        self._alarms = (*self._alarms, what)
        log.error("%s", what)
        self._record_event("uplink_alarm", severity="error", detail={"reason": what})

    def _lost(self, error: LinkError) -> bool:
        """Say a loss once; whether the link had lasted, so that it is worth to hurry back."""
        lasted_s = None if self._connected_s is None else time.monotonic() - self._connected_s
        if lasted_s is not None:
            log.warning("lost the link to %s: %s", self._broker.host, error)
        elif self._reason != str(error):
            log.info("no link to %s: %s", self._broker.host, error)
        self._connected_s, self._reason = None, str(error)
        if isinstance(error, RefusedError | DistrustError):
            self._refusals += 1
            self._alarm(str(error))
        if lasted_s is None:
            self._on_answer(error)
            return False
        suspected = self._short_links >= SHORT_LINKS
        calm_s = CALM_AFTER_PAUSES * self._pace.refused_pause_s if suspected else CALM_S
        if lasted_s >= calm_s:
            self._short_links = 0
        elif isinstance(error, LinkLostError):
            self._short_links += 1
            if self._short_links == SHORT_LINKS:
                self._alarm(
                    "the link ends soon after it begins, again and again: does another probe"
                    f" call itself {self._probe}?"
                )
        return lasted_s >= calm_s

    def _pause_s(self, error: LinkError, failures: int) -> float:
        pause_s = self._delay_s(failures)
        if isinstance(error, UnansweredError):
            return min(pause_s, UNANSWERED_S)
        spread = random.uniform(1.0, 1.5)  # noqa: S311  # spreads load, guards nothing
        refused_s = self._pace.refused_pause_s * spread
        if isinstance(error, RefusedError | DistrustError):
            refused_s *= min(2.0 ** min(self._refusals - 1, 16), LONGEST_REFUSED_PAUSES)
            return max(pause_s, refused_s)
        return max(pause_s, refused_s) if self._short_links >= SHORT_LINKS else pause_s

    def _pause(self, pause_s: float, stop: Stop, beat: Beat) -> None:
        until_s = time.monotonic() + pause_s
        while (left_s := until_s - time.monotonic()) > 0:
            beat()
            if stop.wait(min(left_s, BEAT_EVERY_S)):
                return
