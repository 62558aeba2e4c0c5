"""What is simulated: how areas are measured, and how what is measured there scatters."""

from typing import NamedTuple

from benchmarks.verdicts.areas import Rates, Sessions, Visits


class Scenario(NamedTuple):
    """One way of measuring an area, and what it is like."""

    name: str
    visits: Visits
    nature: Rates | Sessions
    promised: bool = True
    """Whether verdicts are promised to be wrong in at most 5 of 100 areas here."""
    together: bool = True
    """Whether headlines over such areas are promised to be."""


LEAST_PLACES = 30
"""From which on shares are promised although places differ."""


TRUTHS = (0.7, 0.95, 1.0, 1.05, 1.5)
"""Of the mean, as a part of the threshold."""
SHARES = (0.85, 0.94, 0.95, 0.96, 0.99)
"""Of the good sessions; the threshold is 0.95."""

RATES = (
    Scenario("30 places once", Visits(30, 1), Rates(tests=1)),
    Scenario("30 places once, two tests each", Visits(30, 1), Rates()),
    Scenario("120 places once, 3 % fail", Visits(120, 1), Rates(failed=0.03)),
    Scenario("3 places alike, 20 hours", Visits(3, 20), Rates()),
    Scenario("10 places alike, 6 hours", Visits(10, 6), Rates()),
    Scenario("30 places, even scatter of 30 %", Visits(30, 1), Rates(test=0.3, normal=True)),
    Scenario("3 places differ by 10 %, 20 hours", Visits(3, 20), Rates(place=0.1), together=False),
    Scenario("3 places differ by 20 %, 20 hours", Visits(3, 20), Rates(place=0.2), together=False),
    Scenario("3 places differ by 40 %, 20 hours", Visits(3, 20), Rates(place=0.4), together=False),
    Scenario("6 places differ by 40 %, 10 hours", Visits(6, 10), Rates(place=0.4)),
    Scenario("12 places differ by 40 %, 5 hours", Visits(12, 5), Rates(place=0.4)),
    Scenario("40 places differ by 40 %, 2 hours", Visits(40, 2), Rates(place=0.4)),
    Scenario(
        "12 fixed probes: places 30 %, hours 20 %",
        Visits(12, 8, together=12),
        Rates(place=0.3, hour=0.2),
    ),
    Scenario("drive: 6 places an hour, hours 30 %", Visits(48, 1, together=6), Rates(hour=0.3)),
    Scenario(
        "24 places in 8 cells: places 30 %, cells 30 %",
        Visits(24, 4, cells=8),
        Rates(place=0.3, cell=0.3),
    ),
    Scenario(
        "a desk for 60 hours and 20 places twice, 40 %",
        Visits(20, 2, extra_hours=60),
        Rates(place=0.4),
    ),
)
SESSIONS = (
    Scenario("60 places once", Visits(60, 1), Sessions()),
    Scenario("300 places once", Visits(300, 1), Sessions()),
    Scenario("3 places alike, 40 hours", Visits(3, 40), Sessions()),
    Scenario("120 places once, 1 to 6 sessions", Visits(120, 1), Sessions(attempts=(1, 2, 6, 3))),
    Scenario("300 places once in 1 cell, outages", Visits(300, 1, cells=1), Sessions(unserved=1.0)),
    Scenario(
        "300 places once in 8 cells, outages", Visits(300, 1, cells=8), Sessions(unserved=1.0)
    ),
    Scenario(
        "240 places in 40 cells 0.1, outages",
        Visits(240, 1, cells=40),
        Sessions(cell=0.1, unserved=1.0),
    ),
    Scenario("12 fixed probes, hours 0.05", Visits(12, 20, together=12), Sessions(hour=0.05)),
    Scenario("60 places 0.3, 2 hours", Visits(60, 2), Sessions(place=0.3)),
    Scenario("30 places 0.1, 4 hours", Visits(30, 4), Sessions(place=0.1)),
    Scenario("30 places 0.1, 10 hours", Visits(30, 10), Sessions(place=0.1)),
    Scenario("10 places 0.05, 12 hours", Visits(10, 12), Sessions(place=0.05), promised=False),
    Scenario("10 places 0.3, 12 hours", Visits(10, 12), Sessions(place=0.3), promised=False),
    Scenario("3 places 0.05, 40 hours", Visits(3, 40), Sessions(place=0.05), promised=False),
    Scenario("3 places 0.3, 40 hours", Visits(3, 40), Sessions(place=0.3), promised=False),
)
