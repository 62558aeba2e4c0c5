"""Where the files lie that come with the program."""

import sysconfig
from pathlib import Path


def shipped(name: str) -> Path:
    """A file or folder of `config/`: the checkout's, or the installed one."""
    checkout = Path(__file__).parents[2] / "config" / name
    if checkout.exists():
        return checkout
    return Path(sysconfig.get_path("data")) / "share" / "dosong" / "config" / name
