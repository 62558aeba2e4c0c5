"""Tells a probe without a clock what time it is, at once, whatever the database is busy with.

The answer is worth what this machine's clock is worth: the collector's host has to keep time.
"""

import logging
import queue
import threading
from datetime import UTC, datetime

import msgspec

from collector.ingest.link import Link, Message
from wire import topics
from wire.control import TimeAsked, TimeTold

WAKE_S = 0.25

log = logging.getLogger(__name__)
_decoder = msgspec.json.Decoder(TimeAsked)


class TimeTeller:
    """Answers the questions of one link. `run` is its thread."""

    def __init__(self, link: Link) -> None:
        """Take the questions from the link, and answer by it."""
        self._link = link

    def run(self, stop: threading.Event) -> None:
        """Answer until stopped."""
        while not stop.is_set():
            try:
                question = self._link.questions.get(timeout=WAKE_S)
            except queue.Empty:
                continue
            self._answer(question)

    def _answer(self, question: Message) -> None:
        try:
            asked = _decoder.decode(question.content)
            probe = topics.parse(question.topic).probe
        except (ValueError, RecursionError) as error:
            log.info("%s is no question for the time: %s", question.topic, error)
            return
        told = TimeTold(
            probe=probe, boot_id=asked.boot_id, mono_ns=asked.mono_ns, utc=datetime.now(UTC)
        )
        self._link.publish(topics.time_told(probe), msgspec.json.encode(told), qos=0)
