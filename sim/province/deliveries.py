"""Record files as they come to the collector: a first delivery, and a second that is late.

The second holds what some probes could not send in time, and files and rows that the first had
already, so that a collector which counts anything twice is found out.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from sim.province.scenario import Month
from sim.province.truth import Made
from wire.carried import FileName
from wire.codec import encode_record, pack_file
from wire.messages import AnyMeasurement

FIRST = "delivery-1"
SECOND = "delivery-2"
LATE_SHARE = 0.3
"""Of the rows of a probe that is late: the last ones of the month."""
_LATE_EVERY = 6
_TWICE_EVERY = 5
_OVERLAP_ROWS = 400
_REPEATED_ROWS = 150
_FRAME_ROWS = 4_000


class Deliveries:
    """Writes each probe's month to one file, or to two, in a folder for each month."""

    def __init__(self, folder: Path) -> None:
        """Below this folder."""
        self._first = folder / FIRST
        self._second = folder / SECOND
        for one in (self._first, self._second):
            one.mkdir(parents=True, exist_ok=True)
        self._records = 0
        self._lines = [0, 0]
        self._late = 0

    def write(self, probe: int, month: Month, records: Iterable[AnyMeasurement]) -> int:
        """Write the records of one probe's month, in order; gives how many there were."""
        epoch = name = None
        lines: list[bytes] = []
        first_seq = 0
        for record in records:
            if epoch is None:
                name, epoch, first_seq = record.probe, record.epoch, record.seq
            lines.append(encode_record(record))
        if name is None or epoch is None:
            return 0

        def named(start: int, end: int) -> str:
            return str(FileName(name, epoch, (first_seq + start, first_seq + end - 1)))

        self._records += len(lines)
        split = len(lines)
        if (probe + month.number) % _LATE_EVERY == 0:
            split = round(len(lines) * (1 - LATE_SHARE))
            self._late += len(lines) - split
            start = max(0, split - _OVERLAP_ROWS)
            self._put(1, month, named(start, len(lines)), lines[start:])
        on_time = lines[:split]
        twice = (probe + month.number) % _TWICE_EVERY == 1
        # Sent again within one file, as after an acknowledgement that got lost.
        again = on_time[-_REPEATED_ROWS:] if twice else []
        self._put(0, month, named(0, split), [*on_time, *again])
        if (probe + month.number) % _TWICE_EVERY == 2:  # noqa: PLR2004  # any other remainder
            self._put(1, month, named(0, split), on_time)
        return len(lines)

    def made(self) -> Made:
        """What was written."""
        return Made(
            records=self._records,
            first_delivery=self._lines[0],
            second_delivery=self._lines[1],
            duplicates=sum(self._lines) - self._records,
            late=self._late,
        )

    def _put(self, delivery: int, month: Month, name: str, lines: Sequence[bytes]) -> None:
        self._lines[delivery] += len(lines)
        folder = (self._first, self._second)[delivery] / month.label
        folder.mkdir(exist_ok=True)
        with (folder / name).open("wb") as file:
            for start in range(0, len(lines), _FRAME_ROWS):
                file.write(pack_file(lines[start : start + _FRAME_ROWS]))
