"""Topics of the MQTT side, version 1 (see docs/reference/mqtt.md).

A probe writes below `dosong/v1/<probe>/up/` and reads below `.../down/`; the collector does the
reverse and keeps the latest record of each kind, as plain JSON, below `.../live/`.
"""

from typing import NamedTuple

from wire.codec import PROBE_NAME

ROOT = "dosong/v1"


class UnknownTopicError(ValueError):
    """The topic is not one of ours, or names no possible probe."""


class Topic(NamedTuple):
    """A topic taken apart, e.g. `("dn-01", "up", "data")`."""

    probe: str
    side: str
    leaf: str


def data(probe: str) -> str:
    """Batches of records, probe to collector."""
    return f"{ROOT}/{probe}/up/data"


def status(probe: str) -> str:
    """Retained presence of a probe."""
    return f"{ROOT}/{probe}/up/status"


def ack(probe: str) -> str:
    """What the collector has stored."""
    return f"{ROOT}/{probe}/down/ack"


def plan(probe: str) -> str:
    """Signed plan updates, collector to probe."""
    return f"{ROOT}/{probe}/down/plan"


def needs(probe: str) -> str:
    """Where the collector lacks samples, retained."""
    return f"{ROOT}/{probe}/down/needs"


def time_asked(probe: str) -> str:
    """A probe that does not know the time asks for it."""
    return f"{ROOT}/{probe}/up/time"


def time_told(probe: str) -> str:
    """What the collector answers."""
    return f"{ROOT}/{probe}/down/time"


def live(probe: str, kind: str) -> str:
    """Latest record of a kind as plain JSON, retained."""
    return f"{ROOT}/{probe}/live/{kind}"


ALL_DATA = data("+")
ALL_STATUS = status("+")
ALL_TIME_ASKED = time_asked("+")


def parse(topic: str) -> Topic:
    """A concrete topic taken apart; raises `UnknownTopicError`."""
    prefix = ROOT + "/"
    parts = topic.removeprefix(prefix).split("/")
    if (
        not topic.startswith(prefix)
        or len(parts) != len(Topic._fields)
        or parts[1] not in {"up", "down", "live"}
        or not PROBE_NAME.fullmatch(parts[0])
    ):
        raise UnknownTopicError(f"not a topic of ours: {topic[:200]!r}")
    return Topic(*parts)
