"""docs/reference/reliability.md: what was promised, how it was tried, and what came of it."""

import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from tests.faults.catalogue import DELIVERY, FAULTS
from tests.faults.tally import Tally

HEAD = """\
# Reliability

<!-- Written by `make faults`: not by hand. -->

**What is promised.** A record that the outbox has accepted, that is, committed to its disk, reaches
the collector's database exactly once, across any sequence of power cuts, crashes of the agent, of
the broker and of the collector, and outages of the uplink. It holds as long as the card honours a
flush and the outbox's cap is not exceeded; beyond the cap rows are given up by rank, and each loss
is itself a record.

**How it was tried.** The agent's own outbox and publisher, under its own supervisor, take 50 rows a
second and say each row that is promised; a row carries a number of its own. They speak TLS to a
real mosquitto without persistence, behind it runs `dosong-collector run`. In the end every promised
row is looked for in the lake, by its key and by its number, and the lake is counted again.

- *Power cuts*: the probe runs in a user-mode Linux guest with an ext4 disk, and the guest's whole
  process group is killed. What its kernel had not flushed is gone, as when a plug is pulled.
- *Kills*: SIGKILL of agent, broker and collector, each on a random schedule of its own, all at the
  same time. The broker comes back with nothing; the collector is also the process that writes the
  database.
- *Outages*: the uplink swallows everything for 35 s without closing a connection, and comes back.
- *Tests*: each fault of the list below is injected by the tests that are named beside it.

**What was not tried.** No real card and no Raspberry Pi: the guest's disk honours a flush, a cheap
card may not, and its timing is that of this machine. No real modem or mobile network. Times of
recovery are those of a loopback network.
"""

CAMPAIGN = """\
A duplicate is a row that a query would see twice. Corrupt is a row with another one's content, an
outbox that gave a number out twice or had to begin anew, or a ledger that disagrees with the lake.
Recovery of a power cut is the time from the return of the power, the boot included, until the
outbox is checked and open; otherwise it is the time from the return of what was struck until the
next row is stored. Fresh rows wait some seconds for company before they are sent, and something
else may be struck meanwhile.
"""
NONE = "-"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One kind of fault of the campaign."""

    what: str
    tally: Tally


@dataclass(frozen=True, kw_only=True)
class Report:
    """Everything the page says."""

    made: dict[str, str]
    """Where, when and with what, by its name."""
    figures: Sequence[Figure]
    tests: Sequence[Tally]

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, doubled or damaged, and no test failed."""
        everything = [*(figure.tally for figure in self.figures), *self.tests]
        return all(_is_good(tally) for tally in everything)


def page(report: Report) -> str:
    """The whole page, as Markdown."""
    parts = [HEAD, _campaign(report), _faults(report), _untested(report), _made(report)]
    return "\n".join(part for part in parts if part)


def _campaign(report: Report) -> str:
    rows = [
        (
            figure.what,
            figure.tally.tries,
            *_counts(figure.tally),
            _seconds(statistics.median, figure.tally.recovery_s),
            _seconds(max, figure.tally.recovery_s),
        )
        for figure in report.figures
    ]
    head = ("fault", "times", "rows promised", "lost", "duplicates", "corrupt")
    table = _table((*head, "recovery p50", "longest"), rows)
    return f"## The campaign\n\n{CAMPAIGN}\n{table}"


def _faults(report: Report) -> str:
    rows = []
    for number, words in FAULTS.items():
        for tally in _of(number, report.tests):
            outcome = "passed" if _is_good(tally) else "**failed**"
            longest = _seconds(max, tally.recovery_s)
            rows.append(
                (number, words, _test(tally), outcome, tally.tries, *_counts(tally), longest)
            )
    head = ("no.", "fault", "test", "", "tries", "rows", "lost", "duplicates", "corrupt")
    text = f"`{NONE}` stands for what a test does not count, or the fault cannot touch.\n"
    return f"## Fault by fault\n\n{text}\n{_table((*head, 'longest recovery'), rows)}"


def _untested(report: Report) -> str:
    """Every fault without a test that passed."""
    open_ = [
        number
        for number in FAULTS
        if not any(_is_good(tally) for tally in _of(number, report.tests))
    ]
    delivery = [number for number in open_ if number in DELIVERY]
    others = [number for number in open_ if number not in DELIVERY]
    text = "## Faults without a passing test\n\n"
    if delivery:
        text += "Of those that could cost a row or a probe its identity:\n\n"
        text += _list(delivery)
    else:
        text += "None of those that could cost a row or a probe its identity.\n"
    if others:
        text += "\nOf GPS, modems and traffic, whose tests may stand elsewhere, without counts:\n\n"
        text += _list(others)
    return text


def _made(report: Report) -> str:
    return f"## How this page was made\n\n{_table(('', ''), list(report.made.items()))}"


def _list(numbers: Iterable[int]) -> str:
    return "".join(f"- {number}: {FAULTS[number]}\n" for number in numbers)


def _of(number: int, tallies: Iterable[Tally]) -> Iterator[Tally]:
    return (tally for tally in tallies if number in tally.faults)


def _is_good(tally: Tally) -> bool:
    return (
        tally.passed and tally.tries > 0 and not (tally.lost or tally.duplicates or tally.corrupt)
    )


def _test(tally: Tally) -> str:
    """Its own words: the page is for people."""
    file, _, name = tally.test.partition("::")
    words = name.removeprefix("test_").replace("_", " ")
    return f"{words} (`{file.removeprefix('tests/')}`)"


def _counts(tally: Tally) -> tuple[str, ...]:
    counts = (tally.rows or None, tally.lost, tally.duplicates, tally.corrupt)
    return tuple(NONE if count is None else f"{count:,}" for count in counts)


def _seconds(choose: Callable[[Sequence[float]], float], values: Sequence[float]) -> str:
    return f"{choose(values):.1f} s" if values else NONE


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(
        "| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |\n" for line in lines
    )
