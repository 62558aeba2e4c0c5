"""`dosong-agent export`: what the outbox holds as files, also while the service runs."""

import argparse
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from agent.carry.export import Export, Exported, Progress, trouble_of
from agent.carry.folder import Folder
from agent.carry.telling import is_done, sentences
from agent.clock import MADE_AT
from agent.commands import DONE, FAILED, Command, add_config, add_json, stdout
from agent.config import Config, load
from agent.outbox.errors import OutboxError
from agent.parts import OUTBOX_FILE, SOFTWARE
from agent.words import LANGUAGES, Words, language_of


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--to",
        required=True,
        type=Path,
        metavar="DIR",
        help="folder on the stick; made if the one it lies in is there",
    )
    parser.add_argument("--lang", choices=LANGUAGES, help="language (default: that of LANG)")
    add_config(parser)
    add_json(parser)


def _run(chosen: argparse.Namespace) -> int:
    config = load(chosen.config)
    outbox = config.state_dir / OUTBOX_FILE
    words = Words(chosen.lang or language_of())
    tell = Console(stderr=True, soft_wrap=True, highlight=False, markup=False)
    if not outbox.exists():
        tell.print(words("export.nothing", outbox=outbox))
        return FAILED
    try:
        chosen.to.mkdir(exist_ok=True)
        with Folder(chosen.to) as folder:
            if folder.device == config.state_dir.stat().st_dev:
                tell.print(words("export.same_disk", folder=chosen.to))
            told = _export(config, folder, tell, words)
    except OutboxError as error:
        tell.print(words("export.no_outbox", reason=error))
        return FAILED
    except FileNotFoundError as error:
        tell.print(words("export.no_folder", folder=error.filename))
        return FAILED
    except OSError as error:
        key = f"export.{trouble_of(error)}"
        tell.print(words(key, folder=chosen.to, reason=error.strerror, rows=0, files=0))
        return FAILED
    _answer(told, chosen, tell, words)
    return DONE if is_done(told) else FAILED


def _export(config: Config, folder: Folder, tell: Console, words: Words) -> Exported:
    outbox = config.state_dir / OUTBOX_FILE
    export = Export(outbox=outbox, probe=config.probe, software=SOFTWARE, utc=_utc)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=tell) as bar:
        task = bar.add_task(words("export.bar", rows=0, files=0), total=1.0)

        def show(now: Progress) -> None:
            text = words("export.bar", rows=now.rows, files=now.files)
            bar.update(task, completed=now.share, description=text)

        told = export.into(folder, show)
        bar.update(task, completed=1.0 if is_done(told) else None)
        return told


def _answer(told: Exported, chosen: argparse.Namespace, tell: Console, words: Words) -> None:
    if chosen.json:
        stdout().out(msgspec.json.encode({"complete": is_done(told), "result": told}).decode())
        return
    # What went wrong goes where errors go, so that it is seen in a script as well.
    console = stdout() if is_done(told) else tell
    for sentence in sentences(told, chosen.to, words):
        console.out(sentence)
    if is_done(told):
        console.out(words("export.next"))


def _utc() -> datetime | None:
    """The system's clock, if it can be right at all."""
    now = datetime.now(UTC)
    return now if now >= MADE_AT else None


COMMAND = Command(
    "export", "what the outbox holds, as files to carry by hand", _add_arguments, _run
)
