"""What the collector still lacks, and whether a test here and now would help.

Nothing known, or nothing that is still valid, means that everything runs as planned.
"""

import logging
import math
import threading
from collections import deque
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from agent.budget.period import LOCAL
from agent.clock import Clock
from agent.durable import remove_durably, write_durably
from agent.recorder import Recorder
from agent.runtime import Beat, Stop
from wire.cells import RatClass
from wire.messages import Position, PositionSource
from wire.needs import MAX_BYTES, SampleNeed, SampleNeeds, UnreadableNeedsError, decode_needs

log = logging.getLogger(__name__)

NAME = "needs.json"
BEAT_EVERY_S = 5.0
METRES_PER_DEGREE = 111_320.0


class Question(NamedTuple):
    """A test that could be run."""

    kind: str
    position: Position
    utc: datetime | None
    plmn: str | None
    """Of the operator; None where it is not known."""
    rat_class: RatClass | None
    """What it would run on; None where that is not known."""


class Needs:
    """Keeps the collector's latest message. `hear` and `objection` are for other threads."""

    def __init__(self, *, probe: str, folder: Path, clock: Clock, recorder: Recorder) -> None:
        self._probe = probe
        self._file = folder / NAME
        self._clock = clock
        self._recorder = recorder
        self._latest: deque[bytes] = deque(maxlen=1)
        self._heard = threading.Event()
        self._known: SampleNeeds | None = None

    @property
    def known(self) -> SampleNeeds | None:
        """The latest message, also one that is not valid any more."""
        return self._known

    def hear(self, payload: bytes) -> None:
        """Take a message from the link; it is looked at by our own thread."""
        self._latest.append(payload)
        self._heard.set()

    def run(self, stop: Stop, beat: Beat) -> None:
        """Read what was kept, then keep what is heard, until stopped."""
        self._recall()
        with stop.wakes(self._heard.set):
            while not stop.is_set():
                beat()
                self._heard.wait(BEAT_EVERY_S)
                self._heard.clear()
                while self._latest:
                    self._learn(self._latest.popleft())

    def objection(self, question: Question) -> str | None:
        """Why a test would be one too many; None when it is wanted, or nobody can say."""
        return objection(self._known, question)

    def _learn(self, payload: bytes) -> None:
        if not payload:  # a retained message that was taken back
            self._known = None
            self._put(None)
            return
        try:
            message = self._read(payload)
        except UnreadableNeedsError as error:
            log.warning("what the collector needs cannot be read: %s", error)
            self._recorder.event(
                "needs_unreadable", severity="warning", detail={"reason": str(error)[:500]}
            )
            return
        if message == self._known:
            return
        self._known = message
        self._put(payload)
        log.info("the collector names %d needs", len(message.needs))

    def _put(self, payload: bytes | None) -> None:
        try:
            if payload is None:
                remove_durably(self._file)
            else:
                write_durably(self._file, payload)
        except OSError as error:
            log.warning("what the collector needs is not kept: %s", error)

    def _recall(self) -> None:
        try:
            with self._file.open("rb") as stream:
                self._known = self._read(stream.read(MAX_BYTES + 1))
        except FileNotFoundError:
            return
        except (OSError, UnreadableNeedsError) as error:
            log.warning("%s is not used: %s", self._file, error)

    def _read(self, payload: bytes) -> SampleNeeds:
        message = decode_needs(payload)
        if message.probe != self._probe:
            raise UnreadableNeedsError(f"it is for {message.probe[:80]!r}")
        return message


def objection(known: SampleNeeds | None, question: Question) -> str | None:
    """Why a test would be one too many; None when it is wanted, or nobody can say."""
    utc, position = question.utc, question.position
    lat_deg, lon_deg = position.lat_deg, position.lon_deg
    if known is None or utc is None or utc >= known.valid_until_utc:
        return None
    if position.source is PositionSource.NONE or lat_deg is None or lon_deg is None:
        return None
    here = [need for need in known.needs if _holds(need, lat_deg, lon_deg)]
    hour = utc.astimezone(LOCAL).hour
    if any(_wanted(need, question, hour) for need in here):
        return None
    place = here[0].name if here else "this place"
    what = " ".join(part for part in (question.plmn, question.rat_class) if part is not None)
    return f"needs: {place} has enough samples" + (f" of {what}" if what else "") + " at this hour"


def _wanted(need: SampleNeed, question: Question, hour: int) -> bool:
    """Whether the test would be one of those that are missing; what is not known may fit."""
    return (
        need.missing > 0
        and (need.kind is None or need.kind == question.kind)
        and _may_be(need.plmn, question.plmn)
        and _may_be(need.rat_class, question.rat_class)
        and _in_day_part(need.day_parts, hour)
    )


def _may_be(wanted: str | None, actual: str | None) -> bool:
    return wanted is None or actual is None or wanted == actual


def _in_day_part(parts: Iterable[str], hour: int) -> bool:
    spans = [(int(part[:2]), int(part[3:])) for part in parts]
    return not spans or any(
        first <= hour < after if first < after else hour >= first or hour < after
        for first, after in spans
    )


def _holds(need: SampleNeed, lat_deg: float, lon_deg: float) -> bool:
    circle = need.circle
    if circle is None:
        return _inside(need.polygon, lat_deg, lon_deg)
    north_m = (lat_deg - circle.lat_deg) * METRES_PER_DEGREE
    east_m = (lon_deg - circle.lon_deg) * METRES_PER_DEGREE * math.cos(math.radians(lat_deg))
    return math.hypot(north_m, east_m) <= circle.radius_m


def _inside(polygon: tuple[tuple[float, float], ...], lat_deg: float, lon_deg: float) -> bool:
    """Whether a ray to the east crosses the outline an odd number of times."""
    inside = False
    for (lat_a, lon_a), (lat_b, lon_b) in zip(polygon, (*polygon[1:], polygon[0]), strict=True):
        if (lat_a > lat_deg) != (lat_b > lat_deg):
            crossing = lon_a + (lat_deg - lat_a) / (lat_b - lat_a) * (lon_b - lon_a)
            inside ^= lon_deg < crossing
    return inside
