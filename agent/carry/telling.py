"""What a person is told of records carried out: on the terminal, and in a file on the stick."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from agent.carry.export import Exported
from agent.words import LANGUAGES, Words


def sentences(told: Exported, folder: Path, words: Words) -> Iterator[str]:
    """What came of it and what to do next, a sentence a line."""
    counts = {"rows": told.rows, "files": told.files}
    if told.unreadable:
        yield words("export.unreadable", rows=told.unreadable)
    if told.trouble is not None:
        yield words(f"export.{told.trouble}", folder=folder, reason=told.reason, **counts)
        return
    yield words("export.written", size=words.data(told.bytes), there=told.there, **counts)
    yield words("export.complete", made=told.made, folder=folder)
    yield words("export.kept")


def note(told: Exported, folder: Path, utc: datetime | None) -> str:
    """The text of a file for whoever carries the stick, in each language."""
    parts = []
    for language in LANGUAGES:
        words = Words(language)
        lines = list(sentences(told, folder, words))
        if told.trouble is None:
            lines.insert(0, _finished(words, utc))
        parts.append("".join(f"{line}\r\n" for line in lines))
    return "\r\n".join(parts)


def is_done(told: Exported) -> bool:
    """Whether everything is out."""
    return told.trouble is None and not told.unreadable


def _finished(words: Words, utc: datetime | None) -> str:
    if utc is None:
        return words("export.finished_unknown")
    return words("export.finished", utc=f"{utc:%Y-%m-%d %H:%M:%S}")
