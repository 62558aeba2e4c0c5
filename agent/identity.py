"""The certificate the probe shows, changed without a moment in which there is none.

Below `identity` of the state folder each certificate with its key and its authority is a version
of its own (`agent.versions`); `[uplink]` names the files below `current`.
"""

import hashlib
import logging
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from agent.certificate_dates import NO_CHECK_TIME
from agent.durable import PRIVATE
from agent.outbox import MakesEvents
from agent.publisher.errors import DistrustError, LinkError, RefusedError
from agent.versions import Versions

log = logging.getLogger(__name__)

FOLDER = "identity"
CERT, KEY, CA = "cert.pem", "key.pem", "ca.pem"
REFUSALS = 3
"""That end the turn of a new identity; the publisher waits minutes between them."""
NAME_CHARS = 16


class UnfitError(Exception):
    """These files are no identity of this probe; the text says which and why."""


class Files(NamedTuple):
    """A certificate with its key, and who vouches for it and for the broker."""

    cert: Path
    key: Path
    ca: Path


def identities(state_dir: Path) -> Versions:
    """The probe's; `current` is the one it shows."""
    return Versions(state_dir / FOLDER)


def install(versions: Versions, files: Files, *, probe: str, check_dates: bool) -> str:
    """Check an identity, bring it to the disk and show it from the next connection on; its name.

    Raises `UnfitError`, and OSError where nothing can be written.
    """
    check(files, probe=probe, check_dates=check_dates)
    contents = {CERT: files.cert, KEY: files.key, CA: files.ca}
    read = {name: file.read_bytes() for name, file in contents.items()}
    name = hashlib.sha256(b"\0".join(read.values())).hexdigest()[:NAME_CHARS]

    def fill(folder: Path) -> None:
        for file, content in read.items():
            target = folder / file
            target.touch(mode=PRIVATE)
            target.write_bytes(content)

    if name not in versions.names():
        versions.stage(name, fill)
    versions.use(name)
    versions.prune()
    return name


def check(files: Files, *, probe: str, check_dates: bool) -> None:
    """Raise `UnfitError` unless key, certificate, authority and the probe's name fit together.

    A handshake in memory shows it, with this certificate at both ends: the server believes the
    client as the broker will have to.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE  # the authority need not have made it for a server
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.verify_mode = ssl.CERT_REQUIRED
    if not check_dates:
        server.verify_flags |= NO_CHECK_TIME
    try:
        server.load_verify_locations(files.ca)
    except (OSError, ValueError) as error:
        raise UnfitError(f"{files.ca}: {error}") from error
    try:
        for end in (client, server):
            end.load_cert_chain(files.cert, files.key, password=_no_password)
    except (OSError, ValueError) as error:
        raise UnfitError(f"{files.cert} with {files.key}: {error}") from error
    try:
        names = _believed_names(client, server)
    except ssl.SSLError as error:
        raise UnfitError(f"{files.cert} is not believed by {files.ca}: {error}") from error
    if names != [probe]:
        named = ", ".join(names) or "nobody"
        raise UnfitError(f"{files.cert} names {named}, and the probe is {probe}")


class Trial:
    """What the publisher's connections say of a new identity: it is kept, or gone back from."""

    def __init__(self, versions: Versions, record_event: MakesEvents) -> None:
        self._versions = versions
        self._record_event = record_event

    def hear(self, error: LinkError | None) -> None:
        """A connection came about, or why it did not."""
        try:
            now = self._versions.standing()
            if not now.on_trial or now.current is None:
                return
            if error is None:
                self._versions.confirm(now.current)
                self._tell("identity_confirmed", "info", {"identity": now.current})
            elif _is_refusal(error) and self._versions.count_try() >= REFUSALS:
                other = self._versions.swap()
                detail = {"refused": now.current, "identity": other, "reason": str(error)}
                self._tell("identity_refused", "error", detail)
        except OSError as problem:
            log.warning("the trial of a new certificate cannot be kept: %s", problem)

    def _tell(self, name: str, severity: str, detail: dict[str, str]) -> None:
        log.info("%s: %s", name, detail)
        self._record_event(name, severity=severity, detail=detail)


def _believed_names(client: ssl.SSLContext, server: ssl.SSLContext) -> list[str]:
    """The common names of the client's certificate once the server believes it."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for end in (near, far, near, far):
        with suppress(ssl.SSLWantReadError):  # it is the other end's turn
            end.do_handshake()
    subject: Any = (far.getpeercert() or {}).get("subject", ())
    return [value for part in subject for name, value in part if name == "commonName"]


def _is_refusal(error: LinkError) -> bool:
    """Whether the broker was there and did not want us as we are."""
    return isinstance(error, DistrustError | RefusedError)


def _no_password() -> str:
    """A probe starts with nobody there to type one."""
    return ""
