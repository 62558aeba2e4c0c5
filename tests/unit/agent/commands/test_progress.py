import io
import threading

import pytest
from rich.console import Console

from agent.commands._progress import Watch
from agent.commands._show._common import chart
from agent.words import Words
from drivers.traffic.result import Progress


@pytest.fixture
def watched():
    def make(*words, terminal=False, width=120):
        written = io.StringIO()
        console = Console(
            file=written, force_terminal=terminal, width=width, highlight=False, soft_wrap=True
        )
        with Watch(console, Words("en"), title="throughput", stage="opening the modem") as watch:
            for now in words:
                watch(now)
            if watch._live is not None:
                watch._live.refresh()
        return written.getvalue()

    return make


def transfer(second, rate=None):
    return Progress(
        stage="transfer",
        elapsed_s=second,
        planned_s=12.0,
        bits_per_second=rate,
        payload_bytes=2_000_000,
    )


def test_elsewhere_than_on_a_terminal_there_are_plain_lines_now_and_then(watched):
    lines = watched(*(transfer(second, 5e6) for second in range(12))).splitlines()
    assert lines == [
        "throughput: opening the modem, 0 s gone",
        "throughput: transfer, 0 s gone, about 12 s left, 5.0 Mbit/s, 2.0 MB",
    ]


def test_a_test_that_says_nothing_is_seen_to_go_on():
    class Written(io.StringIO):
        lines = threading.Semaphore(0)

        def write(self, text):
            self.lines.release()
            return super().write(text)

    written = Written()
    console = Console(file=written, width=120, highlight=False)
    title, stage = "scan", "testing"
    with Watch(console, Words("en"), title=title, stage=stage, plain_every_s=0.01):
        for _ in range(3):
            assert written.lines.acquire(timeout=10)
    assert written.getvalue().startswith("scan: testing, 0 s gone\n" * 2)


def test_on_a_terminal_a_line_lives(watched):
    text = watched(transfer(1, 1e6), transfer(2, 8e6), terminal=True)
    assert "transfer" in text
    assert "2 s gone, about 10 s left" in text
    assert "8.0 Mbit/s, 2.0 MB ▂█" in text
    assert "━" in text


def test_80_columns_are_enough(watched):
    text = watched(*(transfer(second, 44.9e6) for second in range(12)), terminal=True, width=80)
    assert "44.9 Mbit/s, 2.0 MB ████████████" in text
    assert "transfer, 11 s gone, about 1 s left" in text


def test_a_terminal_that_cannot_move_its_cursor_gets_plain_lines(watched, monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    assert "\x1b" not in watched(transfer(1), terminal=True)


def test_a_chart_is_as_high_as_its_greatest_value():
    assert chart([0.0, 1.0, 4.0, None, 8.0]) == "▁▂▅ █"
    assert chart([0.0, 0.0]) == "▁▁"
    assert chart([]) == ""
