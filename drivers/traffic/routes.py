"""The routing tables of the modems, as the kernel has them. The only import of pyroute2.

Kept out of the agent's own process, which needs neither the memory nor the privilege.
"""

import errno
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
from pyroute2 import IPRoute, NetlinkError

from drivers.traffic.device import family_name
from drivers.traffic.routing import (
    FAMILIES,
    LOCAL_TABLE,
    PRIORITY,
    PROTOCOL,
    Change,
    Found,
    Route,
    Rule,
    plan,
    wanted_routes,
)

SETTINGS = Path("/proc/sys/net/ipv4/conf")
ATTEMPTS = 3
"""Interfaces come and go between the look and the change."""
_UNICAST = 1
_LINK_SCOPE, _UNIVERSE = 253, 0
_ANY_SCOPE = 255
_ONLINK = 4
"""RTNH_F_ONLINK: the gateway is believed to be there, whatever the other tables say."""
_STRICT = 1
_MEANWHILE = {
    errno.ESRCH,
    errno.ENOENT,
    errno.EEXIST,
    errno.ENODEV,
    errno.ENETDOWN,
    errno.ENETUNREACH,
}
"""Somebody was quicker, or the interface went."""


class RoutingError(Exception):
    """The kernel refused a look at its routes or a change of them; the text says why."""


class WayOut(msgspec.Struct, frozen=True, kw_only=True):
    """The way out of one modem by one protocol."""

    interface: str
    family: str
    table: int
    gateway: str | None = None
    """None: on link."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The tables as they are now."""

    paths: tuple[WayOut, ...]
    missing: tuple[str, ...]
    """Interfaces that are not there, are down or have no address."""
    changes: int
    """Routes and rules that were added or removed."""
    hints: tuple[str, ...]
    """What stands in the way all the same, and what to do."""


def reconcile(interfaces: Iterable[str]) -> Report:
    """Give each interface its table and rule, for both protocols; raises `RoutingError`.

    Routes and rules of ours for any other interface are removed; nobody else's are touched. Done
    again it changes nothing.
    """
    names = tuple(dict.fromkeys(interfaces))
    changes = 0
    try:
        with IPRoute() as kernel:
            for _ in range(ATTEMPTS):
                found = _look(kernel)
                change = plan(names, found)
                if not change:
                    break
                changes += _carry_out(kernel, change, found)
    except NetlinkError as error:
        if error.code in {errno.EPERM, errno.EACCES}:
            raise RoutingError("needs root, or CAP_NET_ADMIN") from error
        raise RoutingError(str(error)) from error
    except OSError as error:
        raise RoutingError(error.strerror or str(error)) from error
    return _report(names, found, changes)


def _report(names: tuple[str, ...], found: Found, changes: int) -> Report:
    paths = [
        WayOut(
            interface=name,
            family=family_name(family),
            table=routes[-1].table,
            gateway=routes[-1].gateway,
        )
        for name in names
        for family in FAMILIES
        if (routes := wanted_routes(name, family, found))
    ]
    with_path = {path.interface for path in paths}
    return Report(
        paths=tuple(paths),
        missing=tuple(name for name in names if name not in with_path),
        changes=changes,
        hints=tuple(hint for name in names for hint in _hints(name)),
    )


def _hints(interface: str) -> Iterator[str]:
    """A strict reverse-path filter drops the answers: it asks the main table where they belong."""
    names = ("all", interface)
    try:
        levels = [int((SETTINGS / name / "rp_filter").read_text()) for name in names]
    except (OSError, ValueError):
        return
    if max(levels) == _STRICT:
        yield f"answers on {interface} are dropped: sysctl -w net.ipv4.conf.{interface}.rp_filter=2"


def _look(kernel: Any) -> Found:
    links = {
        link.get_attr("IFLA_IFNAME"): link["index"]
        for link in kernel.get_links()
        if link["flags"] & 1  # IFF_UP
    }
    addressed = frozenset(
        (address["family"], address["index"])
        for address in kernel.get_addr()
        if address["scope"] == _UNIVERSE
    )
    routes = [each for family in FAMILIES for each in _routes(kernel, family)]
    routes.sort(key=lambda each: each[0])
    return Found(
        links=links,
        addressed=addressed,
        routes=tuple(route for _, _, route in routes),
        ours=frozenset(route for _, protocol, route in routes if protocol == PROTOCOL),
        rules=tuple(rule for family in FAMILIES for rule in _rules(kernel, family)),
    )


def _routes(kernel: Any, family: socket.AddressFamily) -> Iterator[tuple[int, int, Route]]:
    """Metric, protocol and route."""
    nowhere = "0.0.0.0" if family == socket.AF_INET else "::"  # noqa: S104 - a destination
    for message in kernel.get_routes(family=family):
        table = message.get_attr("RTA_TABLE") or message["table"]
        index = message.get_attr("RTA_OIF")
        if message["type"] != _UNICAST or table == LOCAL_TABLE or index is None:
            continue
        destination = message.get_attr("RTA_DST") or nowhere
        route = Route(
            family,
            table,
            f"{destination}/{message['dst_len']}",
            message.get_attr("RTA_GATEWAY"),
            index,
        )
        yield message.get_attr("RTA_PRIORITY") or 0, message["proto"], route


def _rules(kernel: Any, family: socket.AddressFamily) -> Iterator[Rule]:
    for message in kernel.get_rules(family=family):
        marked = (message.get_attr("FRA_PROTOCOL"), message.get_attr("FRA_PRIORITY"))
        if marked == (PROTOCOL, PRIORITY):
            table = message.get_attr("FRA_TABLE") or message["table"]
            yield Rule(family, message.get_attr("FRA_OIFNAME") or "", table)


def _carry_out(kernel: Any, change: Change, found: Found) -> int:
    """How many orders were carried out; what vanished meanwhile needs none any more."""
    there = set(found.links.values())
    orders: list[tuple[Any, str, dict[str, Any]]] = [
        *((kernel.rule, "del", _rule_words(rule)) for rule in change.remove_rules),
        # The routes of an interface that is gone went with it.
        *(
            (kernel.route, "del", _words(route) | _old_words(route))
            for route in change.remove_routes
            if route.interface_index in there
        ),
        *((kernel.route, "add", _words(route) | _new_words(route)) for route in change.add_routes),
        *((kernel.rule, "add", _rule_words(rule)) for rule in change.add_rules),
    ]
    done = 0
    for order, verb, words in orders:
        try:
            order(verb, **words)
        except NetlinkError as error:
            if error.code not in _MEANWHILE:
                raise
        else:
            done += 1
    return done


def _words(route: Route) -> dict[str, Any]:
    return {
        "family": route.family,
        "dst": route.destination,
        "oif": route.interface_index,
        "table": route.table,
        "proto": PROTOCOL,
        **({} if route.gateway is None else {"gateway": route.gateway}),
    }


def _new_words(route: Route) -> dict[str, Any]:
    if route.gateway is not None:
        return {"flags": _ONLINK}
    return {"scope": _LINK_SCOPE} if route.family == socket.AF_INET else {}


def _old_words(route: Route) -> dict[str, Any]:
    return {"scope": _ANY_SCOPE} if route.family == socket.AF_INET else {}


def _rule_words(rule: Rule) -> dict[str, Any]:
    return {
        "family": rule.family,
        "table": rule.table,
        "priority": PRIORITY,
        "oifname": rule.interface,
        "protocol": PROTOCOL,
    }
