"""Who does a test that a person wants now: the running service, or the modem opened here."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from rich.console import Console

from agent.bench import bench
from agent.commands._modem import HELD_BY_SERVICE
from agent.commands.status import read_presence
from agent.config import Config, ModemPlace
from agent.demand.client import NoServiceError, NotAllowedError, RefusedError, ask, service
from agent.demand.messages import RADIO, Ask, Measured, prepare
from agent.words import Words
from drivers.traffic.result import OnProgress

NOT_ALLOWED = (
    "The service runs and does not listen to this user: `sudo -u dosong`, or join its group."
)


class InUseError(Exception):
    """Somebody else has the modem; the text says what to do."""


class Measurer(NamedTuple):
    """Who measures here."""

    measure: Callable[[OnProgress], Measured]
    first_stage: str
    """What goes on until the first word from the test; of `agent.words`."""


@contextmanager
def measurer(
    config: Config, place: ModemPlace, wanted: Ask, errors: Console, words: Words
) -> Iterator[Measurer]:
    """Whatever can measure here: the running service, or the modem on a bench of our own."""
    waiting = words("waiting")
    try:
        with service(config.run_dir):
            pass
    except NotAllowedError as error:
        raise InUseError(NOT_ALLOWED) from error
    except NoServiceError as error:
        presence = read_presence(config.run_dir)
        if presence is not None and presence.online:
            raise InUseError(HELD_BY_SERVICE) from error
    else:
        errors.out(words("by_service"))

        def by_service(on_progress: OnProgress) -> Measured:
            try:
                with service(config.run_dir) as stream:
                    return ask(stream, wanted, on_progress, waiting=waiting)
            except (NoServiceError, NotAllowedError) as error:
                raise RefusedError(str(error)) from error

        yield Measurer(by_service, "asking")
        return
    if wanted.kind == RADIO:
        with bench(config, place) as modem:
            yield Measurer(lambda _: Measured(modem.look()), "opening")
        return
    prepared = prepare(config, place, wanted)
    with bench(config, place) as modem:
        yield Measurer(lambda on_progress: modem.test(prepared, on_progress), "opening")
