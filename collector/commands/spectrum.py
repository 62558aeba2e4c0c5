"""`dosong-collector spectrum`: what lies beside a carrier, and which cells are oddly poor."""

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console

from collector import targets
from collector.commands import DEFAULT_FILE, DONE, Command, add_json, print_json, stdout
from collector.config import Config, load
from collector.geo import configured
from collector.geo.boundaries import Area
from collector.kpi import Operator, Period
from collector.spectrum import facts as facts_of
from collector.spectrum import tv_sites
from collector.spectrum.about import (
    Seen,
    about_area,
    about_carrier,
    about_channel,
    about_frequency,
    seen_in,
)
from collector.spectrum.about_cells import CellsAnswer, about_cells
from collector.spectrum.area_point import area_point
from collector.spectrum.carrier import RATS
from collector.spectrum.errors import AskedError
from collector.spectrum.facts import Facts
from collector.spectrum.premises import Premises, premises
from collector.spectrum.provinces import Place
from collector.spectrum.seen import Looked, SeenCell, left_out, seen_carriers, seen_cells
from collector.spectrum.show import Answer, show
from collector.spectrum.tv_sites import Point, TvSite
from collector.store.engine import connect
from collector.targets import parse
from collector.targets.periods import VIET_NAM
from wire.cells import Rat

LANGUAGES = ("vi", "en")
MOST_MHZ = 100_000.0
DAYS = 30
"""How far back cells and carriers are looked for where no period is named."""


class _Cell(NamedTuple):
    """A cell as the command line names it."""

    plmn: str
    cell_id: int

    def __str__(self) -> str:
        return f"{self.plmn}:{self.cell_id}"


class _Question(NamedTuple):
    """The command line, read."""

    arguments: argparse.Namespace
    config: Config | None
    """None: nothing but facts is at hand."""
    facts: Facts
    day: date
    areas: tuple[Area, ...]
    sites: tuple[TvSite, ...]

    def premises(self) -> Premises:
        """What the answer rests on; raises `AskedError`."""
        place = None if self.arguments.area is None else self.place(self.arguments.area)
        at = self.arguments.at
        if at is None and self.sites and self.config is not None and place is not None:
            at = area_point(self.config.geo.boundaries, place.asked, self.day)
        return premises(
            self.facts,
            asked=_asked(self.arguments),
            day=self.day,
            place=place,
            transmitters=tv_sites.nearest(self.sites, at, self.day),
        )

    def place(self, code: str) -> Place:
        """See `Facts.place`."""
        return self.facts.place(code, self.day, self.areas)

    def places(self, found: Sequence[SeenCell]) -> dict[str, Place]:
        """The communes of cells that are known, by code."""
        places = {}
        for code in {code for cell in found for code in cell.communes}:
            try:
                places[code] = self.place(code)
            except AskedError:
                continue
        return places

    def looked(self, given: Premises) -> Looked:
        """Where in the lake the answer is to be found."""
        return Looked(self._period(), given.place, self.facts.provinces.province)

    def _period(self) -> Period:
        if self.arguments.period is not None:
            return parse(self.arguments.period)
        first = self.day - timedelta(days=DAYS - 1)
        midnight = datetime.combine(self.day + timedelta(days=1), time(), VIET_NAM)
        return Period(
            label=f"{first}/{self.day}",
            start_utc=datetime.combine(first, time(), VIET_NAM).astimezone(UTC),
            end_utc=midnight.astimezone(UTC),
        )


def _add_arguments(parser: argparse.ArgumentParser) -> None:
    asked = parser.add_mutually_exclusive_group()
    asked.add_argument("--channel", type=int, metavar="N", help="a television channel, 21 to 48")
    asked.add_argument("--arfcn", type=int, metavar="N", help="a mobile channel number, with --rat")
    asked.add_argument("--frequency", type=_number, metavar="MHZ", help="a frequency")
    asked.add_argument(
        "--cell", type=_cell, metavar="PLMN:ID", help="a cell of the lake, e.g. 45204:27447297"
    )
    asked.add_argument(
        "--symptoms", action="store_true", help="cells with good level and poor quality"
    )
    parser.add_argument(
        "--area",
        metavar="CODE|PROVINCE",
        help="where: a commune, district or province ('Lâm Đồng cũ' is the old one); alone: what is"
        " in force and was seen there",
    )
    parser.add_argument("--rat", type=Rat, choices=RATS, help="technology of --arfcn")
    parser.add_argument("--band", type=int, metavar="N", help="of --arfcn, as the modem names it")
    parser.add_argument(
        "--bandwidth", type=_number, metavar="MHZ", help="of the carrier or the frequency"
    )
    parser.add_argument(
        "--date",
        type=date.fromisoformat,
        metavar="D",
        help="the plan as of this day, 2028-12-31 (default: today)",
    )
    parser.add_argument(
        "--period",
        metavar="P",
        help=f"what is looked at in the lake: 2026-10 or 2026-Q4 (default: {DAYS} days to --date)",
    )
    parser.add_argument(
        "--tv-sites", type=Path, metavar="FILE", help="CSV of transmitters, for their distances"
    )
    parser.add_argument(
        "--at", type=_point, metavar="LAT,LON", help="where distances are measured from"
    )
    parser.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help=f"configuration of the collector (default: {DEFAULT_FILE}, where there is one)",
    )
    parser.add_argument(
        "--language", choices=LANGUAGES, default="en", help="of the answer (default: %(default)s)"
    )
    add_json(parser)
    parser.set_defaults(refuse=parser.error)


