"""The kinds of test a plan can name. A new one is a new module here; no list names them.

A module offers what `agent.activity.Activity` promises.
"""

import importlib
import pkgutil
from functools import cache
from typing import cast

from agent.activity import Activity


@cache
def activities() -> dict[str, Activity]:
    """Every activity in this folder by name."""
    names = [info.name for info in pkgutil.iter_modules(__path__) if not info.name.startswith("_")]
    return {name: cast("Activity", importlib.import_module(f"{__name__}.{name}")) for name in names}
