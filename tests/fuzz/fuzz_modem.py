"""Coverage-guided fuzzing of the AT engine and of every family's readers: `make fuzz`.

An input is a family, one of its models, a command line, and the bytes that come back. The seeds are
what the simulator's personas answer, the dictionary are the words they are written in. Whatever
comes: the same events however it is cut, no error but `UnreadableError`, no impossible value.
Options are those of libFuzzer.
"""

import hashlib
import re
import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["drivers"]):
    from drivers.modem.at import AtChannel, Reply, Urc
    from drivers.modem.decode import decode
    from drivers.modem.errors import UnreadableError
    from drivers.modem.family import Family, families
    from drivers.modem.look import Look
    from drivers.modem.readers import Asked, reader_of

    FAMILIES = families()

import msgspec

from sim.modem.persona import TRANSCRIPTS
from tests.unit.contract.personas import (
    PERSONAS,
    family_of_persona,
    persona_named,
    replies_of,
)
from tests.unit.contract.plausible import impossible

FOLDER = Path("build/fuzz")
LIMITS = ("-max_total_time=60", "-timeout=10", "-rss_limit_mb=1024", "-max_len=20000")
"""Unless they are given."""


def models_of(family: type[Family]) -> list[str]:
    """As its personas call themselves; scales differ by model."""
    names = [name for name in PERSONAS if family_of_persona(name) is family]
    return ["", *(persona_named(name).model for name in names)]


MODELS = [models_of(family) for family in FAMILIES]


def fuzz_one(data: bytes) -> None:
    """Go through all that a reply goes through."""
    if len(data) < 3:  # family, model and something
        return
    number = data[0] % len(FAMILIES)
    family, model = FAMILIES[number], MODELS[number][data[1] % len(MODELS[number])]
    line, _, reply = data[2:].partition(b"\n")
    command = line.decode("ascii", "replace")
    decode(vendor=family.name, model=model, command=command, response=reply.decode("latin-1"))
    if not command or not command.isascii() or not command.isprintable():
        return
    events = framed(family, command, [reply, b"\r\nOK\r\n"])
    middle = len(reply) * data[1] // 256
    assert events == framed(family, command, [reply[:middle], reply[middle:], b"\r\nOK\r\n"])
    for event in events:
        if isinstance(event, Reply):
            assert event.code is None or event.code >= 0
            read(family, Asked(command, event.lines, model))
        else:
            read(family, Asked("", (event.line,), model))


def framed(family: type[Family], command: str, pieces: list[bytes]) -> list[Reply | Urc]:
    """What the engine makes of the pieces."""
    channel = AtChannel(family.answers_under)
    channel.start(command)
    return [event for piece in pieces for event in channel.feed(piece)]


def read(family: type[Family], asked: Asked) -> None:
    """What the family makes of the lines, and what a look and a record make of that."""
    parse = reader_of(family.readers, asked)
    if parse is None:
        return
    try:
        reading = parse(asked)
    except UnreadableError:
        return
    wrong = impossible(reading)
    assert not wrong, wrong
    msgspec.json.encode(reading)
    msgspec.json.encode(Look().add(reading).record((), reading.operator, ()))


def write_seeds(folder: Path) -> None:
    """One file for each reply of each persona."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in PERSONAS:
        number = FAMILIES.index(family_of_persona(name))
        model = MODELS[number].index(persona_named(name).model)
        for command, reply in replies_of(name):
            seed = bytes((number, model)) + command.encode() + b"\n" + reply
            (folder / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


def write_words(path: Path) -> None:
    """The words of all personas and commands, as a dictionary of libFuzzer."""
    texts = [file.read_text(encoding="utf-8") for file in TRANSCRIPTS.glob("*.txt")]
    words = {word for text in texts for word in re.findall(r"[+^$#!*%&]?[A-Za-z0-9_-]{2,24}", text)}
    words |= {f"AT{name}" for family in FAMILIES for name in family.readers}
    path.write_text("".join(f'"{word}"\n' for word in sorted(words)), encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Run until a limit is reached or something is found."""
    seeds, words = FOLDER / "corpus", FOLDER / "words"
    write_seeds(seeds)
    write_words(words)
    given = {argument.partition("=")[0] for argument in arguments}
    limits = [limit for limit in LIMITS if limit.partition("=")[0] not in given]
    options = (f"-artifact_prefix={FOLDER}/", f"-dict={words}")
    inputs = [] if any(not argument.startswith("-") for argument in arguments) else [str(seeds)]
    atheris.Setup([sys.argv[0], *options, *limits, *arguments, *inputs], fuzz_one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
