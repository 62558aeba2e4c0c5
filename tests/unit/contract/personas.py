"""Personas of the simulator in process: at the start of the demo's drive, answering at once."""

import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import islice, product
from typing import NamedTuple, Self

import msgspec

from drivers.modem.at import AnswersUnder, AtChannel, Reply, Urc
from drivers.modem.errors import TimedOutError
from drivers.modem.family import Family, families
from sim.modem.answer import Fault, framed
from sim.modem.at_modem import AtModem
from sim.modem.persona import (
    Command,
    Persona,
    Values,
    Variant,
    final_line,
    load_persona,
    persona_names,
    render,
)
from sim.modem.reading import list_values
from sim.world import demo_world
from sim.world.radio import RadioMap
from wire.kinds.radio import Payload

from .examples import examples

PERSONAS = persona_names()
NOW_S = 1_800_000_000.0
WORLD = demo_world(NOW_S + 86_400)
"""Its drive has not begun: everything stands."""
CARDS = tuple(modem.name for modem in WORLD.modems)
"""One of each operator: stand-alone NR, EN-DC, and no more than LTE."""
CARD_FAULTS = (frozenset[str](), frozenset({Fault.NO_SIM}), frozenset({Fault.SIM_PIN}))
FAULTS = (*CARD_FAULTS, frozenset({Fault.DENIED}))
MAX_TECHNOLOGY_SETTINGS = 512


class Heard(NamedTuple):
    """What a persona said to a command."""

    command: str
    reply: bytes


class _StandingRadio:
    """What is heard at one place and time, worked out once for all personas."""

    def __init__(self) -> None:
        radio = RadioMap(WORLD)
        self.radio_at = lru_cache(maxsize=None)(radio.radio_at)
        self.cells_at = lru_cache(maxsize=None)(radio.cells_at)


RADIO = _StandingRadio()


def family_of_persona(persona: str) -> type[Family]:
    """A persona `<family>.txt` or `<family>_<model>.txt` belongs to the family."""
    named = {family.name: family for family in families()}
    return named[persona.partition("_")[0]]


@cache
def persona_named(name: str) -> Persona:
    return load_persona(name)


def modem_of(persona: Persona, card: str) -> AtModem:
    """The persona with one operator's card, attached at once whatever is changed."""
    modem = AtModem(persona, WORLD.modem(card), WORLD, attach_s=0.0)
    modem._radio = RADIO
    return modem


class InProcessPort:
    """What a `Port` is to a modem, with a persona behind it; time moves when it is asked."""

    def __init__(self, persona: str, card: str) -> None:
        self.path = f"{persona} on {card}"
        self.modem = modem_of(persona_named(persona), card)
        self.faults: frozenset[str] = frozenset()
        self.garbage = False
        self.in_pieces = False
        self.sent: list[str] = []
        self.now_s = 0.0
        self._channel = AtChannel()
        self._urcs: list[str] = []
        self._dice = random.Random(persona)  # noqa: S311  # noise, no secret

    def clock(self) -> float:
        return self.now_s

    def truth(self) -> Payload:
        """What the world has for it now."""
        return self.modem.reading(NOW_S)

    def command(self, text: str, timeout_s: float) -> Reply:
        self.sent.append(text)
        self.now_s += 0.01
        echo = self._channel.start(text) if self.modem.echo else self._channel.start(text)[:0]
        data = echo + self.modem.answer(text, NOW_S, self.faults).text
        if self.garbage:
            data = self._dice.randbytes(len(data)).replace(b"OK", b"KO")
        pieces = [data[i : i + 1] for i in range(len(data))] if self.in_pieces else [data]
        for event in (event for piece in pieces for event in self._channel.feed(piece)):
            if isinstance(event, Reply):
                return event
            assert isinstance(event, Urc)
            self._urcs.append(event.line)
        came = self._channel.abandon()
        raise TimedOutError(f"no answer in {timeout_s:g} s", command=text, text=came)

    def urcs(self) -> tuple[str, ...]:
        lines = tuple(self._urcs)
        self._urcs.clear()
        return lines

    def answer_under(self, prefixes: AnswersUnder) -> None:
        self._channel.answers_under = prefixes

    def interrupt(self) -> None:
        """Nothing ever waits."""

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self) -> Self:
        return self


def replies_of(persona: str) -> Iterator[Heard]:
    """Every command of the persona's file, answered in every situation it can tell apart."""
    file = persona_named(persona)
    asked = [
        (line, command, _settings_of(file, variant))
        for command in file.commands
        for line in examples(command.pattern)
        for variant in command.variants
    ]
    said = set()
    for card, technologies, faults in product(CARDS, _technology_settings(file), FAULTS):
        settings = {**file.settings, **technologies}
        modem = modem_of(msgspec.structs.replace(file, settings=settings), card)
        modem._faults = faults
        reading = modem.reading(NOW_S)
        words = modem._words(reading, NOW_S)
        lists = list_values(reading) | modem._scan(NOW_S)
        for line, command, settings in asked:
            heard = Heard(line, _answer(command, words | settings, lists))
            if heard not in said:
                said.add(heard)
                yield heard


def _answer(command: Command, values: Values, lists: Mapping[str, Sequence[Values]]) -> bytes:
    """As `AtModem.answer`, for words that were worked out once."""
    for variant in command.variants:
        if variant.condition.holds(values):
            rows = tuple(render(variant, values, lists.__getitem__))
            return framed(rows, final_line(variant.error, values["cmee"]))
    return framed((), "ERROR")


def _technology_settings(persona: Persona) -> list[dict[str, str]]:
    """Settings for each set of technologies that the persona can be allowed."""
    choices: dict[str, set[str]] = {"cfun": {"1", "0"}}
    for condition in persona.allow.values():
        for name, pattern in condition.patterns:
            choices.setdefault(name, {persona.settings[name]}).update(examples(pattern))
    found: dict[object, dict[str, str]] = {}
    combined = product(*(sorted(values) for values in choices.values()))
    for values in islice(combined, MAX_TECHNOLOGY_SETTINGS):
        settings = dict(zip(choices, values, strict=True))
        allowed = persona.allowed({**persona.settings, **settings})
        found.setdefault(allowed if settings["cfun"] == "1" else None, settings)
    return list(found.values())


def _settings_of(persona: Persona, variant: Variant) -> dict[str, str]:
    """Those that the variant is for."""
    wanted = {}
    for name, pattern in variant.condition.patterns:
        if name in persona.settings:
            wanted[name] = examples(pattern)[0]
    return wanted
