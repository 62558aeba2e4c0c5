"""Which networks are judged: `operators.toml`, PLMN to name and technologies."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from collector.geo.typed import clean
from collector.kpi import Operator
from collector.targets.errors import TargetError
from collector.targets.shipped import shipped

_TOGETHER = frozenset({"all", "any"})
"""What verdicts on several operators are said of."""


class _Network(msgspec.Struct, frozen=True, kw_only=True):
    """One entry; what only the simulator and the map need is not read here."""

    plmn: str
    name: str
    technologies: tuple[str, ...] = ()


class _File(msgspec.Struct, frozen=True, kw_only=True):
    operator: tuple[_Network, ...]


def operators(file: Path | None = None) -> tuple[Operator, ...]:
    """Operators of a file, by default of the shipped one; raises `TargetError`.

    Entries of one name are one operator with several PLMNs.
    """
    file = file or shipped("operators.toml")
    try:
        found = msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), _File)
    except OSError as error:
        raise TargetError(file, "", f"cannot be read: {error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TargetError(file, "", f"not TOML: {error}") from error
    except msgspec.ValidationError as error:
        raise TargetError.invalid(file, error) from error
    networks: dict[str, list[_Network]] = {}
    for index, network in enumerate(found.operator):
        _check(file, f"operator[{index}]", network, found.operator[:index])
        networks.setdefault(network.name, []).append(network)
    return tuple(
        Operator(
            name=name,
            plmns=tuple(network.plmn for network in entries),
            technologies=tuple(sorted({t for network in entries for t in network.technologies})),
        )
        for name, entries in networks.items()
    )


def _check(file: Path, place: str, network: _Network, before: Sequence[_Network]) -> None:
    try:
        plain = clean(network.name)
    except ValueError as error:
        raise TargetError(file, f"{place}.name", str(error)) from error
    if plain.casefold() in _TOGETHER or not plain:
        raise TargetError(file, f"{place}.name", f"{plain!r} cannot be the name of one operator")
    if any(one.plmn == network.plmn for one in before):
        raise TargetError(file, f"{place}.plmn", f"{network.plmn} is another entry's already")
