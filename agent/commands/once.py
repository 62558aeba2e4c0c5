"""`dosong-agent once`: one look at the radio or one test, now.

Where the service runs it does the test, and the row is delivered as any other. Where it does not,
the modem is opened here, and the result is shown and not delivered.
"""

import argparse
import signal
import statistics
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import msgspec
from rich.console import Console

from agent.activities import activities
from agent.activity import UnpreparedError
from agent.bench import NoRecordError
from agent.commands import (
    DONE,
    FAILED,
    IN_USE,
    Command,
    add_config,
    add_json,
    add_log_level,
    log_to_stderr,
    stdout,
)
from agent.commands._measurer import InUseError, Measurer, measurer
from agent.commands._modem import tell_errors
from agent.commands._progress import Watch
from agent.commands._show import GOOD, renderers, show
from agent.config import load
from agent.demand.client import RefusedError
from agent.demand.messages import RADIO, Ask
from agent.misfits import suggestion
from agent.words import LANGUAGES, Words, language_of
from wire.codec import encode_record
from wire.messages import AnyMeasurement, RatMode

WRONG_LINE = 2
INTERRUPTED = 128 + signal.SIGINT
MOST_REPEATS = 1000


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    kinds = [RADIO, *sorted(activities())]
    parser.add_argument("kind", nargs="?", choices=kinds, help="what to measure")
    parser.add_argument("--plan", metavar="NAME", help="a plan entry, instead of KIND")
    parser.add_argument("--modem", required=True, metavar="NAME", help="by its configured name")
    parser.add_argument("--profile", metavar="NAME", help="test profile (default: the activity's)")
    parser.add_argument("--server", metavar="NAME", help="configured server (default: the modem's)")
    modes = [mode.value for mode in RatMode]
    parser.add_argument("--lock", choices=modes, help="hold the modem on this for the test")
    parser.add_argument("--repeat", type=_count, default=1, metavar="N", help="and sum it up")
    parser.add_argument("--out", type=Path, metavar="FILE", help="append the records to this file")
    parser.add_argument("--lang", choices=LANGUAGES, help="language (default: that of LANG)")
    add_config(parser)
    add_json(parser)
    add_log_level(parser, "warning")


def _run(chosen: argparse.Namespace) -> int:
    log_to_stderr(chosen.log_level)
    errors = tell_errors()
    if (chosen.kind is None) == (chosen.plan is None):
        errors.out("once: name what to measure, or a plan entry with --plan")
        return WRONG_LINE
    config = load(chosen.config)
    place = config.modem_named(chosen.modem)
    if place is None:
        hint = suggestion(chosen.modem, [each.name for each in config.modem])
        errors.out(f"no modem '{chosen.modem}' in {chosen.config}; {hint}")
        return FAILED
    words = Words(chosen.lang or language_of())
    title = chosen.kind or chosen.plan
    try:
        with (
            _ends_as_ctrl_c(),
            measurer(config, place, _wanted(chosen), errors, words) as who,
        ):
            return _measure_all(chosen, who, errors, words)
    except KeyboardInterrupt:
        errors.out(f"{title}: {words('interrupted')}")
        return INTERRUPTED
    except InUseError as error:
        errors.out(str(error))
        return IN_USE
    except (UnpreparedError, NoRecordError, RefusedError, OSError) as error:
        errors.out(f"{title}: {error}")
        return FAILED


def _wanted(chosen: argparse.Namespace) -> Ask:
    """Raises `UnpreparedError` for a word that is no name."""
    fields = {
        key: getattr(chosen, key) for key in ("kind", "modem", "profile", "server", "lock", "plan")
    }
    try:
        return msgspec.convert(fields, Ask)
    except msgspec.ValidationError as error:
        raise UnpreparedError(str(error)) from error


def _measure_all(chosen: argparse.Namespace, who: Measurer, errors: Console, words: Words) -> int:
    """Measure as often as wished, show each record and all of them together."""
    records: list[AnyMeasurement] = []
    interrupted = False
    title = words.named("kind", chosen.kind or chosen.plan)
    for number in range(chosen.repeat):
        count = f" {number + 1}/{chosen.repeat}" if chosen.repeat > 1 else ""
        stage = words(who.first_stage)
        with Watch(errors, words, title=f"{title}{count}", stage=stage) as watch:
            try:
                record, interrupted = who.measure(watch)
            except KeyboardInterrupt:
                if not records:
                    raise
                interrupted = True
                break
        records.append(record)
        _tell(record, chosen, words)
        if interrupted:
            break
    if chosen.repeat > 1 and not chosen.json:
        stdout().out(_summary(records, words))
    if interrupted:
        return INTERRUPTED
    return DONE if all(record.outcome in GOOD for record in records) else FAILED


def _tell(record: AnyMeasurement, chosen: argparse.Namespace, words: Words) -> None:
    line = encode_record(record) + b"\n"
    if chosen.out is not None:
        with chosen.out.open("ab") as file:
            file.write(line)
    if chosen.json:
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    else:
        show(stdout(), record, words)


def _summary(records: list[AnyMeasurement], words: Words) -> str:
    """How many, how many not good, and the figure's median and range."""
    failed = sum(record.outcome not in GOOD for record in records)
    kind = records[0].kind
    renderer = renderers().get(kind)
    figures = (
        [renderer.figure(record) for record in records if record.outcome in GOOD]
        if renderer
        else []
    )
    known = [figure for figure in figures if figure is not None]
    if renderer is None or not known:
        return words("summary_none", runs=len(records), failed=failed)
    return words(
        "summary",
        runs=len(records),
        failed=failed,
        what=words.named("kind", kind),
        median=renderer.said(statistics.median(known), words),
        least=renderer.said(min(known), words),
        most=renderer.said(max(known), words),
    )


@contextmanager
def _ends_as_ctrl_c() -> Iterator[None]:
    """A connection by SSH that is lost, or `kill`, ends a test as Ctrl-C does: in good order."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN  # as nohup(1) wants it
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_REPEATS:
        raise argparse.ArgumentTypeError(f"1 to {MOST_REPEATS}")
    return number


COMMAND = Command("once", "one look at the radio or one test, now", _add_arguments, _run)
