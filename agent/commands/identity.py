"""`dosong-agent identity`: give the probe another certificate without a moment without one."""

import argparse
import os
from pathlib import Path

from rich.console import Console

from agent.clock import Clock
from agent.commands import DONE, FAILED, Command, add_config, stdout
from agent.config import Config, ConfigError, Problem, load
from agent.identity import CA, CERT, FOLDER, KEY, Files, UnfitError, identities, install
from agent.versions import CURRENT, VersionError
from agent.words import Words, language_of


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    new = actions.add_parser("install", help="check a certificate and show it from now on")
    new.add_argument("--cert", type=Path, required=True, metavar="FILE", help="certificate, PEM")
    new.add_argument("--key", type=Path, required=True, metavar="FILE", help="its key, PEM")
    new.add_argument(
        "--ca", type=Path, metavar="FILE", help="authority, PEM (default: ca of [uplink])"
    )
    add_config(new)


def _run(chosen: argparse.Namespace) -> int:
    words = Words(language_of())
    errors = Console(stderr=True, soft_wrap=True, highlight=False)
    config = load(chosen.config)
    ca = chosen.ca or (None if config.uplink is None else config.uplink.ca)
    if ca is None:
        raise ConfigError((Problem(chosen.config.name, "uplink.ca", words("identity.no_ca")),))
    try:
        owner = config.state_dir.stat().st_uid
        if owner != os.geteuid():
            # The agent could not read a key of root's.
            errors.out(words("identity.owner", folder=config.state_dir, uid=owner))
            return FAILED
        name = install(
            identities(config.state_dir),
            Files(cert=chosen.cert, key=chosen.key, ca=ca),
            probe=config.probe,
            check_dates=Clock().wall_is_right(),
        )
    except (UnfitError, VersionError, OSError) as error:
        errors.out(str(error))
        return FAILED
    console = stdout()
    console.print(words("identity.installed", name=name))
    if not _shown(config):
        console.out(words("identity.point"), highlight=False)
        folder = config.state_dir / FOLDER / CURRENT
        for key, file in (("ca", CA), ("cert", CERT), ("key", KEY)):
            console.out(f'{key} = "{folder / file}"')
    return DONE


def _shown(config: Config) -> bool:
    """Whether the uplink takes its files from where they are changed."""
    folder = config.state_dir / FOLDER / CURRENT
    uplink = config.uplink
    return uplink is not None and (uplink.cert, uplink.key) == (folder / CERT, folder / KEY)


COMMAND = Command(
    "identity", "give the probe another certificate and key (install)", _add_arguments, _run
)
