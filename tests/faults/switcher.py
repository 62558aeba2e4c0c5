"""A probe that gets another certificate, or another release, again and again until it ends.

`python -m tests.faults.switcher WHAT FOLDER GIVEN` says `FOUND name` (what it begins with),
then `BEGUN name` and `DONE name` for each switch. GIVEN holds the files of an authority.
"""

import hashlib
import itertools
import sys
import time
from pathlib import Path

from agent.identity import Files, check, identities, install
from agent.releases import PROGRAM, Releases
from sim.certificates import files

PROBE = "dn-01"
RELEASES = ("26.1", "26.2", "26.3")
LIBRARIES = 5
LIBRARY_BYTES = 20_000


class Identities:
    """Two certificates that take turns. All are whole that `check` believes."""

    def __init__(self, folder: Path, given: Path) -> None:
        self.versions = identities(folder)
        self._given = given

    def names(self) -> tuple[str, ...]:
        """The folders of `GIVEN` with a certificate each."""
        return tuple(sorted(folder.name for folder in self._given.iterdir() if folder.is_dir()))

    def switch(self, name: str) -> None:
        """To this certificate; the broker takes it at once."""
        install(self.versions, self._files(name), probe=PROBE, check_dates=False)
        self.versions.confirm_current()

    def found(self) -> str:
        """Which one is shown. Raises where it is not whole."""
        current = self.versions.folder / "current"
        pair = Files(*(current / f"{part}.pem" for part in Files._fields))
        check(pair, probe=PROBE, check_dates=False)
        contents = [file.read_bytes() for file in pair]
        (name,) = (
            name
            for name in self.names()
            if [file.read_bytes() for file in self._files(name)] == contents
        )
        return name

    def _files(self, name: str) -> Files:
        identity = files(self._given / name, PROBE)
        return Files(identity.certificate, identity.key, self._given / name / "ca.crt")


class Programs:
    """Releases that take turns, on trial for as long as they are there."""

    def __init__(self, folder: Path, _given: Path) -> None:
        self.versions = Releases(folder, state_dir=folder)

    def names(self) -> tuple[str, ...]:
        """All there are."""
        return RELEASES

    def switch(self, name: str) -> None:
        """Bring it to the disk, as pip would, and use it; it starts once and proves itself."""
        if name not in self.versions.names():
            self.versions.stage(name, lambda folder: _fill(folder, name))
        self.versions.use(name)
        self.versions.count_start()
        self.versions.confirm(name)

    def found(self) -> str:
        """Which one would start. Raises where it is not whole."""
        current = self.versions.folder / "current"
        name = (current / PROGRAM).read_text(encoding="ascii")
        for number in range(LIBRARIES):
            if (current / f"lib{number}").read_bytes() != _library(name, number):
                raise ValueError(f"lib{number} of {name} is torn")
        return name


def _fill(folder: Path, name: str) -> None:
    (folder / PROGRAM).parent.mkdir()
    for number in range(LIBRARIES):
        (folder / f"lib{number}").write_bytes(_library(name, number))
    (folder / PROGRAM).write_text(name, encoding="ascii")


def _library(name: str, number: int) -> bytes:
    seed = f"{name} {number}".encode()
    return hashlib.shake_128(seed).digest(LIBRARY_BYTES)


THINGS = {"identity": Identities, "release": Programs}


def main(what: str, folder: str, given: str) -> None:
    """Switch until killed."""
    thing = THINGS[what](Path(folder), Path(given))
    began = thing.versions.standing().current is not None
    _say(f"FOUND {thing.found() if began else 'nothing'}")
    for name in itertools.cycle(thing.names()):
        _say(f"BEGUN {name}")
        thing.switch(name)
        _say(f"DONE {name}")
        time.sleep(0.01)


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
