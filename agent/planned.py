"""What a plan asks for, checked: each entry with its modem, activity, profile and server."""

from collections.abc import Iterator
from dataclasses import dataclass

from agent.activities import activities
from agent.activity import Activity, Ready, UnpreparedError
from agent.config import REPLACED, Config, ConfigError, ModemPlace, Problem
from agent.misfits import suggestion
from agent.plan.entry import Entry, modems_of
from agent.plan.files import PlanFiles
from agent.plan.triggers import Where
from drivers.modem.family import families


@dataclass(frozen=True, kw_only=True)
class Planned:
    """One plan entry on one modem, checked: its activity, profile and server are there."""

    entry: Entry
    place: ModemPlace
    modem_index: int
    activity: Activity
    ready: Ready
    where: Where = ()
    """The area of the entry, or its places."""


def prepare(config: Config, *, name: str) -> tuple[Planned, ...]:
    """Everything the plan asks for; raises `ConfigError` that names the file as `name`."""
    planned: list[Planned] = []
    problems: list[Problem] = []
    known = sorted(family.name for family in families())
    for index, place in enumerate(config.modem):
        if place.family is not None and place.family not in known:
            what = f"no modem family '{place.family}'; {suggestion(place.family, known)}"
            problems.append(Problem(name, f"modem[{index}].family", what))
    files = PlanFiles(config.area, config.plan)
    problems += (Problem(name, place, what) for place, what in files.misfits)
    for index, entry in enumerate(config.plan):
        try:
            planned += _prepare_entry(config, entry, files.where(entry))
        except UnpreparedError as error:
            problems.append(Problem(name, f"plan[{index}]", str(error)))
    if problems:
        raise ConfigError(tuple(problems))
    return tuple(planned)


def other_plan(config: Config, other: Config) -> tuple[Planned, ...]:
    """The plan of another configuration for an agent that runs with `config`.

    Raises `ConfigError`, also where more than plan, areas and servers is different: that takes
    another start.
    """
    problems = tuple(
        Problem("", key, "is different: takes a restart of the service")
        for key in config.__struct_fields__
        if key not in REPLACED and getattr(config, key) != getattr(other, key)
    )
    if problems:
        raise ConfigError(problems)
    return prepare(other, name="")


def _prepare_entry(config: Config, entry: Entry, where: Where) -> Iterator[Planned]:
    activity = activities().get(entry.activity)
    if activity is None:
        hint = suggestion(entry.activity, sorted(activities()))
        raise UnpreparedError(f"no activity '{entry.activity}'; {hint}")
    names = modems_of(entry, tuple(place.name for place in config.modem))
    places = [place for place in config.modem if place.name in names]
    for modem_index, place in enumerate(places):
        yield Planned(
            entry=entry,
            place=place,
            modem_index=modem_index,
            activity=activity,
            where=where,
            ready=activity.prepare(
                profile=entry.profile,
                server=config.server_for(place, entry),
                folder=config.profile_dir,
            ),
        )
