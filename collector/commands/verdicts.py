"""`dosong-collector verdicts`: every target, met or not, with its reason."""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from collector.checker import Checker
from collector.commands import (
    DONE,
    Command,
    add_config,
    add_json,
    print_json,
    printable,
    reading,
    stdout,
)
from collector.config import load
from collector.evidence.signing import Standing, as_json, signed, standing
from collector.kpi import Operator
from collector.targets import HEADLINE, Verdict, parse
from collector.targets.operators import operators
from collector.targets.show import table
from collector.targets.target import LEVELS

LANGUAGES = ("vi", "en")


class UnknownNameError(ValueError):
    """No operator, area or boundary set that is judged is called so."""


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        *("--period", "--month"),
        metavar="P",
        help="2026-10 or 2026-Q4 (default: the last that is over; roads up to now)",
    )
    parser.add_argument(
        "--target",
        action="append",
        default=[],
        metavar="ID",
        help="only this target, e.g. T1; may be repeated",
    )
    parser.add_argument(
        "--area", metavar="CODE", help="only this area, road or point, in whatever boundary set"
    )
    parser.add_argument(
        "--boundaries", metavar="SET", help="only areas of this set: codes were used again in 2025"
    )
    parser.add_argument(
        "--operator", metavar="NAME", help="only this one: Viettel, 452-04, or all or any together"
    )
    parser.add_argument("--level", choices=[*LEVELS, HEADLINE], help="and the headlines")
    parser.add_argument(
        "--rebuild", action="store_true", help="read and judge everything anew, from all rows"
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the table (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    period = None if arguments.period is None else parse(arguments.period)
    now = datetime.now(UTC)
    with reading() as on_progress, Checker.opened(config, on_progress=on_progress) as checker:
        if arguments.rebuild:
            checker.rebuild()
        said: list[Standing] = []
        for target in dict.fromkeys(map(checker.target_id, arguments.target)) or [None]:
            found = checker.check(now=now, period=period, target=target, keep_running=True)
            said += standing(checker.book, period, found, target=target)
    wanted = _selected(arguments, said, operators(config.targets.operators))
    if arguments.json:
        print_json([as_json(one) for one in wanted])
        return DONE
    stdout().print(table([one.verdict for one in wanted], lang=arguments.language))
    _tell_of_signatures(said)
    return DONE


def _selected(
    arguments: argparse.Namespace, said: Sequence[Standing], known: Sequence[Operator]
) -> list[Standing]:
    operator = None if arguments.operator is None else _operator(arguments.operator, known)
    codes = {one.verdict.code for one in said if one.verdict.level != HEADLINE}
    if arguments.area not in {None, *codes}:
        what = f"area {arguments.area!r}: no area, road or point that was judged has this code"
        raise UnknownNameError(what)
    sets = {one.verdict.boundary_set for one in said} - {None}
    if arguments.boundaries not in {None, *sets}:
        there = ", ".join(sorted(map(str, sets))) or "none"
        raise UnknownNameError(f"boundary set {arguments.boundaries!r}: there are {there}")

    def wanted(one: Verdict) -> bool:
        if arguments.boundaries not in {None, one.boundary_set}:
            return False
        if one.level == HEADLINE:
            return arguments.area is None and operator is None
        return (
            arguments.level in {None, one.level}
            and arguments.area in {None, one.code}
            and operator in {None, one.operator}
        )

    return [one for one in said if wanted(one.verdict)]


def _operator(asked: str, known: Sequence[Operator]) -> str:
    """The name of an operator by its name or PLMN; raises `UnknownNameError`."""
    plain = asked.casefold()
    if plain in {"all", "any"}:
        return plain
    for one in known:
        if plain == one.name.casefold() or plain.replace("-", "") in one.plmns:
            return one.name
    names = ", ".join(f"{one.name} ({one.plmns[0][:3]}-{one.plmns[0][3:]})" for one in known)
    raise UnknownNameError(f"operator {asked!r}: there are {names}, all and any")


def _tell_of_signatures(said: Sequence[Standing]) -> None:
    for one in signed(said):
        text = f"signed by {one.signed_by} on {one.signed_utc:%Y-%m-%d}"
        if one.late:
            text += f"; late data would change {one.late}"
        if one.lapsed:
            text += f"; {one.lapsed} are not judged any more"
        if one.late or one.lapsed:
            text += ": `dosong-collector sign --amend` signs what the data give by now"
        sys.stderr.write(f"{printable(text)}\n")


COMMAND = Command("verdicts", "judge the targets and say why", _add_arguments, _run)
