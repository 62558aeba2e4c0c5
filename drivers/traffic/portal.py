"""Is there somebody in between who answers for everybody: a captive portal."""

import contextlib
import http.client
from http import HTTPStatus

from drivers.traffic.http import Fuse
from drivers.traffic.netpath import Address, NetPath
from drivers.traffic.result import TrafficError
from wire.messages import Outcome

RESOURCE = "/generate_204"


def refuse_portal(
    address: Address, path: NetPath, fuse: Fuse, *, host: str, timeout_s: float
) -> None:
    """Ask for an answer without content; raises `TrafficError` of stage `portal`.

    A portal redirects (RFC 6585 6 names why) or answers 200 with a page of its own. A server that
    says 404 or the like has no such resource and proves nothing, and so does a request that fails:
    the transfer after it will tell.
    """
    try:
        stream = fuse.open_stream(address, path, timeout_s=timeout_s)
    except TrafficError:
        return
    client = http.client.HTTPConnection(host, address.port)
    client.auto_open = 0  # it would open one off the path
    client.sock = stream
    try:
        client.request("GET", RESOURCE, headers={"Connection": "close"})
        status = client.getresponse().status
    except (OSError, http.client.HTTPException, ValueError):
        return
    finally:
        fuse.release(stream)
        with contextlib.suppress(OSError):
            client.close()
    redirected = HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST
    if redirected or status in {HTTPStatus.OK, HTTPStatus.NETWORK_AUTHENTICATION_REQUIRED}:
        raise TrafficError("portal", f"HTTP {status}", outcome=Outcome.INVALID)
