"""Runs of the whole system, and a look for what they leave behind."""

import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

MARK = "DOSONG_TEST_RUN"


@pytest.fixture
def mark() -> dict[str, str]:
    """An environment that every child of a run inherits."""
    return {MARK: uuid4().hex}


@pytest.fixture
def survivors(mark) -> Callable[[], list[str]]:
    """Command lines of the processes of a run that still live."""
    wanted = f"{MARK}={mark[MARK]}".encode()

    def look() -> list[str]:
        found = []
        for process in Path("/proc").iterdir():
            if not process.name.isdecimal() or int(process.name) == os.getpid():
                continue
            try:
                if wanted in (process / "environ").read_bytes().split(b"\0"):
                    found.append((process / "cmdline").read_text().replace("\0", " "))
            except OSError:
                continue
        return [command for command in found if command]

    return look
