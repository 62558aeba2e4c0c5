"""How many files this process holds open, for tests after which there must be no more of them."""

import gc
import os
from contextlib import suppress


def open_descriptors(*, sockets: bool = True) -> int:
    """How many there are, without those of objects that an earlier test left to the collector."""
    gc.collect()
    folder = "/proc/self/fd"
    files = []
    for number in os.listdir(folder):  # noqa: PTH208  # a generator would hold one itself
        with suppress(FileNotFoundError):  # that of the listing itself
            files.append(os.readlink(f"{folder}/{number}"))  # noqa: PTH115  # says `socket:[1]`
    return sum(sockets or not file.startswith("socket:") for file in files)
