"""A plan that was sent to this probe: whether to believe it, and what follows from it."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from agent.config import Config, ConfigError, with_tables
from agent.durable import write_durably
from agent.planned import Planned, prepare
from wire.signature import PublicKey, is_signed
from wire.signed_plan import MAX_BYTES, RefusedPlanError, SignedPlan, decode_plan, signed_bytes

NAME = "remote-plan.json"


class Followed(NamedTuple):
    """A configuration and what its plan asks for."""

    config: Config
    planned: tuple[Planned, ...]


class Sent(NamedTuple):
    """A message that was verified, and its bytes."""

    message: SignedPlan
    payload: bytes


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is followed: the probe's own plan, or the one that was sent."""

    followed: Followed
    sent: Sent | None = None
    """The last message that was accepted, also one that has ended."""
    in_force: bool = False
    problem: str | None = None
    """Why nothing that was sent is in force although something should be."""


def judge(payload: bytes, *, probe: str, public_keys: tuple[PublicKey, ...]) -> Sent:
    """The message, if a known key signed it for this probe; raises `RefusedPlanError`."""
    message = decode_plan(payload)
    if message.probe != probe:
        reason = f"it is for probe {message.probe}"
    elif not public_keys:
        reason = "[plan_updates] public_keys of the configuration is empty"
    elif not message.signature:
        reason = "it is not signed"
    elif not is_signed(signed_bytes(message), message.signature, public_keys):
        reason = "the signature is wrong, or of a key that is not in [plan_updates] public_keys"
    else:
        return Sent(message, payload)
    raise RefusedPlanError(reason, number=message.number)


def refuse_stale(message: SignedPlan, last: Sent | None, utc: datetime | None) -> None:
    """Raise `RefusedPlanError` for what was sent before, and for what has ended already."""
    if last is not None and message.number <= last.message.number:
        reason = f"number {message.number} is not above {last.message.number}, the last accepted"
        raise RefusedPlanError(reason, number=message.number)
    if has_ended(message, utc):
        reason = f"it was valid until {message.valid_until_utc}"
        raise RefusedPlanError(reason, number=message.number)


def has_ended(message: SignedPlan, utc: datetime | None) -> bool:
    """Whether its time is over; never while the time is unknown."""
    until = message.valid_until_utc
    return utc is not None and until is not None and utc >= until


def stand(own: Followed, sent: Sent | None, *, folder: Path, utc: datetime | None) -> Standing:
    """What is to be followed once `sent` was accepted by a probe with this configuration.

    `folder` is that of the configuration.
    """
    if sent is None or not sent.message.plan.strip() or has_ended(sent.message, utc):
        return Standing(followed=own, sent=sent)
    name = f"plan {sent.message.number}"
    try:
        config = with_tables(own.config, sent.message.plan, name=name, folder=folder)
        followed = Followed(config, prepare(config, name=name))
    except ConfigError as error:
        return Standing(followed=own, sent=sent, problem=str(error.problems[0]))
    return Standing(followed=followed, sent=sent, in_force=True)


def keep(sent: Sent, state_dir: Path) -> None:
    """Have it on the disk, instead of the one before, on return; raises OSError."""
    write_durably(state_dir / NAME, sent.payload)


def recall(own: Followed, *, folder: Path, utc: datetime | None) -> Standing:
    """What an agent follows that starts now; what was kept is verified anew. Raises OSError."""
    config = own.config
    file = config.state_dir / NAME
    try:
        with file.open("rb") as stream:
            payload = stream.read(MAX_BYTES + 1)
        sent = judge(payload, probe=config.probe, public_keys=config.plan_updates.public_keys)
    except FileNotFoundError:
        return Standing(followed=own)
    except RefusedPlanError as error:
        return Standing(followed=own, problem=f"{NAME}: {error.reason}")
    return stand(own, sent, folder=folder, utc=utc)
