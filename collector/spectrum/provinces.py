"""Which provinces of before July 2025 a place lies in: the television plan is drawn by them.

Since 1 July 2025 a name or a code may mean a merged province whose parts lie in different regions
of the plan: new Lâm Đồng holds Đắk Nông and old Lâm Đồng (channels 36-37) and Bình Thuận (33-35).
Its parts are then all given, and each channel says for which of them it holds.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import msgspec

from collector.geo.boundaries import Area
from collector.kpi import Text
from collector.spectrum import files
from collector.spectrum.errors import AskedError, FileError

FILE = "provinces.toml"
PROVINCE_DIGITS, DISTRICT_DIGITS, COMMUNE_DIGITS = 2, 3, 5
_PREFIXES = ("tinh ", "thanh pho ", "tp. ", "tp ")
_OLD = (" cu", " old")


class Province(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A province as it was before July 2025."""

    code: str
    name: str
    also: tuple[str, ...] = ()
    """Other names it goes by."""
    districts: tuple[int, int] | None = None
    """First and last code; None where not known, as for the communes."""
    communes: tuple[int, int] | None = None

    def holds(self, code: str) -> bool:
        """Whether the code is one of its districts or communes, of either nomenclature."""
        known = {DISTRICT_DIGITS: self.districts, COMMUNE_DIGITS: self.communes}
        range_ = known.get(len(code))
        return range_ is not None and range_[0] <= int(code) <= range_[1]


class Merger(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A province that was made of several."""

    code: str
    name: str
    of: tuple[str, ...]
    valid_from: date


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A place with the old provinces it lies in."""

    asked: str
    name: str
    provinces: tuple[str, ...]
    """More than one where it is not known in which of them."""
    whole: bool
    """Whether it is all of these provinces and not some area of them."""
    how: Text
    """How they were found."""


class Provinces(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    province: tuple[Province, ...]
    merger: tuple[Merger, ...] = ()

    def place(self, asked: str, day: date, areas: Iterable[Area] = ()) -> Place:
        """The place that a name or a code means on a day; raises `AskedError`.

        A code that no range of the file holds is looked for among `areas`, the configured ones.
        `Lâm Đồng cũ` means the old province, also after the merger.
        """
        asked = asked.strip()
        if asked.isascii() and asked.isdigit():
            return self._of_code(asked, day, areas)
        return self._of_name(asked, day)

    def _of_name(self, asked: str, day: date) -> Place:
        folded = fold(asked)
        old_only = folded.endswith(_OLD)
        folded = folded.removesuffix(_OLD[0]).removesuffix(_OLD[1])
        if not old_only:
            for merger in self._mergers(day):
                if fold(merger.name) == folded:
                    return _merged(asked, merger)
        for province in self.province:
            if folded in {fold(name) for name in (province.name, *province.also)}:
                return _whole(asked, province)
        raise AskedError(asked, "is no province; say its Vietnamese name, or a code")

    def _of_code(self, asked: str, day: date, areas: Iterable[Area]) -> Place:
        if len(asked) == PROVINCE_DIGITS:
            for merger in self._mergers(day):
                if merger.code == asked:
                    return _merged(asked, merger)
            for province in self.province:
                if province.code == asked:
                    return _whole(asked, province)
        named = [one for one in areas if asked in {one.code, one.district_code}]
        on_day = [one for one in named if _valid(one, day)] or named
        name = _name(asked, on_day)
        for province in self.province:
            if province.holds(asked):
                return Place(
                    asked=asked,
                    name=name,
                    provinces=(province.name,),
                    whole=False,
                    how=_BY_RANGE,
                )
        for area in on_day:
            around = area.province_code or area.province
            if around is not None:
                place = self.place(around, max(day, area.valid_from or day))
                return msgspec.structs.replace(place, asked=asked, name=name, whole=False)
        raise AskedError(
            asked,
            "its province of before July 2025 is not known; say the province instead, e.g."
            " --area 'Bình Thuận cũ', or name a configuration whose boundary sets have the code",
        )

    def _mergers(self, day: date) -> Iterator[Merger]:
        return (one for one in self.merger if one.valid_from <= day)


def load(folder: Path) -> Provinces:
    """The provinces in a folder; raises `FileError`."""
    file = folder / FILE
    found = files.read(file, Provinces)
    names = [one.name for one in found.province]
    for key, seen in (("code", [one.code for one in found.province]), ("name", names)):
        if len(set(seen)) < len(seen):
            raise FileError(file, f"province.{key}", "stands there twice")
    for index, merger in enumerate(found.merger):
        if not set(merger.of) <= set(names):
            raise FileError(file, f"merger[{index}].of", "names no province of the file")
    return found


def fold(name: str) -> str:
    """A name without accents, case and the word for province: `Tỉnh Đắk Nông` is `dak nong`."""
    bare = unicodedata.normalize("NFD", name.casefold().replace("đ", "d"))
    bare = "".join(one for one in bare if not unicodedata.combining(one))
    bare = " ".join(bare.replace("-", " ").split())
    for prefix in _PREFIXES:
        bare = bare.removeprefix(prefix)
    return bare


def _valid(area: Area, day: date) -> bool:
    return (area.valid_from is None or area.valid_from <= day) and (
        area.valid_to is None or day <= area.valid_to
    )


def _name(asked: str, areas: list[Area]) -> str:
    for area in areas:
        return area.name if area.code == asked else area.district or asked
    return asked


def _whole(asked: str, province: Province) -> Place:
    return Place(
        asked=asked,
        name=province.name,
        provinces=(province.name,),
        whole=True,
        how=_OLD_PROVINCE,
    )


def _merged(asked: str, merger: Merger) -> Place:
    return Place(
        asked=asked,
        name=merger.name,
        provinces=merger.of,
        whole=True,
        how=Text(
            vi=(
                f"{merger.name} từ {merger.valid_from:%d/%m/%Y} gồm {', '.join(merger.of)};"
                " quy hoạch kênh truyền hình vẫn theo tỉnh cũ"
            ),
            en=(
                f"{merger.name} since {merger.valid_from.isoformat()} is {', '.join(merger.of)};"
                " the television plan still goes by the old provinces"
            ),
        ),
    )


_OLD_PROVINCE = Text(vi="tỉnh trước 01/07/2025", en="province as before 1 July 2025")
_BY_RANGE = Text(
    vi="mã nằm trong dải mã của tỉnh trước 01/07/2025; xã mới vẫn dùng mã trong dải đó",
    en="the code is one of the province's of before 1 July 2025; new communes kept such codes",
)
