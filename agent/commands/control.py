"""`dosong-agent control`: how fast a measurement server is from a wired host, told to the server.

Probes read it there: a low rate counts against a mobile network only while its server is fast.
"""

import argparse
import http.client
import re
import threading
from pathlib import Path
from typing import cast

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.status import Status

from agent.activities import activities
from agent.activities._profiles import http_server
from agent.activities._profiles import load as load_profile
from agent.activity import Job, Ready, UnpreparedError
from agent.commands import (
    DONE,
    FAILED,
    Command,
    add_config,
    add_json,
    add_log_level,
    log_to_stderr,
    stdout,
)
from agent.config import Config, Server, load
from agent.misfits import suggestion
from agent.orders import OrderError
from drivers.traffic import result
from drivers.traffic.http import Fuse
from drivers.traffic.profile import ThroughputProfile
from drivers.traffic.result import Progress
from wire.cells import Rat
from wire.kinds import scan, throughput
from wire.messages import Outcome

PROFILES = {"down": "tcp-6x10s-down", "up": "tcp-6x10s-up"}
REPORT_TIMEOUT_S = 10.0
TOKEN = re.compile(r"[A-Za-z0-9._~+/=-]+")
"""RFC 6750, 2.1."""
MAX_TOKEN_BYTES = 1024


class Tested(msgspec.Struct, frozen=True, kw_only=True):
    """One direction."""

    profile: str
    outcome: Outcome
    reason: str | None = None
    bits_per_second: float | None = None


class Controlled(msgspec.Struct, frozen=True, kw_only=True):
    """The whole, as `--json` tells it."""

    server: str
    down: Tested
    up: Tested
    reported: bool
    error: str | None = None
    """Why it was not reported."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--server", required=True, metavar="NAME", help="by its configured name")
    parser.add_argument(
        "--token-file",
        type=Path,
        required=True,
        metavar="FILE",
        help="the token the server was given by --control-token-file",
    )
    for way, profile in PROFILES.items():
        parser.add_argument(
            f"--{way}-profile",
            default=profile,
            metavar="NAME",
            help=f"test profile {way} (default: %(default)s)",
        )
    add_config(parser)
    add_json(parser)
    add_log_level(parser, "warning")


def _run(chosen: argparse.Namespace) -> int:
    log_to_stderr(chosen.log_level)
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    config = load(chosen.config)
    try:
        token = _token(chosen.token_file)
        server = _server(config, chosen.server)
        target = http_server(server)
        profiles = {"down": chosen.down_profile, "up": chosen.up_profile}
        ready = {way: _prepare(way, name, server, config) for way, name in profiles.items()}
    except UnpreparedError as error:
        errors.out(f"control: {error}")
        return FAILED
    with errors.status("control") as line:
        down, up = (_test(way, ready[way], line, config.probe) for way in PROFILES)
    unreported = _untold(down, up) or _report(target, token, down, up)
    controlled = Controlled(
        server=server.name, down=down, up=up, reported=unreported is None, error=unreported
    )
    if chosen.json:
        stdout().out(msgspec.json.encode(controlled).decode())
    else:
        _show(stdout(), controlled)
    if unreported is not None:
        errors.out(f"control: {unreported}")
        return FAILED
    return DONE


def _token(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            token = stream.read(MAX_TOKEN_BYTES).decode("ascii", errors="replace").strip()
    except OSError as error:
        raise UnpreparedError(f"{file}: {error.strerror}") from error
    if TOKEN.fullmatch(token) is None:
        raise UnpreparedError(f"{file}: holds no token")
    return token


def _server(config: Config, name: str) -> Server:
    for server in config.server:
        if server.name == name:
            return server
    known = [server.name for server in config.server]
    raise UnpreparedError(f"no [[server]] '{name}'; {suggestion(name, known)}")


def _prepare(way: str, profile: str, server: Server, config: Config) -> Ready:
    """The test of one direction; raises `UnpreparedError`."""
    direction = load_profile(profile, ThroughputProfile, config.profile_dir).direction
    if direction != way:
        raise UnpreparedError(f"profile '{profile}' goes {direction}, not {way}")
    activity = activities()["throughput"]
    return activity.prepare(profile=profile, server=server, folder=config.profile_dir)


def _test(way: str, ready: Ready, line: Status, probe: str) -> Tested:
    """Run one direction unbound: over whatever link this host has."""

    def tell(now: Progress) -> None:
        rate = now.bits_per_second
        speed = "" if rate is None else f", {rate / 1e6:.0f} Mbit/s"
        line.update(escape(f"{way}: {now.stage}, {now.elapsed_s:.0f} s{speed}"))

    line.update(way)
    job = Job(
        interface=None,
        cancel=threading.Event(),
        on_progress=tell,
        scan=_no_modem,
        probe=probe,
    )
    end = ready.run(job)
    payload = cast("throughput.Payload | None", end.payload)
    return Tested(
        profile=ready.profile or "",
        outcome=end.outcome,
        reason=end.reason,
        bits_per_second=None if payload is None else payload.bits_per_second,
    )


def _no_modem(_: frozenset[Rat]) -> scan.Payload:
    raise OrderError("a control test has no modem")


def _untold(down: Tested, up: Tested) -> str | None:
    """Why nothing is told: half a test would replace a whole one."""
    for way, test in (("down", down), ("up", up)):
        if test.outcome is not Outcome.OK or test.bits_per_second is None:
            return f"{way}: {test.reason or 'no rate was measured'}; nothing is reported"
    return None


def _report(target: result.Server, token: str, down: Tested, up: Tested) -> str | None:
    """Tell the server, within about `REPORT_TIMEOUT_S`; why it could not be told, if so."""
    where = f"{target.host}:{target.http_port}"
    rates = {
        "down_bits_per_second": down.bits_per_second,
        "up_bits_per_second": up.bits_per_second,
    }
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(target.host, target.http_port, timeout=REPORT_TIMEOUT_S)
    try:
        with Fuse(threading.Event(), deadline_s=REPORT_TIMEOUT_S) as fuse:
            connection.connect()
            fuse.guard(connection.sock)
            connection.request("PUT", "/control", msgspec.json.encode(rates), headers)
            status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"the result did not reach {where}: {error}"
    finally:
        connection.close()
    match status:
        case http.HTTPStatus.NO_CONTENT:
            return None
        case http.HTTPStatus.UNAUTHORIZED:
            return f"{where} knows another token: compare the two files"
        case http.HTTPStatus.NOT_FOUND:
            return f"{where} takes no control tests: start it with --control-token-file"
        case _:
            return f"{where} did not take the result: HTTP {status}"


def _show(console: Console, controlled: Controlled) -> None:
    for way, test in (("down", controlled.down), ("up", controlled.up)):
        rate = test.bits_per_second
        speed = "no rate" if rate is None else f"{rate / 1e6:.1f} Mbit/s"
        because = "" if test.reason is None else f" ({escape(test.reason)})"
        console.print(f"{way}: {test.outcome}, {speed}{because}")
    if controlled.reported:
        console.print(f"reported to {controlled.server}")


COMMAND = Command(
    "control",
    "test a server from this wired host and tell it the result",
    _add_arguments,
    _run,
)
