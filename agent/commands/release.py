"""`dosong-agent release`: which version of the program runs, and how to change it."""

import argparse
import subprocess
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table

from agent.commands import DONE, FAILED, Command, add_config, add_json, stdout
from agent.config import Config
from agent.releases import FOLDER, PROGRAM, STARTS, Releases
from agent.versions import VersionError
from agent.words import Words, language_of

CHECK_TIMEOUT_S = 60.0


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION")
    listing = actions.add_parser("list", help="which versions there are (without an action: this)")
    use = actions.add_parser("use", help="take a version from the next start on, on trial")
    use.add_argument("version", metavar="VERSION", help="name of its folder")
    add_config(use)
    actions.add_parser("confirm", help="say that the current version works, before it does so")
    actions.add_parser("back", help="take the previous version from the next start on")
    actions.add_parser("started", help="count a start of the service; give up a failed version")
    for each in (parser, *actions.choices.values()):
        _add_folders(each, again=each is not parser)
    add_json(parser)
    add_json(listing)
    parser.set_defaults(action="list")


def _add_folders(parser: argparse.ArgumentParser, *, again: bool) -> None:
    folder = argparse.SUPPRESS if again else FOLDER
    state = argparse.SUPPRESS if again else Config(probe="any").state_dir
    parser.add_argument(
        "--folder", type=Path, default=folder, metavar="DIR", help=f"of the versions ({FOLDER})"
    )
    parser.add_argument(
        "--state-dir", type=Path, default=state, metavar="DIR", help="of the probe's state"
    )


def _run(chosen: argparse.Namespace) -> int:
    words = Words(language_of())
    releases = Releases(chosen.folder, state_dir=chosen.state_dir)
    try:
        match chosen.action:
            case "use":
                return _use(releases, chosen.version, chosen.config, words)
            case "confirm":
                stdout().print(words("release.confirmed", version=releases.confirm_current()))
            case "back":
                stdout().print(words("release.back", version=releases.back()))
            case "started":
                if (other := releases.count_start()) is not None:
                    stdout().print(words("release.given_up", version=other, starts=STARTS))
            case _:
                _list(releases, stdout(), words, json=chosen.json)
    except (VersionError, OSError) as error:
        _errors().out(str(error))
        return FAILED
    return DONE


def _use(releases: Releases, version: str, config: Path, words: Words) -> int:
    """Only a version that starts here, and that understands the configuration, is taken.

    The very first one is taken before there is a configuration.
    """
    if version not in releases.names():
        there = ", ".join(releases.names())
        _errors().out(words("release.unknown", version=version, versions=there))
        return FAILED
    first = releases.standing().current is None
    question = ["--help"] if first else ["check-config", str(config)]
    tried = subprocess.run(  # noqa: S603  # the administrator names it
        [releases.folder / version / PROGRAM, *question],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=CHECK_TIMEOUT_S,
        check=False,
    )
    if tried.returncode != DONE:
        _errors().out(tried.stdout.rstrip())
        _errors().out(words("release.unfit", version=version))
        return FAILED
    releases.use(version)
    key = "release.first" if first else "release.used"
    stdout().print(words(key, version=version, starts=STARTS))
    return DONE


def _list(releases: Releases, console: Console, words: Words, *, json: bool) -> None:
    now = releases.standing()
    if json:
        document = {"versions": releases.names(), **now._asdict()}
        console.out(msgspec.json.encode(document).decode())
        return
    table = Table(words("release.version"), words("release.state"))
    for name in releases.names():
        state = ""
        if name == now.current:
            trial = words("release.trial", tries=now.tries, starts=STARTS)
            state = trial if now.on_trial else words("release.current")
        elif name == now.previous:
            state = words("release.previous")
        table.add_row(name, state)
    console.print(table)


def _errors() -> Console:
    return Console(stderr=True, soft_wrap=True, highlight=False)


COMMAND = Command(
    "release", "which version of the program runs; take another, or go back", _add_arguments, _run
)
