"""Whom to call, and by which path: from the broker's addresses and our paths to a link."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from agent.publisher.errors import LinkError, RefusedError, UnansweredError
from agent.publisher.link import CONNECT_TIMEOUT_S, Broker, Link, Will
from agent.publisher.lookout import Lookout
from agent.publisher.resolve import Resolver
from agent.publisher.ways import ANSWER_S, Attempt, Way, first_to_answer

log = logging.getLogger(__name__)

RESOLVE_TIMEOUT_S = 2.0
KNOWN_RESOLVE_TIMEOUT_S = 0.3
"""Where an address is known already, nobody waits for a slow name server."""
MAX_ADDRESSES = 4
STUCK_S = 3.0
"""Nothing acknowledged for so long: TCP waits twice as long each time before it tries again, so
after an outage of 30 s for another 20. A new connection may work long before."""


@dataclass(frozen=True, kw_only=True)
class Path:
    """One uplink as the configuration names it."""

    name: str | None
    """None: whatever the system's routing chooses."""
    interface: Callable[[], str | None]
    """Of it now; raises `UnansweredError` where it has none."""


SYSTEM = Path(name=None, interface=lambda: None)


class Dialler:
    """Makes links, and looks for better ones. All of it in the publisher's thread."""

    def __init__(
        self,
        broker: Broker,
        paths: tuple[Path, ...],
        resolver: Resolver | None = None,
        *,
        look_every_s: float,
    ) -> None:
        """`paths` in the order of preference; none: as the system routes.

        `look_every_s`: how often a better path than the present one is looked at, at first.
        """
        self._broker = broker
        self._paths = paths or (SYSTEM,)
        self._resolver = Resolver(broker.host, broker.port) if resolver is None else resolver
        self._way: Way | None = None
        self._lookout = Lookout(look_every_s)
        self._better: _Look | None = None
        self._rescue: _Look | None = None

    @property
    def way(self) -> Way | None:
        """Of the last link."""
        return self._way

    def dial(
        self, *, client_id: str, will: Will, check_dates: bool, go_on: Callable[[], bool]
    ) -> Link:
        """A link by the first path that gives one; each is tried once.

        Raises the `LinkError` that says most. `go_on` is asked often: whether it is still wanted.
        """
        self.close()
        ways = list(self._ways_of(self._paths))
        worst: LinkError | None = None
        while ways:
            try:
                way, connection = first_to_answer(ways, self._broker.port, go_on=go_on)
            except UnansweredError as error:
                raise worst or error from None
            ways.remove(way)
            connection.settimeout(CONNECT_TIMEOUT_S)
            try:
                link = Link(
                    self._broker,
                    connection,
                    client_id=client_id,
                    will=will,
                    check_dates=check_dates,
                )
            except RefusedError:
                raise  # another path leads to the same broker
            except LinkError as error:
                log.debug("%s: %s", way, error)
                worst = worst or error
                continue
            self._arrive(way)
            return link
        raise worst or UnansweredError(self._why_no_way())

    def better(self) -> bool:
        """Whether a more preferred path works again. To be called often while the link is up."""
        now_s = time.monotonic()
        if self._better is None:
            if not self._lookout.is_due(now_s):
                return False
            self._better = _Look(self._ways_of(self._preferred()), self._broker.port)
        works = self._better.works()
        if works is None:
            return False
        self._better.close()
        self._better = None
        return self._lookout.saw(now_s, works=works)

    def another_works(self, stuck_s: float) -> bool:
        """Whether a new connection can be made although the present one has been stuck so long."""
        works = None if self._rescue is None else self._rescue.works()
        if self._rescue is not None and (stuck_s < STUCK_S or works is False):
            self._rescue.close()
            self._rescue = None
        if stuck_s >= STUCK_S and self._rescue is None:
            self._rescue = _Look(self._ways_of(self._paths), self._broker.port)
        return stuck_s >= STUCK_S and works is True

    def worked(self) -> None:
        """The broker of the last link proved to be ours: its address is worth remembering."""
        if self._way is not None:
            self._resolver.worked(self._way.address)

    def close(self) -> None:
        """End what is under way; idempotent."""
        for look in (self._better, self._rescue):
            if look is not None:
                look.close()
        self._better = self._rescue = None

    def _arrive(self, way: Way) -> None:
        self._way = way
        if way.path == self._paths[0].name:
            self._lookout.rest()
        else:
            self._lookout.begin(time.monotonic())

    def _preferred(self) -> tuple[Path, ...]:
        """The paths before the present one."""
        names = [path.name for path in self._paths]
        return () if self._way is None else self._paths[: names.index(self._way.path)]

    def _ways_of(self, paths: tuple[Path, ...]) -> Iterator[Way]:
        timeout_s = KNOWN_RESOLVE_TIMEOUT_S if self._resolver.knows else RESOLVE_TIMEOUT_S
        addresses = self._resolver.addresses(timeout_s)[:MAX_ADDRESSES]
        for path in paths:
            with suppress(UnansweredError):
                interface = path.interface()
                for address in addresses:
                    yield Way(path=path.name, interface=interface, address=address)

    def _why_no_way(self) -> str:
        for path in self._paths:
            try:
                path.interface()
            except UnansweredError as error:
                return str(error)
        return "no path to try"


class _Look:
    """Whether one of some ways answers: TCP only, about 200 bytes. Nothing here blocks."""

    def __init__(self, ways: Iterator[Way], port: int) -> None:
        self._end_s = time.monotonic() + ANSWER_S
        self._attempts: list[Attempt] = []
        with suppress(UnansweredError):
            for way in ways:
                with suppress(UnansweredError):
                    self._attempts.append(Attempt(way, port))

    def works(self) -> bool | None:
        """None while nobody knows."""
        for attempt in list(self._attempts):
            try:
                if attempt.works():
                    return True
            except UnansweredError:
                attempt.close()
                self._attempts.remove(attempt)
        is_over = not self._attempts or time.monotonic() >= self._end_s
        return False if is_over else None

    def close(self) -> None:
        """Give it up."""
        for attempt in self._attempts:
            attempt.close()
