"""Which records are given up first where there is no room for all."""

DROP_FIRST = ("position", "radio", "status")
"""Given up in this order, oldest first: dense in time, so a gap hurts least."""
DROP_LAST = "event"
"""Given up last, after every test result: events say what is missing and when the clock was set."""
RANK_NAMES = (*DROP_FIRST, "test", DROP_LAST)
THINNED = ("position", "radio")
"""Of these every second one may be left out: they come each second."""


def drop_rank(kind: str) -> int:
    """When rows of a kind are given up: the lower, the sooner."""
    if kind in DROP_FIRST:
        return DROP_FIRST.index(kind)
    return len(DROP_FIRST) + (kind == DROP_LAST)
