"""The library of layers: every version that was ever used, found by its hash.

    geo/index.json              what there is, a new file by every change
    geo/content/<sha256>.geojson  normalised features, written once and never again

Nothing is overwritten or deleted. A version of a name takes the place of the older ones on the
days for which it counts; `withdraw` ends a name from a day on. A verdict of before still finds
the content it was made from.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import get_ident

import msgspec

from collector.geo.layer import Dated, Kind, Layer
from collector.geo.normal import sha256_of
from collector.store.durable import flush_path
from collector.store.file_lock import FileLock

LOCK_TIMEOUT_S = 30.0

_DAY = timedelta(days=1)


class LibraryError(ValueError):
    """The library cannot do what was asked, or its files are damaged."""


class Entry(Dated, frozen=True, kw_only=True, omit_defaults=False):
    """One version of one layer as the index has it."""

    name: str
    version: int
    """Counts from 1 for each name."""
    kind: Kind
    sha256: str
    features: int
    source: str | None = None
    """Who made it, in words."""
    licence: str | None = None
    original_file: str | None = None
    original_sha256: str | None = None
    """Of the bytes that were imported; None for what was built here."""
    imported_utc: datetime
    notes: tuple[str, ...] = ()
    """What the checks found, and how it was built."""
    withdrawn_from: date | None = None
    """First day on which it no longer counts."""


class _Index(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    format: int = 1
    entries: tuple[Entry, ...] = ()


class Library:
    """The layers in one folder. Any process may read and write at any time."""

    def __init__(self, folder: Path) -> None:
        """Use the folder, made when something is first kept."""
        self._folder = folder
        self._contents = folder / "content"

    def entries(self) -> tuple[Entry, ...]:
        """Every version in the order of import; raises `LibraryError`."""
        try:
            raw = self._index.read_bytes()
        except FileNotFoundError:
            return ()
        try:
            return msgspec.json.decode(raw, type=_Index).entries
        except ValueError as error:
            raise LibraryError(f"{self._index}: {error}; restore it from a backup") from error

    def versions(self, name: str) -> tuple[Entry, ...]:
        """The versions of one layer, the oldest first; raises `LibraryError` for none."""
        found = tuple(entry for entry in self.entries() if entry.name == name)
        if not found:
            known = ", ".join(sorted({entry.name for entry in self.entries()})) or "none yet"
            raise LibraryError(f"no layer is called {name!r}; there are: {known}")
        return found

    def layers(self, kind: Kind) -> tuple[Layer, ...]:
        """What counts, on which days: one for each stretch of days of each version.

        Raises `LibraryError`, also where the content of one of them is not as it was kept.
        """
        entries = [entry for entry in self.entries() if entry.kind is kind]
        found: list[Layer] = []
        for index, entry in enumerate(entries):
            newer = [other for other in entries[index + 1 :] if other.name == entry.name]
            found += (self._layer(entry, days) for days in _left(entry, newer))
        return tuple(found)

    def content(self, sha256: str) -> bytes:
        """The normalised GeoJSON of that hash; raises `LibraryError` where it is not as kept."""
        file = self.file(sha256)
        try:
            content = file.read_bytes()
        except OSError as error:
            raise LibraryError(f"no content {sha256} in the library: {error}") from error
        if sha256_of(content) != sha256:
            raise LibraryError(f"{file}: is damaged; restore it from a backup")
        return content

    def file(self, sha256: str) -> Path:
        """Where the content of that hash lies, if it is kept."""
        return self._contents / f"{sha256}.geojson"

    def keep(self, content: bytes) -> str:
        """Keep a content without listing it as a layer, e.g. as evidence; its hash.

        Returns once it is on the disk.
        """
        sha256 = sha256_of(content)
        file = self.file(sha256)
        if not file.exists():
            self._contents.mkdir(parents=True, exist_ok=True)
            _write(file, content)
            flush_path(self._folder)
            flush_path(self._folder.parent)
        return sha256

    def add(self, content: bytes, describe: Callable[[int, str], Entry]) -> Entry:
        """List a content as the next version of a layer; the entry, on the disk.

        `describe` makes the entry of a version number and a hash. What is there already, with the
        same days, is not listed again. Raises `LibraryError` where the name has another kind.
        """
        sha256 = self.keep(content)
        with self._changing() as entries:
            draft = describe(1, sha256)
            same = [entry for entry in entries if entry.name == draft.name]
            entry = describe(len(same) + 1, sha256)
            if same and same[-1].kind is not entry.kind:
                what = f"{entry.name!r} is a layer of kind {same[-1].kind}: choose another --name"
                raise LibraryError(what)
            if same and _said(same[-1]) == _said(entry):
                return same[-1]
            entries.append(entry)
        return entry

    def withdraw(self, name: str, first_day: date) -> tuple[Entry, ...]:
        """Have no version of a name count from that day on; the versions it has.

        Raises `LibraryError` for an unknown name.
        """
        with self._changing() as entries:
            self.versions(name)
            for index, entry in enumerate(entries):
                if entry.name == name:
                    days = [day for day in (first_day, entry.withdrawn_from) if day is not None]
                    entries[index] = msgspec.structs.replace(entry, withdrawn_from=min(days))
        return self.versions(name)

    @property
    def _index(self) -> Path:
        return self._folder / "index.json"

    @contextmanager
    def _changing(self) -> Iterator[list[Entry]]:
        """The entries, to be changed inside the block by nobody else; written when it ends well."""
        self._folder.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(self._folder / ".lock").held(LOCK_TIMEOUT_S):
                before = self.entries()
                entries = list(before)
                yield entries
                if tuple(entries) != before:
                    index = _Index(entries=tuple(entries))
                    text = msgspec.json.format(msgspec.json.encode(index), indent=1)
                    _write(self._index, text + b"\n")
        except TimeoutError as error:
            raise LibraryError(f"{error}; is another import running?") from error

    def _layer(self, entry: Entry, days: Dated) -> Layer:
        self.content(entry.sha256)
        return Layer(
            kind=entry.kind,
            name=entry.name,
            version=str(entry.version),
            sha256=entry.sha256,
            file=self.file(entry.sha256),
            valid_from=days.valid_from,
            valid_to=days.valid_to,
        )


def _said(entry: Entry) -> tuple[object, ...]:
    """What makes a version another one than the last."""
    return (
        entry.sha256,
        entry.valid_from,
        entry.valid_to,
        entry.source,
        entry.licence,
        entry.withdrawn_from,
    )


def _left(entry: Entry, newer: list[Entry]) -> Iterator[Dated]:
    """The days of a version on which no newer one of its name counts."""
    left = [days for days in [_days(entry)] if days is not None]
    for days in (_days(other) for other in newer):
        if days is not None:
            left = [rest for one in left for rest in _without(one, days)]
    yield from left


def _days(entry: Entry) -> Dated | None:
    """The days on which a version counts by itself."""
    last = entry.valid_to
    if entry.withdrawn_from is not None:
        before = entry.withdrawn_from - _DAY
        last = before if last is None else min(last, before)
    if entry.valid_from is not None and last is not None and last < entry.valid_from:
        return None
    return Dated(valid_from=entry.valid_from, valid_to=last)


def _without(one: Dated, other: Dated) -> Iterator[Dated]:
    """The days of `one` before and after those of `other`."""
    if other.valid_from is not None:
        before = other.valid_from - _DAY
        if one.valid_from is None or one.valid_from <= before:
            last = before if one.valid_to is None else min(one.valid_to, before)
            yield Dated(valid_from=one.valid_from, valid_to=last)
    if other.valid_to is not None:
        after = other.valid_to + _DAY
        if one.valid_to is None or after <= one.valid_to:
            first = after if one.valid_from is None else max(one.valid_from, after)
            yield Dated(valid_from=first, valid_to=one.valid_to)


def _write(file: Path, content: bytes) -> None:
    """The whole file or nothing of it, whenever the power goes."""
    part = file.with_name(f".{file.name}.{os.getpid()}-{get_ident()}")
    with part.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(file)
    flush_path(file.parent)
