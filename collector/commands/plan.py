"""`dosong-collector plan`: sign a plan, send it to a probe, and hear what the probe says to it."""

import argparse
import os
import stat
import sys
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from collector.commands import (
    DONE,
    FAILED,
    Command,
    add_config,
    add_json,
    print_json,
    printable,
    stdout,
)
from collector.config import load
from collector.ingest.visit import Visit
from wire import topics
from wire.control import PlanAnswer, Presence
from wire.signature import UnusableKeyError, new_secret_key, public_key_of
from wire.signed_plan import (
    MAX_BYTES,
    TABLES,
    RefusedPlanError,
    SignedPlan,
    decode_plan,
    digest,
    encode_plan,
    signed,
)

PRESENCE_S = 2.0
"""A retained presence comes at once, or there is none."""
WAIT_S = 40.0
"""A probe says how it is every ten seconds."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    keygen = actions.add_parser("keygen", help="make a secret key, and print its public one")
    keygen.add_argument("--to", type=Path, required=True, metavar="FILE", help="a new file")
    keygen.set_defaults(action=_keygen)
    send = actions.add_parser("send", help="sign a plan and send it to a probe")
    send.add_argument("probe", metavar="PROBE")
    send.add_argument("file", type=Path, metavar="FILE", help="TOML with [[plan]] and the like")
    withdraw = actions.add_parser("withdraw", help="have a probe follow its own plan again")
    withdraw.add_argument("probe", metavar="PROBE")
    for action in (send, withdraw):
        action.add_argument("--key", type=Path, required=True, metavar="FILE", help="secret key")
        action.add_argument(
            "--number", type=int, metavar="N", help="by default the time, as digits"
        )
        action.add_argument(
            "--wait",
            type=float,
            default=WAIT_S,
            metavar="S",
            help="for the probe's answer (default: %(default)g)",
        )
        action.add_argument(
            "--dry-run", action="store_true", help="print the message, send nothing"
        )
        add_config(action)
        add_json(action)
        action.set_defaults(action=_send)
    send.add_argument(
        "--valid-until",
        type=_instant,
        metavar="TIME",
        help='e.g. "2026-12-31T17:00Z"; by default until it is withdrawn',
    )
    withdraw.set_defaults(file=None, valid_until=None)


def _run(arguments: argparse.Namespace) -> int:
    code: int = arguments.action(arguments)
    return code


def _keygen(arguments: argparse.Namespace) -> int:
    secret = new_secret_key()
    descriptor = os.open(arguments.to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(secret + "\n")
        stream.flush()
        os.fsync(descriptor)
    note = f"{arguments.to}: keep it secret. In the configuration of each probe:"
    sys.stderr.write(note + "\n")
    stdout().print(f'[plan_updates]\npublic_keys = ["{public_key_of(secret)}"]', markup=False)
    return DONE


def _send(arguments: argparse.Namespace) -> int:
    plan = "" if arguments.file is None else _plan_in(arguments.file)
    secret = _secret_key_in(arguments.key)
    now = datetime.now(UTC).replace(microsecond=0)

    def message(answered: PlanAnswer | None) -> bytes:
        number = _next_number(now, answered) if arguments.number is None else arguments.number
        unsigned = SignedPlan(
            probe=arguments.probe,
            number=number,
            made_utc=now,
            valid_until_utc=arguments.valid_until,
            plan=plan,
        )
        payload = encode_plan(signed(unsigned, secret))
        decode_plan(payload)  # a probe would not read what we cannot
        return payload

    if arguments.dry_run:
        stdout().out(message(None).decode(), highlight=False)
        return DONE
    status = topics.status(arguments.probe)
    with Visit(load(arguments.config).planner, topic=status) as broker:
        known = _presence(broker, PRESENCE_S)
        payload = message(None if known is None else known.plan)
        broker.deliver(topics.plan(arguments.probe), payload)
        answer = _answer(broker, digest(payload), arguments.wait)
    return _tell(arguments, decode_plan(payload).number, answer)


def _tell(arguments: argparse.Namespace, number: int, answer: PlanAnswer | None) -> int:
    probe = arguments.probe
    if arguments.json:
        print_json({"probe": probe, "number": number, "answer": answer})
    elif answer is None:
        stdout().print(
            f"{probe}: sent, number {number}. No answer within {arguments.wait:g} s;"
            " the broker keeps it until the probe comes."
        )
    elif answer.problem is not None:
        stdout().print(printable(f"{probe}: refused, number {number}: {answer.problem}"))
    elif answer.in_force:
        stdout().print(f"{probe}: accepted, number {number}. It is in force.")
    else:
        stdout().print(f"{probe}: accepted, number {number}. The probe follows its own plan.")
    return DONE if answer is not None and answer.accepted else FAILED


def _answer(broker: Visit, wanted: str, wait_s: float) -> PlanAnswer | None:
    """What the probe says to the message of this digest."""
    deadline_s = time.monotonic() + wait_s
    while (left_s := deadline_s - time.monotonic()) > 0:
        presence = _presence(broker, left_s)
        answer = None if presence is None else presence.plan
        if answer is not None and answer.digest == wanted:
            return answer
    return None


def _presence(broker: Visit, timeout_s: float) -> Presence | None:
    content = broker.hear(timeout_s)
    if content is None:
        return None
    try:
        return msgspec.json.decode(content, type=Presence)
    except (ValueError, RecursionError):
        return None


def _next_number(now: datetime, answered: PlanAnswer | None) -> int:
    """The time as digits, 20261201050000: it counts up without anybody counting."""
    accepted = 0 if answered is None else answered.accepted_number or 0
    return max(int(f"{now:%Y%m%d%H%M%S}"), accepted + 1)


def _plan_in(file: Path) -> str:
    """The plan, as far as it can be checked without its probe; raises `RefusedPlanError`."""
    with file.open("rb") as stream:
        content = stream.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise RefusedPlanError(f"{file}: longer than {MAX_BYTES} bytes")
    try:
        plan = content.decode()
        document: dict[str, Any] = tomllib.loads(plan)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise RefusedPlanError(f"{file}: not TOML: {error}") from error
    for key in document:
        if key not in TABLES:
            raise RefusedPlanError(f"{file}: '{key}' cannot be sent; only {', '.join(TABLES)}")
    if not document:
        raise RefusedPlanError(f"{file}: has no plan; `plan withdraw` takes the last one back")
    return plan


def _secret_key_in(file: Path) -> str:
    with file.open("rb") as stream:
        if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o077:
            raise UnusableKeyError(f"{file}: others may read it: chmod 600 {file}")
        text = stream.read(200).decode("ascii", errors="replace")
    try:
        public_key_of(text)
    except UnusableKeyError as error:
        raise UnusableKeyError(f"{file}: {error}") from error
    return text


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    if instant.tzinfo is None:
        raise argparse.ArgumentTypeError(f"'{text}' does not say its zone: put Z or +07:00 behind")
    return instant.astimezone(UTC)


COMMAND = Command("plan", "sign plans, and send them to probes", _add_arguments, _run)
