"""A test on the first server that has time for it."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

import msgspec

from drivers.traffic.result import Server, TestResult
from wire.evidence import ServerCheck
from wire.messages import Outcome

SERVERS_STAGES = ("server", "connect", "request", "dns")
"""Stages at which another server may do better; what the others name would be the same there."""


class Checked(Protocol):
    """A payload that says what server it is of."""

    @property
    def server_check(self) -> ServerCheck:
        """What that server said of itself."""
        ...


P = TypeVar("P", bound=Checked)


def run_on_any(
    servers: Sequence[Server],
    run: Callable[[Server], TestResult[P]],
    *,
    untouched: Callable[[P], bool],
    may_go_on: Callable[[], bool],
) -> TestResult[P]:
    """The result on the first server that did not refuse before the first byte of payload.

    `untouched` tells of a payload that no byte came; `may_go_on` whether there is time for another
    server. `server_check.tried` names the other servers that were asked. If none did better, the
    result is the first that shows a network that works (`invalid`: a server's fault), else the
    first.
    """
    results: list[TestResult[P]] = []
    for server in servers:
        if results and not may_go_on():
            break
        results.append(run(server))
        if not (_is_the_servers(results[-1]) and untouched(results[-1].payload)):
            return _noting(results[-1], servers, results)
    spoke = [each for each in results if each.outcome is Outcome.INVALID]
    return _noting((spoke or results)[0], servers, results)


def _is_the_servers(result: TestResult[P]) -> bool:
    if result.outcome not in {Outcome.FAILED, Outcome.INVALID} or result.reason is None:
        return False
    return result.reason.partition(":")[0] in SERVERS_STAGES


def _noting(
    chosen: TestResult[P], servers: Sequence[Server], results: Sequence[TestResult[P]]
) -> TestResult[P]:
    """The chosen result, with what became of the others."""
    tried = tuple(
        f"{server.name or server.host}: {result.reason}"
        for server, result in zip(servers, results, strict=False)
        if result is not chosen
    )
    if not tried:
        return chosen
    check = msgspec.structs.replace(chosen.payload.server_check, tried=tried)
    payload = cast("P", msgspec.structs.replace(cast("Any", chosen.payload), server_check=check))
    return msgspec.structs.replace(chosen, payload=payload)
