"""The command `dosong-sim server`. One line of JSON with the ports says that all listen."""

import argparse
import contextlib
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sim.cli import Command
from sim.line import stop_signal
from sim.parts import PartError
from sim.server.control import Control, TokenError, read_token
from sim.server.http import HttpServer
from sim.server.iperf import IperfServer, is_idle
from sim.server.listener import Services
from sim.server.slots import Slots

HTTP_SLOTS = 1
MAX_HTTP_SLOTS = 1000
LOOK_S = 0.2


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--bind",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="where to listen; `::` is every address, IPv4 as well (default %(default)s)",
    )
    parser.add_argument("--http", type=int, metavar="PORT", help="serve HTTP; 0 takes a free port")
    parser.add_argument(
        "--iperf",
        type=int,
        metavar="PORT",
        action="append",
        default=[],
        help="run iperf3 here; one test at a time on each port, so repeat it for more",
    )
    parser.add_argument(
        "--slots",
        type=int,
        metavar="N",
        help="iperf3 ports that are given to one probe at a time (default: all)",
    )
    parser.add_argument(
        "--http-slots",
        type=int,
        metavar="N",
        default=HTTP_SLOTS,
        help="tests by HTTP at the same time (default %(default)s); 0 for both: no slots",
    )
    parser.add_argument(
        "--content", type=Path, metavar="DIR", help="serve the files of this folder at /content/"
    )
    parser.add_argument(
        "--control-token-file",
        type=Path,
        metavar="FILE",
        help="take control tests from whoever has the token in this file",
    )


def _run(arguments: argparse.Namespace) -> int:
    logging.basicConfig(level=logging.INFO, format="server %(message)s")
    wrong = _contradiction(arguments)
    if wrong is not None:
        sys.stderr.write(f"dosong-sim server: {wrong}\n")
        return 2
    try:
        with stop_signal() as stop, contextlib.ExitStack() as stack:
            ready = _start(arguments, stack)
            sys.stdout.write(json.dumps(ready) + "\n")
            sys.stdout.flush()
            _sleep_until(lambda: stop.is_set)
    except (PartError, OSError, TokenError) as error:
        sys.stderr.write(f"dosong-sim server: {error}\n")
        return 1
    return 0


def _contradiction(arguments: argparse.Namespace) -> str | None:
    """What is wrong with the command line as a whole."""
    ports = len(arguments.iperf)
    if arguments.http is None and not ports:
        return "give --http or --iperf"
    if arguments.slots is not None and not 0 <= arguments.slots <= ports:
        return f"--slots: from 0 to the number of --iperf ports, {ports}"
    if not 0 <= arguments.http_slots <= MAX_HTTP_SLOTS:
        return f"--http-slots: from 0 to {MAX_HTTP_SLOTS}"
    if arguments.http is None and (arguments.content or arguments.control_token_file):
        return "--content and --control-token-file need --http"
    if arguments.content is not None and not arguments.content.is_dir():
        return f"--content: no folder {arguments.content}"
    return None


def _start(arguments: argparse.Namespace, stack: contextlib.ExitStack) -> dict[str, Any]:
    """Start all servers, which end with the stack; what to say when they listen."""
    host: str = arguments.bind
    ports: list[int] = arguments.iperf
    token_file: Path | None = arguments.control_token_file
    control = None if token_file is None else Control(read_token(token_file))
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dosong-server-")))
    ready: dict[str, Any] = {"host": host, "iperf": ports}
    for port in ports:
        stack.enter_context(IperfServer(host, port, log=folder / f"iperf3-{port}.log"))
    if arguments.http is not None:
        slots = Slots(
            iperf_ports=ports[: arguments.slots], http=arguments.http_slots, is_idle=is_idle
        )
        services = Services(
            slots=slots if slots.total else None, control=control, content=arguments.content
        )
        ready["http"] = stack.enter_context(HttpServer(host, arguments.http, services)).port
        ready["slots"] = slots.total
    return ready


def _sleep_until(stopped: Callable[[], bool]) -> None:
    while not stopped():
        time.sleep(LOOK_S)


COMMAND = Command(
    name="server",
    help="iperf3 and HTTP servers for throughput, video and latency tests",
    add_arguments=_add_arguments,
    run=_run,
)
