"""What a person sees while a test runs: a line that lives on a terminal, plain lines elsewhere."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.progress_bar import ProgressBar
from rich.table import Table

from agent.commands._show._common import chart
from agent.words import Words, printable
from drivers.traffic.result import Progress

PLAIN_EVERY_S = 3.0
KEPT_RATES = 24
BAR_COLUMNS = 20
REFRESHES_PER_S = 4


class Watch:
    """Told `Progress` from any thread; a context that shows it until left."""

    def __init__(
        self,
        console: Console,
        words: Words,
        *,
        title: str,
        stage: str,
        plain_every_s: float = PLAIN_EVERY_S,
    ) -> None:
        """On `console`: that of stderr, as stdout is for the result. `stage` is the first one."""
        self._plain_every_s = plain_every_s
        self._console = console
        self._words = words
        self._title = title
        self._rates: deque[float | None] = deque(maxlen=KEPT_RATES)
        self._now = Progress(stage=stage, elapsed_s=0.0)
        self._at_s = time.monotonic()
        self._left = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="progress", daemon=True)
        self._live: Live | None = None

    def __enter__(self) -> Self:
        """Show it."""
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live = Live(
                console=self._console,
                get_renderable=self._lines,
                refresh_per_second=REFRESHES_PER_S,
                transient=True,
            )
            self._live.start()
        else:
            self._say()
            self._ticker.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Take it away."""
        self._left.set()
        if self._live is not None:
            self._live.stop()
        else:
            self._ticker.join()

    def __call__(self, now: Progress) -> None:
        """A word from inside the test."""
        news = now.stage.split(" ")[0] != self._now.stage.split(" ")[0]
        self._now, self._at_s = now, time.monotonic()
        if now.bits_per_second is not None:
            self._rates.append(now.bits_per_second)
        if news and self._live is None:
            self._say()

    def _tick(self) -> None:
        while not self._left.wait(self._plain_every_s):
            self._say()

    def _say(self) -> None:
        self._console.out(
            ", ".join([f"{self._title}: {self._stage()}", *self._times(), *self._figures()])
        )

    def _lines(self) -> RenderableType:
        """Two short lines, so that 80 columns are enough."""
        planned_s = self._now.planned_s
        bar = ProgressBar(
            total=planned_s,
            completed=self._elapsed_s() if planned_s else 0,
            width=BAR_COLUMNS,
            pulse=not planned_s,
        )
        first = Table.grid(padding=(0, 1))
        when = ", ".join([self._stage(), *self._times()])
        first.add_row(f"[bold]{escape(self._title)}[/bold]", bar, escape(when))
        second = " ".join([", ".join(self._figures()), chart(tuple(self._rates))]).strip()
        return Group(first, escape(second)) if second else first

    def _stage(self) -> str:
        return printable(self._words.stage(self._now.stage))

    def _times(self) -> Iterator[str]:
        planned_s, words = self._now.planned_s, self._words
        elapsed_s = self._elapsed_s()
        yield words("elapsed", elapsed=words.number(elapsed_s, "s"))
        if planned_s is not None and planned_s > elapsed_s:
            yield words("left", left=words.number(planned_s - elapsed_s, "s"))

    def _figures(self) -> Iterator[str]:
        now, words = self._now, self._words
        if now.bits_per_second is not None:
            yield words.rate(now.bits_per_second)
        if now.payload_bytes is not None:
            yield words.data(now.payload_bytes)

    def _elapsed_s(self) -> float:
        """It goes on between two words."""
        return self._now.elapsed_s + time.monotonic() - self._at_s
