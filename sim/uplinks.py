"""Several interfaces of this machine that lead to one far side, each shaped by itself.

What the modems, the Ethernet and the Wi-Fi of a probe are to its broker. Needs root.
"""

import itertools
import os
from collections.abc import Mapping
from contextlib import ExitStack
from types import TracebackType
from typing import NamedTuple, Self

from sim.namespaces import PREFIX, free_subnet, remove_device, remove_namespace, run
from sim.parts import find_command
from sim.shaper import Shaper

FAR_HOST = 250
LOSS_TABLE = "loss"
_serial = itertools.count()


class Rate(NamedTuple):
    """Mbit/s of TCP payload."""

    down_mbit: float
    up_mbit: float


class Interface(NamedTuple):
    """One of them: its name here, and what shapes it."""

    name: str
    shaper: Shaper
    route: tuple[str, ...]
    """To the far side, as `ip route` takes it."""


class Uplinks:
    """A context manager that leaves nothing behind. The first uplink is the default way."""

    def __init__(self, rates: Mapping[str, Rate]) -> None:
        """One uplink for each rate; nothing is made before the context begins."""
        self._rates = dict(rates)
        self._interfaces: dict[str, Interface] = {}
        self._stack = ExitStack()
        self.namespace = f"{PREFIX}-{os.getpid()}-u{next(_serial)}"
        self.address = ""
        """Of the far side, over each of them."""

    def __getitem__(self, name: str) -> Interface:
        return self._interfaces[name]

    @property
    def inside(self) -> tuple[str, ...]:
        """What runs a command on the far side."""
        return (find_command("ip"), "netns", "exec", self.namespace)

    def bring_up(self, name: str) -> None:
        """Let an interface carry something again, after `take_down`."""
        interface = self._interfaces[name]
        run("ip", "link", "set", interface.name, "up")
        run("ip", "route", "replace", f"{self.address}/32", *interface.route)

    def take_down(self, name: str) -> None:
        """As if its cable was pulled; the system forgets its routes."""
        run("ip", "link", "set", self._interfaces[name].name, "down")

    def lose(self, percent: int) -> None:
        """From now on so many of 100 packets vanish each way, by chance."""
        self._filter(f"add table inet {LOSS_TABLE}")
        for hook, way in (("input", "iifname"), ("output", "oifname")):
            chain = f"inet {LOSS_TABLE} {hook}"
            self._filter(f"add chain {chain} {{ type filter hook {hook} priority 0; }}")
            self._filter(f"flush chain {chain}")
            dice = f"numgen random mod 100 < {percent}"
            self._filter(f'add rule {chain} {way} != "lo" {dice} drop')

    def __enter__(self) -> Self:
        try:
            self._make()
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._interfaces.clear()
        self._stack.close()

    def _make(self) -> None:
        second, third = free_subnet()
        subnet = f"10.{second}.{third}"
        self.address = f"{subnet}.{FAR_HOST}"
        run("ip", "netns", "add", self.namespace)
        self._stack.callback(remove_namespace, self.namespace)
        far = ("ip", "-n", self.namespace)
        run(*far, "link", "set", "lo", "up")
        run(*far, "addr", "add", f"{self.address}/32", "dev", "lo")
        for number, (name, rate) in enumerate(self._rates.items()):
            device, inside = f"ds{os.getpid()}-{next(_serial)}", f"far{number}"
            run(
                *("ip", "link", "add", device, "type", "veth"),
                *("peer", "name", inside, "netns", self.namespace),
            )
            self._stack.callback(remove_device, device)
            here, there = f"{subnet}.{4 * number + 1}", f"{subnet}.{4 * number + 2}"
            run("ip", "addr", "add", f"{here}/30", "dev", device)
            run(*far, "addr", "add", f"{there}/30", "dev", inside)
            run(*far, "link", "set", inside, "up")
            shaper = Shaper(
                device=device, namespace=self.namespace, inside=inside, **rate._asdict()
            )
            way = ("via", there, "dev", device, "metric", str(number + 1))
            self._interfaces[name] = Interface(device, shaper, way)
            self.bring_up(name)

    def _filter(self, rule: str) -> None:
        run("ip", "netns", "exec", self.namespace, find_command("nft"), rule)
