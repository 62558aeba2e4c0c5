"""`dosong-collector ranking`: operators compared where and when all of them were measured."""

import argparse
from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec
from rich.table import Table

from collector.checker import judge_all
from collector.commands import DONE, Command, add_config, add_json, print_json, printable, stdout
from collector.config import load
from collector.kpi import Text
from collector.targets import HEADLINE, Verdict, parse
from collector.targets import load as load_targets
from collector.targets.show import said

LANGUAGES = ("vi", "en")
_KPI = "operator_rank"
_HEADINGS = {
    "vi": ("Nơi", "Nhà mạng", "Hạng", "Trung bình chung", "Giới hạn", "Trung bình thô", "Nhận xét"),
    "en": ("Where", "Operator", "Place", "Common mean", "Limits", "Plain mean", "Said"),
}
_WINNER = {True: Text(vi="nhất", en="first"), False: Text(vi="sau", en="behind"), None: None}


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """One area."""

    target: str
    period: str
    level: str
    code: str
    name: str
    boundary_set: str | None
    comparable: bool
    said: Text
    common_blocks: int
    common_places: int
    winners: list[str]
    """Together, where there are several."""
    ranking: list[dict[str, object]]
    """The fastest on common ground first, each with its plain mean and rank beside."""
    differences: list[dict[str, object]]
    """Each with its two-sided 95 % interval; one that holds 0 is a tie."""
    not_compared: list[str]
    seed: int
    verdict: str
    """Id of the verdict that holds all of it."""


def rankings(verdicts: Iterable[Verdict]) -> list[Ranking]:
    """What the verdicts on all operators together say of each area."""
    return [
        Ranking(
            target=one.target,
            period=one.period.label,
            level=one.level,
            code=one.code,
            name=one.name,
            boundary_set=one.boundary_set,
            comparable=bool(one.context["ranking"]),
            said=one.reason,
            verdict=one.id,
            **{key: one.context[key] for key in _OF_CONTEXT},
        )
        for one in verdicts
        if "ranking" in one.context
    ]


_OF_CONTEXT = (
    "common_blocks",
    "common_places",
    "winners",
    "ranking",
    "differences",
    "not_compared",
    "seed",
)


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    add_config(parser)
    add_json(parser)
    parser.add_argument(
        "--period", metavar="P", help="2026-Q4 or 2026-10 (default: the last quarter that is over)"
    )
    parser.add_argument("--area", metavar="CODE", help="only this district or province")
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the table (default: %(default)s)"
    )


def _run(arguments: argparse.Namespace) -> int:
    config = load(arguments.config)
    now = datetime.now(UTC)
    period = None if arguments.period is None else parse(arguments.period)
    verdicts = [
        verdict
        for target in load_targets(config.targets.folder)
        if target.kpi.name == _KPI
        for verdict in judge_all(config, now=now, period=period, target=target.id)
        if verdict.level != HEADLINE and arguments.area in {None, verdict.code}
    ]
    if arguments.json:
        print_json(rankings(verdicts))
    else:
        stdout().print(_table(verdicts, arguments.language))
    return DONE


def _table(verdicts: Iterable[Verdict], lang: str) -> Table:
    table = Table(*_HEADINGS[lang])
    for one in verdicts:
        together = "ranking" in one.context
        winner = _WINNER[one.context.get("winner")]
        limits = (
            ""
            if one.lower is None or one.upper is None
            else f"{said(one.lower, one.unit, lang)} … {said(one.upper, one.unit, lang)}"
        )
        table.add_row(
            printable(one.name),
            printable(one.operator),
            "" if winner is None else getattr(winner, lang),
            said(one.estimate, one.unit, lang),
            limits,
            said(one.context.get("naive_mean"), one.unit, lang),
            printable(getattr(one.reason, lang)),
            end_section=together,
            style="bold" if together else "",
        )
    return table


COMMAND = Command(
    "ranking", "compare the operators where all of them were measured", _add_arguments, _run
)
