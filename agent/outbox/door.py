"""The door to sqlite-utils, shut for the libraries for data frames that it loads where they are.

Of a collector on the same computer they would take 80 MB, and nothing here uses them.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast


@contextmanager
def _hidden(*names: str) -> Iterator[None]:
    """Let nobody find these inside; they can be imported afterwards as before."""
    modules = cast("dict[str, Any]", sys.modules)
    hidden = [name for name in names if name not in modules]
    modules.update(dict.fromkeys(hidden))
    try:
        yield
    finally:
        for name in hidden:
            modules.pop(name, None)


with _hidden("pandas", "numpy"):
    from sqlite_utils import Database

__all__ = ["Database"]
