"""How many tests count, by where and whose they are: known while they are made, never measured."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from sim.province.scenario import Month


class Test(StrEnum):
    """What is tested."""

    MEAN_4G = "4g"
    MEAN_5G = "5g"
    VIDEO_1080 = "1080"
    VIDEO_2160 = "2160"


class Key(NamedTuple):
    """Whose tests, and where and when."""

    test: Test
    commune: str
    operator: int
    month: Month


@dataclass(slots=True)
class Count:
    """Of one operator in one commune and month."""

    finished: int = 0
    failed: int = 0
    """By the network; one of video that is merely slow has finished."""
    blocks: int = 0
    """Places and hours with a finished test."""
    fallen_back: int = 0
    """Tests of 5G that fell back to 4G on the way."""

    @property
    def attempts(self) -> int:
        """All that count."""
        return self.finished + self.failed


class Counts:
    """All of them."""

    def __init__(self) -> None:
        """Nothing is counted yet."""
        self._counts: defaultdict[Key, Count] = defaultdict(Count)

    def of(self, test: Test, commune: str, operator: int, month: Month) -> Count:
        """The count of one operator in one commune and month, to read or to raise."""
        return self._counts[Key(test, commune, operator, month)]
