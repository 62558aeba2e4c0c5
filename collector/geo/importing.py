"""A foreign file as a layer of the library: read, checked wholly, and only then stored."""

import re
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from collector.config import Config
from collector.geo import configured, foreign
from collector.geo.by_name import name_field, with_codes
from collector.geo.checks import check
from collector.geo.checks.checked import SHOWN, shortened
from collector.geo.finding import Finding
from collector.geo.foreign import Options
from collector.geo.geojson import Feature, GeographyError
from collector.geo.kinds import SHAPES
from collector.geo.layer import Dated, Kind, narrowed
from collector.geo.library import Entry
from collector.geo.normal import normalised, sha256_of
from collector.geo.surroundings import Surroundings, surroundings
from collector.geo.typed import typed

LONGEST_NAME = 64
_NAME = re.compile(r"[^\W_](\w|[.-])*")


class About(Dated, frozen=True, kw_only=True):
    """What is said of a layer as a whole."""

    kind: Kind
    name: str
    source: str | None = None
    licence: str | None = None


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A layer that is read and checked, and not stored yet."""

    about: About
    content: bytes
    """Normalised; what is stored if nothing fatal was found."""
    features: int
    findings: tuple[Finding, ...]
    figures: dict[str, float]
    original_file: str | None = None
    original_sha256: str | None = None

    @property
    def refused(self) -> bool:
        """Whether anything was found for which it cannot be stored."""
        return any(one.fatal for one in self.findings)


def draft(
    config: Config, file: Path, about: About, options: Options, operators: frozenset[str]
) -> Draft:
    """A file read and checked beside what there is already.

    Raises `GeographyError` where it is no file of its format at all, `ConfigError` or
    `LibraryError` where what is there cannot be used.
    """
    content = _bytes(file)
    _check_fields(file, options)
    around = surroundings(config, operators, without=about.name)
    given = with_codes(about.kind, foreign.read(file, content, options), around.area_sets)
    results = list(typed(about.kind, given))
    findings = shortened(one for one in results if isinstance(one, Finding))
    features = [one for one in results if isinstance(one, Feature)]
    made = checked_draft(features, about, around)
    return msgspec.structs.replace(
        made,
        findings=(*findings, *made.findings),
        original_file=file.name,
        original_sha256=sha256_of(content),
    )


def checked_draft(features: Sequence[Feature[Any]], about: About, around: Surroundings) -> Draft:
    """Typed features checked beside what there is already."""
    counting = list(narrowed(features, about))
    findings, figures = check(about.kind, counting, around) if counting else ((), {})
    if features and not counting:
        findings = (Finding(None, "no feature counts on any of the days given", fatal=True),)
    return Draft(
        about=about,
        content=normalised(features),
        features=len(features),
        findings=findings,
        figures=figures,
    )


def store(config: Config, made: Draft, now: datetime, notes: tuple[str, ...] = ()) -> Entry:
    """The draft in the library, on the disk; raises `LibraryError`."""
    if made.refused:
        raise ValueError("a refused draft is not stored")
    about = made.about

    def describe(version: int, sha256: str) -> Entry:
        return Entry(
            name=about.name,
            version=version,
            kind=about.kind,
            sha256=sha256,
            features=made.features,
            source=about.source,
            licence=about.licence,
            original_file=made.original_file,
            original_sha256=made.original_sha256,
            imported_utc=now,
            notes=(*notes, *(str(one) for one in made.findings[:SHOWN])),
            valid_from=about.valid_from,
            valid_to=about.valid_to,
        )

    return configured.library(config).add(made.content, describe)


def layer_name(text: str) -> str:
    """A name that a person can type; raises ValueError."""
    if len(text) > LONGEST_NAME or _NAME.fullmatch(text) is None:
        raise ValueError(f"{text!r} is no name: letters, digits, '.', '-' and '_', no blanks")
    return text


def name_of(file: Path) -> str:
    """A name made of the file's; raises ValueError."""
    return layer_name(re.sub(r"[^\w.-]+", "-", file.stem).strip("-._") or file.stem)


def _bytes(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > foreign.MAX_BYTES:
            what = f"has {size:,} bytes, more than {foreign.MAX_BYTES:,}: leave out what is outside"
            raise GeographyError(file, None, f"{what} of the province")
        return file.read_bytes()
    except OSError as error:
        raise GeographyError(file, None, f"cannot be read: {error.strerror}") from error


def _check_fields(file: Path, options: Options) -> None:
    """Every field that is mapped or set is one of the kind."""
    known = {*SHAPES[options.kind].properties.__struct_fields__, *_PLACE_FIELDS}
    known |= {field for field in [name_field(options.kind)] if field is not None}
    for name in (*options.columns, *options.values):
        if name not in known:
            what = f"{options.kind} have no field {name!r}; there are: {', '.join(sorted(known))}"
            raise GeographyError(file, None, what)


_PLACE_FIELDS = ("lat", "lon", "wkt", "cell_m")
