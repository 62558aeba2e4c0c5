"""A test a person wants now: what he may ask for, and what he is told. No I/O.

Over the socket each message is one JSON object on one line, told apart by its `type`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, NamedTuple

import msgspec

from agent.activities import activities
from agent.activity import Ready, UnpreparedError
from agent.config import Config, ModemPlace, Server
from agent.misfits import suggestion
from agent.plan.entry import Entry, Name
from agent.request import TestRequest
from drivers.traffic.result import OnProgress, Progress
from wire.codec import UnreadableRecordError
from wire.kinds import kinds
from wire.messages import AnyMeasurement, RatMode

SOCKET_FILE = "demand.sock"
"""In the agent's `run_dir`."""
ON_DEMAND = "on-demand"
"""Stands as the plan in the row of a test that no plan entry describes."""
PRIORITY = 10
"""Above each of the plan's: a person waits."""
RADIO = "radio"
"""The kind that is no test: one look."""
MAX_REQUEST_BYTES = 4096
"""Longest request line."""

Word = Annotated[str, msgspec.Meta(max_length=63)]


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One request: a kind of test with its details, or a plan entry by its name."""

    kind: Word | None = None
    """`radio` or the name of an activity."""
    modem: Name
    profile: Name | None = None
    server: Name | None = None
    """Name of a `[[server]]`; None takes the modem's own."""
    lock: RatMode | None = None
    plan: Name | None = None
    """Name of a `[[plan]]` entry, instead of `kind` and all that goes with it."""


class Accepted(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="accepted"):
    """The request is understood and its turn comes."""

    kind: str
    profile: str | None = None
    planned_s: float | None = None


class Going(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="progress"):
    """A word from inside the test."""

    progress: Progress


class Ended(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="record"):
    """The last line: the record as the outbox got it, not numbered yet."""

    record: msgspec.Raw


class Refused(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="refused"):
    """The last line where there is no record."""

    reason: str


Told = Accepted | Going | Ended | Refused


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """A test that can run on the modem it was asked for."""

    kind: str
    ready: Ready
    needs_service: bool
    plan: str
    rat_lock: RatMode | None

    def request(
        self,
        *,
        give_up_mono_ns: int,
        on_progress: OnProgress,
        done: Callable[[AnyMeasurement], None],
    ) -> TestRequest:
        """The test for a modem's worker. It goes before those of the plan."""
        return TestRequest(
            kind=self.kind,
            ready=self.ready,
            needs_service=self.needs_service,
            give_up_mono_ns=give_up_mono_ns,
            plan=self.plan,
            rat_lock=self.rat_lock,
            priority=PRIORITY,
            on_progress=on_progress,
            done=done,
        )


class Measured(NamedTuple):
    """A record, and whether the person wanted it to end early."""

    record: AnyMeasurement
    interrupted: bool = False


def prepare(config: Config, place: ModemPlace, ask: Ask) -> Prepared:
    """The test that `ask` stands for; raises `UnpreparedError`."""
    if ask.plan is not None:
        return _by_plan(config, place, ask, ask.plan)
    if ask.kind is None:
        raise UnpreparedError("needs a kind of test, or the name of a plan entry")
    server = config.server_for(place) if ask.server is None else _server(config, ask.server)
    return _prepared(
        config,
        ask.kind,
        profile=ask.profile,
        server=server,
        plan=ON_DEMAND,
        rat_lock=ask.lock,
    )


def read_record(line: bytes) -> AnyMeasurement:
    """The record of an `Ended`, which has no number yet; raises `UnreadableRecordError`."""
    try:
        name = msgspec.json.decode(line, type=_Head).kind
        kind = kinds().get(name)
        if kind is None:
            raise UnreadableRecordError(f"unknown kind {name!r}")
        record: AnyMeasurement = msgspec.json.decode(line, type=kind.measurement)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UnreadableRecordError(str(error)) from error
    return record


class _Head(msgspec.Struct, frozen=True):
    kind: str


def _by_plan(config: Config, place: ModemPlace, ask: Ask, name: str) -> Prepared:
    if ask != Ask(modem=ask.modem, plan=name):
        raise UnpreparedError("a plan entry says by itself what is tested: nothing beside it")
    entry = next((each for each in config.plan if each.name == name), None)
    if entry is None:
        known = [each.name for each in config.plan]
        raise UnpreparedError(f"no plan entry '{name}'; {suggestion(name, known)}")
    if not _runs_on(entry, place):
        raise UnpreparedError(f"plan entry '{name}' is not for modem '{place.name}'")
    return _prepared(
        config,
        entry.activity,
        profile=entry.profile,
        server=config.server_for(place, entry),
        plan=entry.name,
        rat_lock=entry.rat_lock,
    )


def _runs_on(entry: Entry, place: ModemPlace) -> bool:
    return not entry.modems or place.name in entry.modems


def _prepared(
    config: Config,
    kind: str,
    *,
    profile: str | None,
    server: Server | None,
    plan: str,
    rat_lock: RatMode | None,
) -> Prepared:
    activity = activities().get(kind)
    if activity is None:
        known = sorted(activities())
        raise UnpreparedError(f"no activity '{kind[:40]}'; {suggestion(kind, known)}")
    return Prepared(
        kind=activity.KIND,
        ready=activity.prepare(profile=profile, server=server, folder=config.profile_dir),
        needs_service=activity.NEEDS_SERVICE,
        plan=plan,
        rat_lock=rat_lock,
    )


def _server(config: Config, name: str) -> Server:
    found = next((server for server in config.server if server.name == name), None)
    if found is None:
        known = [server.name for server in config.server]
        raise UnpreparedError(f"no [[server]] '{name}'; {suggestion(name, known)}")
    return found
