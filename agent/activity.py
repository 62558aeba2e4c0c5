"""What a kind of test offers so that it can be planned, and what it is given when it runs."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec

from agent.config import Server
from drivers.traffic.ip_family import IpFamily
from drivers.traffic.netpath import NetPath
from drivers.traffic.profile import Profile
from drivers.traffic.result import OnProgress
from wire.cells import Rat
from wire.kinds import scan
from wire.messages import Outcome


class Result(NamedTuple):
    """How a test ended. What the network did is a result, never an exception."""

    outcome: Outcome
    reason: str | None
    payload: msgspec.Struct | None


@dataclass(frozen=True, kw_only=True)
class Job:
    """What one run of a test may use."""

    interface: str | None
    """Network interface of the modem; None where tests are not bound to one."""
    cancel: threading.Event
    """Set when the agent stops or nobody waits any more: the test ends early and says so."""
    on_progress: OnProgress
    """Tells a person who waits what goes on."""
    scan: Callable[[frozenset[Rat]], scan.Payload]
    """A scan by the modem itself, for these technologies or for all; raises
    `agent.orders.OrderError`."""
    probe: str | None = None
    """Name of this probe, where it is known: a server gives slots by it."""
    utc_s: Callable[[], float | None] = lambda: None
    """Seconds since 1970, where the time is known from GPS or NTP: to judge a server's clock."""
    max_bytes: int | None = None
    """Of payload, where the data budget has a limit: what is left of it for tests."""
    dns_servers: tuple[str, ...] = ()
    """Asked over the interface; none leaves names to the computer's own resolver."""
    address_family: IpFamily = IpFamily.ANY

    @property
    def path(self) -> NetPath:
        """The way out that the test is to take."""
        return NetPath(
            interface=self.interface, dns_servers=self.dns_servers, family=self.address_family
        )


class Ready(NamedTuple):
    """A test that is checked and can run on any modem."""

    profile: str | None
    """Name of the profile that was chosen."""
    run: Callable[[Job], Result]
    settings: Profile | None = None
    """The profile itself; None where the activity has none."""
    deadline_s: float | None = None
    """When a run is over at the latest; None where the test itself does not know."""
    most_bytes: int | None = None
    """Of data that a run may take; None for a test that takes none."""
    planned_s: float | None = None
    """How long it takes when all goes well; None where nobody can say."""


class UnpreparedError(Exception):
    """The configuration lacks something for this test; the text says what."""


class Activity(Protocol):
    """A module of `agent.activities`. Its name is the activity's name."""

    KIND: str
    """The kind of record that a run ends as."""
    NEEDS_SERVICE: bool
    """Whether a modem without service cannot even begin."""

    def prepare(self, *, profile: str | None, server: Server | None, folder: Path | None) -> Ready:
        """The test with this profile, or the default one; raises `UnpreparedError`.

        `folder` holds the profiles; None means those that come with the program.
        """
