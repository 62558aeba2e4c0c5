"""The network between this machine and a guest: a tap device, with an address on either end."""

import threading
from types import TracebackType
from typing import Self

from sim.namespaces import free_subnet, new_device, remove_device, remove_leftovers, run

_choosing = threading.Lock()
"""A subnet is free until its address is there."""


class Cable:
    """One guest's Ethernet; a context manager that needs root. Raises `NetworkError`."""

    def __init__(self) -> None:
        """Nothing is made before the context begins."""
        self.device = new_device()
        self.host_address = ""
        """Of our end."""
        self.guest_address = ""

    def __enter__(self) -> Self:
        remove_leftovers()
        run("ip", "tuntap", "add", "dev", self.device, "mode", "tap")
        try:
            with _choosing:
                second, third = free_subnet()
                self.host_address = f"10.{second}.{third}.1"
                self.guest_address = f"10.{second}.{third}.2"
                run("ip", "addr", "add", f"{self.host_address}/24", "dev", self.device)
            run("ip", "link", "set", self.device, "up")
        except BaseException:
            remove_device(self.device)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        remove_device(self.device)
