"""What the actions of `geo` take alike."""

import argparse
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

Actions = Any
"""What argparse's `add_subparsers` gives; it has no public type."""


def checked(read: Callable[[str], T]) -> Callable[[str], T]:
    """A reader that raises ValueError, for argparse, which shows no other text of it."""

    def read_or_say(text: str) -> T:
        try:
            return read(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return read_or_say


def pair(text: str) -> tuple[str, str]:
    """Both sides of `NAME=SOMETHING`; raises ValueError."""
    ours, equals, theirs = text.partition("=")
    if not equals or not ours.strip() or not theirs.strip():
        raise ValueError(f"{text!r} is not NAME=SOMETHING")
    return ours.strip(), theirs.strip()
