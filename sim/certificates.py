"""A small certificate authority for demos and tests: one identity per probe, broker, collector.

Not for the field: the authority's key lives only as long as the process that made it.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import trustme

from sim.cli import Command

COLLECTOR = "collector"
PLANNER = "planner"
"""Sends plans to probes."""
BROKER = "broker"
DASHBOARD = "dashboard"
"""Reads what the collector shows of the latest records."""


class Identity(NamedTuple):
    """Files of one certificate and its key, readable by their owner only."""

    certificate: Path
    key: Path


class Authority:
    """Makes `ca.crt` in a folder and issues `NAME.crt` and `NAME.key` beside it."""

    def __init__(self, folder: Path) -> None:
        """Make the authority; `folder` is created for its owner only."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._authority = trustme.CA(organization_name="dosong demo")
        self._servers: dict[tuple[str, tuple[str, ...]], Identity] = {}
        self.certificate = folder / "ca.crt"
        _write(self.certificate, self._authority.cert_pem.bytes())

    def server(self, name: str = BROKER, *, address: str = "127.0.0.1") -> Identity:
        """Identity of a server on this machine, or where it is reached otherwise.

        Issued once: servers that share it may be reading its files.
        """
        hosts = tuple(dict.fromkeys(("localhost", "127.0.0.1", address)))
        if (name, hosts) not in self._servers:
            self._servers[name, hosts] = self._issue(name, *hosts)
        return self._servers[name, hosts]

    def client(self, name: str) -> Identity:
        """Identity of a client; the broker knows it by `name`, the certificate's CN."""
        return self._issue(name, name)

    def _issue(self, name: str, *hosts: str) -> Identity:
        issued = self._authority.issue_cert(*hosts, common_name=name, organization_name="dosong")
        identity = files(self._folder, name)
        _write(identity.certificate, b"".join(pem.bytes() for pem in issued.cert_chain_pems))
        _write(identity.key, issued.private_key_pem.bytes())
        return identity


def files(folder: Path, name: str) -> Identity:
    """Where an authority in `folder` keeps the identity of `name`."""
    return Identity(folder / f"{name}.crt", folder / f"{name}.key")


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.chmod(0o600)
    path.write_bytes(content)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, help="where ca.crt and NAME.crt, NAME.key go")
    parser.add_argument("names", nargs="+", metavar="NAME", help="clients: probes, collector")


def _run(arguments: argparse.Namespace) -> int:
    authority = Authority(arguments.folder)
    authority.server()
    for name in arguments.names:
        authority.client(name)
    return 0


COMMAND = Command(
    name="certificates",
    help="make a demo authority, a broker's certificate and one per client",
    add_arguments=_add_arguments,
    run=_run,
)
