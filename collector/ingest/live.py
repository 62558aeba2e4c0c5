"""The latest record of each probe and kind as plain JSON for dashboards, once a second at most."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from wire import topics
from wire.codec import encode_record
from wire.messages import AnyMeasurement

INTERVAL_S = 1.0
MAX_TOPICS = 50_000
"""Of which the last value is remembered; beyond it the topic silent for longest is forgotten."""


@dataclass(slots=True)
class _Shown:
    record: AnyMeasurement
    published_s: float
    due: bool


class Live:
    """Which live values are due. Not the truth but the newest glance; it may lose one."""

    def __init__(
        self,
        publish: Callable[[str, bytes], bool],
        is_latest: Callable[[AnyMeasurement], bool] = lambda _: True,
    ) -> None:
        """Publish with this function: topic, content, and whether it was taken.

        `is_latest` says whether no other worker has got a newer one meanwhile.
        """
        self._publish = publish
        self._is_latest = is_latest
        self._shown: dict[str, _Shown] = {}

    def show(self, records: Iterable[AnyMeasurement], now_s: float) -> None:
        """Remember what is newer than what was shown, and publish what may be."""
        for record in records:
            topic = topics.live(record.probe, record.kind)
            before = self._shown.pop(topic, None)
            if before is None:
                shown = _Shown(record, now_s - INTERVAL_S, due=True)
            elif _newer(record, before.record):
                shown = _Shown(record, before.published_s, due=True)
            else:
                shown = before
            self._shown[topic] = shown
        while len(self._shown) > MAX_TOPICS:
            del self._shown[next(iter(self._shown))]
        self.publish_due(now_s)

    def publish_due(self, now_s: float) -> None:
        """Publish what has waited its second."""
        for topic, shown in self._shown.items():
            if shown.due and now_s - shown.published_s >= INTERVAL_S:
                shown.due = self._is_latest(shown.record) and not self._publish(
                    topic, encode_record(shown.record)
                )
                shown.published_s = now_s


def _newer(record: AnyMeasurement, than: AnyMeasurement) -> bool:
    """Within an epoch numbers tell; between epochs the later arrival is believed."""
    return record.epoch != than.epoch or record.seq > than.seq
