"""Which routing tables the modems need, and what has to change for that. No I/O.

Each modem's interface gets one table with its own default route, and a rule that sends there what
is bound to the interface (SO_BINDTODEVICE sets `oif`). So it does not matter whose default route
the main table has, nor that two operators give out the same addresses, and nothing else uses it.
"""

import socket
from collections.abc import Iterable
from typing import NamedTuple

PROTOCOL = 93
"""Marks routes and rules as ours (rtnetlink(7); free in iproute2's rt_protos)."""
PRIORITY = 5200
"""Of our rules: before the main table's 32766."""
TABLE_BASE = 93_000_000
"""Plus the interface's index: a number that nobody else takes, and another one after a replug."""
LOCAL_TABLE = 255
FAMILIES = (socket.AF_INET, socket.AF_INET6)


class Route(NamedTuple):
    """A unicast route over one interface."""

    family: int
    table: int
    destination: str
    """With its length; `0.0.0.0/0` and `::/0` are the default."""
    gateway: str | None
    """None: on link."""
    interface_index: int

    @property
    def is_default(self) -> bool:
        """Whether it leads everywhere."""
        return self.destination.endswith("/0")


class Rule(NamedTuple):
    """What is bound to the interface looks into the table."""

    family: int
    interface: str
    table: int


class Found(NamedTuple):
    """What the kernel has."""

    links: dict[str, int]
    """Index of each interface that is up."""
    addressed: frozenset[tuple[int, int]]
    """Family and interface index, where there is an address to send from."""
    routes: tuple[Route, ...]
    """All unicast ones, the better before the worse; of any table but the local one."""
    ours: frozenset[Route]
    """Those with our mark."""
    rules: tuple[Rule, ...]
    """With our mark. One may be there more than once."""


class Change(NamedTuple):
    """What has to be done, in this order: a route is told from its successor by little."""

    remove_rules: tuple[Rule, ...] = ()
    remove_routes: tuple[Route, ...] = ()
    add_routes: tuple[Route, ...] = ()
    add_rules: tuple[Rule, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to do."""
        return any(self)


def wanted_routes(interface: str, family: int, found: Found) -> tuple[Route, ...]:
    """The table of one interface: its own networks, then everything by its gateway or on link.

    Empty where the interface is not there, is down or has no address of the family.
    """
    index = found.links.get(interface)
    if index is None or (family, index) not in found.addressed:
        return ()
    theirs = [
        route
        for route in found.routes
        if (route.family, route.interface_index) == (family, index) and route not in found.ours
    ]
    gateways = [route.gateway for route in theirs if route.is_default]
    table = TABLE_BASE + index
    networks = [
        route._replace(table=table)
        for route in theirs
        if not route.is_default and route.gateway is None
    ]
    everything = "0.0.0.0/0" if family == socket.AF_INET else "::/0"
    default = Route(family, table, everything, next(iter(gateways), None), index)
    return (*dict.fromkeys(networks), default)


def plan(interfaces: Iterable[str], found: Found) -> Change:
    """What brings the tables of these interfaces about, and removes all others of ours."""
    routes: list[Route] = []
    rules: list[Rule] = []
    for interface in dict.fromkeys(interfaces):
        for family in FAMILIES:
            table = wanted_routes(interface, family, found)
            routes += table
            if table:
                rules.append(Rule(family, interface, table[0].table))
    there = list(found.rules)
    stale = [rule for rule in dict.fromkeys(there) for _ in range(there.count(rule))]
    for rule in rules:
        if rule in stale:
            stale.remove(rule)
    return Change(
        add_routes=tuple(route for route in routes if route not in found.ours),
        add_rules=tuple(rule for rule in rules if rule not in there),
        remove_rules=tuple(stale),
        remove_routes=tuple(sorted(found.ours - set(routes), key=str)),
    )