def _run(arguments: argparse.Namespace) -> int:
    _check(arguments)
    answer = _answer(_read(arguments))
    if arguments.json:
        print_json(answer)
    else:
        stdout().print(show(answer, arguments.language))
    return DONE


def _check(arguments: argparse.Namespace) -> None:
    """What argparse cannot see: which options go together."""
    if (arguments.arfcn is None) != (arguments.rat is None):
        arguments.refuse("--arfcn and --rat go together")
    if arguments.band is not None and arguments.arfcn is None:
        arguments.refuse("--band belongs to --arfcn")
    if arguments.bandwidth is not None and arguments.arfcn is None and arguments.frequency is None:
        arguments.refuse("--bandwidth belongs to --arfcn or --frequency")
    if _asked(arguments) == "":
        arguments.refuse("say --channel, --arfcn, --frequency, --area, --cell or --symptoms")


def _asked(arguments: argparse.Namespace) -> str:
    """The question in one line."""
    said = {
        "channel": arguments.channel,
        "arfcn": arguments.arfcn,
        "frequency": arguments.frequency,
        "cell": arguments.cell,
        "symptoms": "" if arguments.symptoms else None,
        "area": arguments.area,
    }
    return " ".join(f"{key} {value}".strip() for key, value in said.items() if value is not None)


def _read(arguments: argparse.Namespace) -> _Question:
    needed = arguments.config is not None or arguments.cell or arguments.symptoms
    file = arguments.config or DEFAULT_FILE
    config = load(file) if needed or file.is_file() else None
    return _Question(
        arguments=arguments,
        config=config,
        facts=facts_of.load(None if config is None else config.spectrum.folder),
        day=arguments.date or datetime.now(VIET_NAM).date(),
        areas=() if config is None else configured.boundaries(config).areas,
        sites=() if arguments.tv_sites is None else tv_sites.read(arguments.tv_sites),
    )


def _answer(question: _Question) -> Answer:
    arguments, facts = question.arguments, question.facts
    given = question.premises()
    if arguments.channel is not None:
        return about_channel(facts, given, arguments.channel)
    if arguments.arfcn is not None:
        return about_carrier(
            facts,
            given,
            rat=arguments.rat,
            arfcn=arguments.arfcn,
            band=arguments.band,
            bandwidth_mhz=arguments.bandwidth,
        )
    if arguments.frequency is not None:
        return about_frequency(
            facts, given, mhz=arguments.frequency, bandwidth_mhz=arguments.bandwidth
        )
    if question.config is None:
        return about_area(facts, given)
    with _working(), connect(question.config.store.engine, question.config.store.lake) as tables:
        operators = targets.operators(question.config.targets.operators)
        if arguments.cell is not None or arguments.symptoms:
            return _cells(question, given, tables.radio, operators)
        return about_area(facts, given, _seen(question, given, tables.radio, operators))


def _seen(question: _Question, given: Premises, radio: Any, operators: Sequence[Operator]) -> Seen:
    where = question.looked(given)
    return seen_in(
        question.facts,
        given,
        seen_carriers(radio, where, operators),
        period=where.period,
        left_out=left_out(radio, where),
    )


def _cells(
    question: _Question, given: Premises, radio: Any, operators: Sequence[Operator]
) -> CellsAnswer:
    where = question.looked(given)
    one = question.arguments.cell
    if one is not None:
        where = where._replace(plmn=one.plmn, cell_id=one.cell_id)
    found = seen_cells(radio, where, operators)
    return about_cells(
        question.facts,
        given,
        found,
        period=where.period,
        places=question.places(found),
        left_out=left_out(radio, where),
        sites=question.sites,
        every=one is not None,
    )


def _cell(text: str) -> _Cell:
    """PLMN and cell identity as a person writes them."""
    found = re.fullmatch(r"(\d{5,6})[:-](\d{1,11})", text, re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError("say PLMN:ID, e.g. 45204:27447297")
    return _Cell(found[1], int(found[2]))


def _point(text: str) -> Point:
    """Latitude and longitude as a person writes them."""
    try:
        lat, lon = text.split(",")
        return Point(lat_deg=float(lat), lon_deg=float(lon))
    except ValueError as error:
        raise argparse.ArgumentTypeError("say LAT,LON in degrees, e.g. 12.01,107.69") from error


def _number(text: str) -> float:
    """A frequency or a width in MHz."""
    value = float(text)
    if not 0 < value <= MOST_MHZ:
        raise argparse.ArgumentTypeError(f"must be more than 0 and at most {MOST_MHZ:g} MHz")
    return value


@contextmanager
def _working() -> Iterator[None]:
    """Says on a terminal that a lake is being read."""
    console = Console(stderr=True)
    with console.status("...") if console.is_terminal else nullcontext():
        yield


COMMAND = Command(
    "spectrum",
    "television channels beside mobile carriers, and cells of poor quality at good level",
    _add_arguments,
    _run,
)
