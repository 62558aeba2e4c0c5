"""Finding a test's profile and server, for the activities that use the network."""

import sys
from pathlib import Path
from typing import TypeVar

from agent.activity import UnpreparedError
from agent.config import Server
from agent.misfits import suggestion
from drivers.traffic import result
from drivers.traffic.profile import ProfileError, load_profile

P = TypeVar("P")


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


def profile_folder() -> Path:
    """The profiles that come with the program: of the checkout, or installed beside it."""
    checkout = Path(__file__).parents[2] / "config" / "profiles"
    installed = Path(sys.prefix) / "share" / "dosong" / "config" / "profiles"
    return checkout if checkout.is_dir() else installed


def other_end(server: Server | None, *needs: str) -> result.Server:
    """The server as the drivers know it, offering what is needed; raises `UnpreparedError`."""
    if server is None:
        raise UnpreparedError("needs a [[server]]")
    for port in needs:
        if getattr(server, port) is None:
            raise UnpreparedError(f"[[server]] '{server.name}' needs '{port}'")
    return result.Server(host=server.host, http_port=server.http_port, iperf_port=server.iperf_port)
