"""The zstd dictionaries that batches and stored records are packed with.

What every record repeats - names of fields, operators, models - is in the dictionary, so that
even a record alone is small. A frame names its dictionary by number; a number's content never
changes and stays shipped, because frames packed with it lie in files. `python -m tools.dictionary`
makes the next one.
"""

from functools import cache
from importlib.resources import files

import zstandard

FOLDER = files("wire") / "dictionaries"
NEWEST = 1
"""What we pack with."""
NONE = 0
"""The number in a frame that was packed without a dictionary."""


class UnknownDictionaryError(LookupError):
    """A newer program packed it: `number` is not among the dictionaries we have."""

    def __init__(self, number: int) -> None:
        """Keep the number."""
        super().__init__(f"packed with dictionary {number}, which this version does not have")
        self.number = number


@cache
def dictionary(number: int) -> zstandard.ZstdCompressionDict:
    """The dictionary of that number; raises `UnknownDictionaryError`."""
    if not NONE < number <= NEWEST:
        raise UnknownDictionaryError(number)
    content = (FOLDER / f"{number}.zdict").read_bytes()
    return zstandard.ZstdCompressionDict(content, dict_type=zstandard.DICT_TYPE_FULLDICT)
