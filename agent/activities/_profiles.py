"""Finding a test's profile and server, for the activities that use the network."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

from agent.activity import Job, Ready, Result, UnpreparedError
from agent.config import ChosenServer, Server
from agent.misfits import suggestion
from agent.plan.costs import most_bytes
from drivers.traffic import result
from drivers.traffic.profile import ProfileError, TrafficProfile, load_profile

P = TypeVar("P")

HTTP_PORT = 80


def load(name: str, type_: type[P], folder: Path | None) -> P:
    """The profile of this name and type; raises `UnpreparedError`."""
    folder = profile_folder() if folder is None else folder
    file = folder / f"{name}.toml"
    if not file.is_file():
        known = sorted(each.stem for each in folder.glob("*.toml"))
        raise UnpreparedError(f"no profile '{name}' in {folder}; {suggestion(name, known)}")
    try:
        profile = load_profile(file)
    except ProfileError as error:
        raise UnpreparedError(str(error)) from error
    if not isinstance(profile, type_):
        raise UnpreparedError(f"profile '{name}' is for another activity")
    return profile


def ready(profile: TrafficProfile, run: Callable[[Job], Result]) -> Ready:
    """The test with what its profile says of its time and its data."""
    return Ready(
        profile.name,
        run,
        settings=profile,
        deadline_s=profile.deadline_s,
        most_bytes=most_bytes(profile),
        planned_s=profile.planned_s,
    )


def profile_folder() -> Path:
    """The profiles that come with the program: of the checkout, or installed beside it."""
    checkout = Path(__file__).parents[2] / "config" / "profiles"
    installed = Path(sys.prefix) / "share" / "dosong" / "config" / "profiles"
    return checkout if checkout.is_dir() else installed


def others(server: Server | None) -> tuple[Server, ...]:
    """Servers to try after this one."""
    return server.others if isinstance(server, ChosenServer) else ()


def iperf_server(server: Server | None) -> result.Server:
    """The iperf3 server as the drivers know it; raises `UnpreparedError`.

    Its HTTP port comes along where both are one host: there it can be asked for a slot.
    """
    if server is None or server.iperf_host is None:
        raise UnpreparedError(_lacks(server, "iperf_host"))
    http_host, http_port = (None, None) if server.http_url is None else _address(server)
    return result.Server(
        host=server.iperf_host,
        iperf_port=server.iperf_port,
        http_port=http_port if http_host == server.iperf_host.lower() else None,
        name=server.name,
    )


def http_server(server: Server | None) -> result.Server:
    """The HTTP server as the drivers know it; raises `UnpreparedError`."""
    if server is None or server.http_url is None:
        raise UnpreparedError(_lacks(server, "http_url"))
    host, port = _address(server)
    return result.Server(host=host, http_port=port, name=server.name)


def _address(server: Server) -> tuple[str, int]:
    """Host, in small letters, and port of the server's `http_url`."""
    try:
        url = urlsplit(server.http_url or "")
        host, port = url.hostname, url.port
    except ValueError as error:
        raise UnpreparedError(f"[[server]] '{server.name}' http_url: {error}") from error
    if host is None:
        raise UnpreparedError(f"[[server]] '{server.name}' http_url: no host")
    return host, HTTP_PORT if port is None else port


def _lacks(server: Server | None, key: str) -> str:
    if server is None:
        return f"needs a [[server]] with '{key}'"
    return f"[[server]] '{server.name}' needs '{key}'"
