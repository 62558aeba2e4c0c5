"""What a person is told of a plan that was sent."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from agent.remote_plan import Followed, Standing, recall
from agent.words import Words, language_of
from wire.control import PlanAnswer


class Seen:
    """Which plan an agent with this configuration follows, as far as its folder may be read."""

    def __init__(self, own: Followed, *, file: Path, utc: datetime) -> None:
        """`own` is what `file` says."""
        self.unseen: str | None = None
        """Why nobody can tell."""
        try:
            self.standing = recall(own, folder=file.absolute().parent, utc=utc)
        except OSError as error:
            self.standing = Standing(followed=own)
            self.unseen = f"{error.filename}: {error.strerror}"

    def sentences(self) -> Iterator[str]:
        """Nothing where nothing was ever sent."""
        words = Words(language_of())
        standing = self.standing
        if self.unseen is not None:
            yield words("plan.unseen", problem=self.unseen)
        elif standing.problem is not None:
            yield words("plan.unusable", problem=standing.problem)
        elif standing.in_force and standing.sent is not None:
            message = standing.sent.message
            yield _in_force(words, message.number, message.valid_until_utc)

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        standing = self.standing
        number = None if standing.sent is None else standing.sent.message.number
        problem = self.unseen or standing.problem
        return {"number": number, "in_force": standing.in_force, "problem": problem}


def answered(answer: PlanAnswer | None, words: Words) -> Iterator[str]:
    """What a running agent follows, and why not what was sent to it."""
    if answer is not None and answer.in_force and answer.accepted_number is not None:
        yield _in_force(words, answer.accepted_number, answer.in_force_until_utc)
    else:
        yield words("plan.own")
    if answer is None or answer.problem is None:
        return
    if answer.number is None or answer.number != answer.accepted_number:
        number = words.text(answer.number)
        yield words("plan.refused", number=number, problem=answer.problem)
    else:
        yield words("plan.unusable", problem=answer.problem)


def _in_force(words: Words, number: int, until_utc: datetime | None) -> str:
    if until_utc is None:
        until = words("plan.until_withdrawn")
    else:
        until = words("plan.until", until=f"{until_utc:%Y-%m-%d %H:%M}")
    return words("plan.sent", number=number, until=until)
