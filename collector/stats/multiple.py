"""Many verdicts at once: which of them hold together."""

from collections.abc import Sequence


def holm(p_values: Sequence[float], *, alpha: float = 0.05) -> tuple[bool, ...]:
    """Which claims stand if the chance of any false one among all is to be `alpha`, in their order.

    Holm's step-down (Holm 1979): in order of their p-values, the first of m must not exceed
    alpha / m, the next alpha / (m - 1), and so on to the first that does; it and all after it fall.
    Asks nothing of how the claims depend on each other. Give all claims that were tested, also
    those that were not made (as 1): they are what makes chance findings likely. Equal p-values
    stand or fall together; none of nothing.
    """
    count = len(p_values)
    stands = [False] * count
    for rank, index in enumerate(sorted(range(count), key=p_values.__getitem__)):
        if not p_values[index] <= alpha / (count - rank):
            break
        stands[index] = True
    return tuple(stands)
