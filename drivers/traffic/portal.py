"""Is there somebody in between who answers for everybody: a captive portal."""

from http import HTTPStatus

from drivers.traffic.http import Fuse, HttpConnection, portal
from drivers.traffic.netpath import Address, NetPath
from drivers.traffic.result import CancelledError, TrafficError
from wire.messages import Outcome

RESOURCE = "/generate_204"


def refuse_portal(
    address: Address, path: NetPath, fuse: Fuse, *, host: str, timeout_s: float
) -> None:
    """Ask for an answer without content; raises `TrafficError` of stage `portal`.

    A portal redirects to another host (RFC 6585 6 names why) or answers 200 with a page of its own.
    A server that says 404 or the like has no such resource and proves nothing, and so does a
    request that fails: the transfer after it will tell.
    """
    try:
        connection = HttpConnection(address, path, fuse, host=host, connect_timeout_s=timeout_s)
        try:
            answer = connection.ask("GET", RESOURCE, silence_s=timeout_s)
        finally:
            connection.close()
    except CancelledError:
        raise
    except TrafficError:
        return
    foreign = portal(answer.status, answer.headers.get("location"), host=host)
    if foreign is None and answer.status == HTTPStatus.OK:
        foreign = TrafficError("portal", "HTTP 200", outcome=Outcome.INVALID)
    if foreign is not None:
        raise foreign
