"""What one family of modems understands: identity, radio, lock and scan. No I/O.

A new family is a new module in `families/` with one subclass of `Family`. What the standard
(3GPP TS 27.007) has is here already; a family adds what its vendor does differently.
"""

import importlib
import inspect
import pkgutil
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from typing import ClassVar, NamedTuple

import msgspec

from drivers.modem import families as folder
from drivers.modem import standard
from drivers.modem.at import AnswersUnder
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import (
    RefusedError,
    UnreadableError,
    UnsupportedHoldError,
    UnsupportedLockError,
    UnsupportedScanError,
)
from drivers.modem.look import Look
from drivers.modem.readers import Asked, Readers, understand
from drivers.modem.reading import (
    RAT_BY_ACT,
    Address,
    Bands,
    FoundOperator,
    LockedCell,
    Operator,
    Reading,
    Registration,
)
from drivers.modem.standard import Identification, SimState
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.kinds.scan import Payload as Scan
from wire.messages import RatMode, Sim

COPS_SCAN_TIMEOUT_S = 180.0
SCAN_TIMEOUT_S = 360.0
"""Of the vendors' commands."""
MAX_SCAN_CHARS = 32_768
"""Of an answer that was not understood: a record has an end (256 KiB)."""
MAX_SCAN_CELLS = 768
"""All of them, at 300 characters each, stay below it as well."""
LEVER_TIMEOUT_S = 15.0
REGISTRATION = ("+C5GREG", "+CEREG", "+CGREG", "+CREG")
OPERATOR_EVERY_S = 10.0
_THREE_DIGIT_MNC = """
302 310 311 312 313 314 315 316 330 334 338 342 344 346 348 350 352 354 356 358 360 365 366 376
708 722 732 750
"""
MCC_WITH_THREE_DIGIT_MNC = frozenset(_THREE_DIGIT_MNC.split())
"""Used only where the card does not say (ITU-T E.212 assignments)."""

_MODES_OF_RAT = {
    Rat.GSM: frozenset({RatMode.G2}),
    Rat.WCDMA: frozenset({RatMode.G3}),
    Rat.LTE: frozenset({RatMode.G4}),
    Rat.NR: frozenset({RatMode.G5_SA, RatMode.G5_NSA, RatMode.G5}),
}
_DOMAIN_OF_RAT: dict[Rat | None, str] = {Rat.NR: "+C5GREG", Rat.LTE: "+CEREG"}
_SAFE_VALUE = re.compile(r'[A-Za-z0-9:_.,"/ -]{0,1024}')
"""Of a lever: it comes from a file or from the modem, and goes into a command line."""


class UsbLayout(NamedTuple):
    """How a family's devices appear on USB."""

    vendor_id: int
    product_ids: frozenset[int]
    at_interfaces: tuple[int, ...]
    """Interface numbers of AT ports, the one least used by others first."""


class Lever(NamedTuple):
    """One stored setting of the modem: of its technologies, its bands or its cell."""

    name: str
    read: str
    write: str
    """With `{}` for the value."""
    value: re.Pattern[str]
    """Finds the value in a line of the answer, as group 1."""
    default: str | None = None
    """The value where the modem answers and names none."""
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    """Orders around the writing, e.g. radio off and on; a refusal of one is no failure."""


def _always(look: Look) -> bool:
    del look
    return True


def _without_level(look: Look) -> bool:
    return not look.signals


class Question(NamedTuple):
    """One command of a look at the radio."""

    command: str
    every_s: float = 0.0
    """An answer is good for so long, while the same cells serve."""
    vital: bool = False
    """Tells the serving cell, and nothing else may: its refusal is told in the record."""
    asked_if: Callable[[Look], bool] = _always
    """Whether what is known so far leaves anything to ask."""
    for_neighbours: bool = False
    """Only asked when neighbours are wanted."""


class Family(ABC):
    """One opened modem, spoken to in its family's words through a `Dialogue`."""

    name: ClassVar[str]
    vendors: ClassVar[tuple[str, ...]] = ()
    """Other names it goes by."""
    usb: ClassVar[tuple[UsbLayout, ...]] = ()
    last_resort: ClassVar[bool] = False
    """Takes what no other family claims."""
    readers: ClassVar[Readers] = standard.READERS
    """Who understands which answer; a family adds its own to those of the standard."""
    answers_under: ClassVar[AnswersUnder] = {}
    """Commands that answer under another prefix than their own."""
    imei_commands: ClassVar[tuple[str, ...]] = ("AT+CGSN", "AT+CGSN=1", "AT+GSN")
    imsi_commands: ClassVar[tuple[str, ...]] = ("AT+CIMI",)
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+CCID", "AT+ICCID", "AT+QCCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Speak to the modem that identified itself so."""
        self.identification = identification
        self.dialogue = dialogue
        self._domain = REGISTRATION[0]

    @property
    def model(self) -> str:
        """As the modem named itself; empty where it did not."""
        return self.identification.model or ""

    @classmethod
    @abstractmethod
    def claims(cls, identification: Identification) -> bool:
        """Whether the modem is one of the family."""

    def questions(self) -> tuple[Question, ...]:
        """What is asked for one look at the radio, in this order; by default the standard's."""
        return (Question("AT+CESQ"), Question("AT+CSQ", asked_if=_without_level))

    def read_radio(self, *, neighbours: bool) -> radio.Payload:
        """One look at the radio; raises `TimedOutError` or `GoneError`."""
        look = Look()
        questions = self.questions()
        for question in questions:
            wanted = neighbours or not question.for_neighbours
            if wanted and question.asked_if(look):
                look = look.add(self.answer(question, same=look.key))
        registrations = self.registrations(look.rat)
        where = next((found for found in registrations if found.registered), None)
        operator = self.registered_operator(registrations, look.key or where)
        return look.record(
            registrations,
            operator,
            self.dialogue.take_unread(),
            registered_serves=not any(question.vital for question in questions),
        )

    def answer(self, question: Question, *, same: object = None) -> Reading | None:
        """The answer to one question; None where it was refused or not understood."""
        return self.dialogue.read(
            question.command,
            partial(self._understand, question.command),
            every_s=question.every_s,
            same=same,
            vital=question.vital,
        )

    def ask(self, command: str) -> Reading | None:
        """What the modem answers to a command of which a reader exists; as `answer`."""
        return self.answer(Question(command))

    def levers(self) -> tuple[Lever, ...]:
        """The settings this modem has for its lock; none where it cannot be locked."""
        return ()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """For each mode this modem can be locked to, the levers and their values."""
        return {}

    def band_levers(self) -> Mapping[str, Lever]:
        """By the name of a field of `Bands`: the settings that hold the modem on bands."""
        return {}

    def band_value(self, name: str, bands: Iterable[int]) -> str:
        """What a lever of `band_levers` is set to for these bands."""
        del name
        return ":".join(map(str, sorted(bands)))

    def cell_levers(self) -> Mapping[Rat, Lever]:
        """The settings that hold the modem on one cell."""
        return {}

    def cell_value(self, rat: Rat, cell: LockedCell) -> str:
        """What a lever of `cell_levers` is set to; raises `UnsupportedHoldError`."""
        raise UnsupportedHoldError(f"cell {cell} of {rat}", ())

    def configure(self) -> None:
        """Bring the modem into the state our parsers expect; refusals do no harm."""
        self.dialogue.wish("AT+COPS=3,2")
        for domain in REGISTRATION:
            self.dialogue.wish(f"AT{domain}=2")

    def wanted(
        self, mode: RatMode | None, bands: Bands | None = None, cell: LockedCell | None = None
    ) -> dict[str, str]:
        """Levers and values that hold the modem so.

        Raises `UnsupportedLockError` or `UnsupportedHoldError`, which name what it supports.
        """
        locks = self.locks()
        if mode is not None and mode not in locks:
            raise UnsupportedLockError(mode, frozenset(locks))
        levers: dict[str, str] = {} if mode is None else dict(locks[mode])
        if bands is not None:
            levers |= self._band_values(bands)
        if cell is not None:
            rat = Rat.NR if mode in {RatMode.G5_SA, RatMode.G5} else Rat.LTE
            lever = self.cell_levers().get(rat)
            if lever is None:
                can = tuple(f"a cell of {rat}" for rat in self.cell_levers())
                raise UnsupportedHoldError(f"a cell of {rat}", can)
            levers[lever.name] = self.cell_value(rat, cell)
        return levers

    def lock(
        self, mode: RatMode | None, bands: Bands | None = None, cell: LockedCell | None = None
    ) -> None:
        """Ask for it; raises as `wanted`, or `RefusedError`.

        The modem needs seconds to follow: wait, and read back.
        """
        self.restore(self.wanted(mode, bands, cell))

    def holds(self, wanted: Mapping[str, str]) -> bool:
        """Whether the levers are set so now."""
        return not self._unlike(wanted)

    def change(self, wanted: Mapping[str, str]) -> bool:
        """Set those of the levers that are not so already; whether there were any.

        Each writing wears the modem's flash, and some vendors want a reset after it. Raises as
        `restore`.
        """
        unlike = self._unlike(wanted)
        if unlike:
            self.restore(unlike)
        return bool(unlike)

    def read_lock(self) -> RatMode | None:
        """The mode the levers are set to now; None where that is none of ours, or unreadable."""
        setting = self._read_levers({lever.name for lever in self.levers()})
        return next(
            (
                mode
                for mode, wanted in self.locks().items()
                if all(
                    self.plain(setting.get(lever, "")) == self.plain(value)
                    for lever, value in wanted.items()
                )
            ),
            None,
        )

    def setting(self) -> dict[str, str]:
        """All levers as they are, to be given to `restore`; raises `UnreadableError`.

        Those of bands and cells that do not answer are left out: they are never written, either.
        """
        setting = self._read_levers(self._all_levers())
        for lever in self.levers():
            if lever.name not in setting:
                said = self.dialogue.ask(lever.read).raw
                raise UnreadableError(f"{said!r} has no {lever.value.pattern}", command=lever.read)
        return setting

    def restore(self, setting: Mapping[str, str]) -> None:
        """Set the levers; raises `RefusedError`, also for a setting of some other family."""
        levers = self._all_levers()
        for name, value in setting.items():
            if name not in levers or not _SAFE_VALUE.fullmatch(value):
                raise RefusedError(f"no such setting here: {name}={value[:64]!r}")
        for name, value in setting.items():
            lever = levers[name]
            for order in lever.before:
                self.dialogue.wish(order, timeout_s=LEVER_TIMEOUT_S)
            try:
                self.dialogue.order(lever.write.format(value), timeout_s=LEVER_TIMEOUT_S)
            finally:
                # Also where the value was refused: the radio may be off.
                for order in lever.after:
                    self.dialogue.wish(order, timeout_s=LEVER_TIMEOUT_S)
        self.dialogue.forget()

    def plain(self, value: str) -> str:
        """A lever's value in the one spelling that is compared."""
        return value.upper()

    def reset(self) -> None:
        """Restart the modem (TS 27.007 8.2); its ports vanish. Raises `RefusedError`."""
        self.dialogue.order("AT+CFUN=1,1", timeout_s=LEVER_TIMEOUT_S)

    def sim_state(self) -> SimState:
        """What the modem says of the card. No PIN is ever tried."""
        reply = self.dialogue.ask("AT+CPIN?", timeout_s=5.0)
        return standard.sim_state(reply.lines, reply.final)

    def read_addresses(self) -> tuple[Address, ...]:
        """Addresses of its bearers, as the network gave them; none without a bearer."""
        reading = self.ask("AT+CGPADDR")
        return () if reading is None else reading.addresses or ()

    def read_name_servers(self) -> tuple[str, ...]:
        """DNS servers the network gave its bearer (TS 27.007 10.1.23); none without a bearer."""
        reply = self.dialogue.ask("AT+CGCONTRDP")
        return standard.name_servers(reply.lines) if reply.ok else ()

    def read_sim(self) -> Sim:
        """Number and home network of the card, as far as it can be read."""
        return Sim(iccid=self.read_iccid(), home_plmn=self._home_plmn())

    def read_iccid(self) -> str | None:
        """The card's number; None without a readable card."""
        found = (
            standard.iccid(reply.lines)
            for command in self.iccid_commands
            if (reply := self.dialogue.ask(command)).ok
        )
        return next((iccid for iccid in found if iccid), None)

    def read_imei(self) -> str | None:
        """The modem's number."""
        found = (
            standard.imei(reply.lines)
            for command in self.imei_commands
            if (reply := self.dialogue.ask(command)).ok
        )
        return next((imei for imei in found if imei), None)

    def scan(self, rats: frozenset[Rat] = frozenset()) -> Scan:
        """Cells of these technologies in range, or of all.

        Raises `UnsupportedScanError` where the modem can never hear one of them, and
        `RefusedError` or `TimedOutError`.
        """
        self.check_scan(rats)
        for command in self.scan_commands(rats):
            try:
                return self.scan_by(command, rats, timeout_s=SCAN_TIMEOUT_S)
            except RefusedError:
                # Unknown to this firmware, or it is held on one technology.
                continue
        return self.scan_by("AT+COPS=?", rats, timeout_s=COPS_SCAN_TIMEOUT_S)

    def scan_commands(self, rats: frozenset[Rat]) -> tuple[str, ...]:
        """What is tried before AT+COPS=?, as it tells more of cells of these technologies."""
        del rats
        return ()

    def check_scan(self, rats: frozenset[Rat]) -> None:
        """Raise `UnsupportedScanError` for what the modem cannot be set to: it has no radio for it.

        One without any lever may have it.
        """
        locks = self.locks()
        for rat in sorted(rats):
            modes = _MODES_OF_RAT[rat]
            if locks and modes.isdisjoint(locks):
                raise UnsupportedScanError(rat, frozenset(locks))

    def scan_by(
        self, command: str, rats: frozenset[Rat] = frozenset(), *, timeout_s: float
    ) -> Scan:
        """One scan; what was not understood is kept in it. Raises as `scan`."""
        started_s = self.dialogue.now_s
        reply = self.dialogue.ask(command, timeout_s=timeout_s)
        if not reply.ok:
            raise RefusedError(reply.final, command=command, code=reply.code)
        cells: tuple[Cell, ...] = ()
        unread = None
        try:
            cells = _found(self._understand(command, reply.lines), rats)
        except UnreadableError as error:
            unread = error.text[:MAX_SCAN_CHARS]
        return Scan(
            command=command,
            duration_s=self.dialogue.now_s - started_s,
            rats=tuple(sorted(rats)),
            cells=cells,
            unread=unread,
        )

    def registrations(self, rat: Rat | None) -> tuple[Registration, ...]:
        """Answers of the domains, the likely one first: once one is registered, that is enough.

        `rat` is that of the serving cell, where it is known.
        """
        likely = _DOMAIN_OF_RAT.get(rat, self._domain)
        found: list[Registration] = []
        for domain in sorted(REGISTRATION, key=lambda domain: domain != likely):
            parse = partial(standard.registration, prefix=domain)
            answer = self.dialogue.read(f"AT{domain}?", parse)
            if answer is None:
                continue
            found.append(answer)
            if answer.registered:
                self._domain = domain
                break
        return tuple(found)

    def registered_operator(
        self, registrations: Iterable[Registration], cell: object
    ) -> Operator | None:
        """The network we are registered with; asked anew when that or the `cell` changed."""
        state = standard.best(registrations)
        if state not in {radio.RegistrationState.HOME, radio.RegistrationState.ROAMING}:
            return None
        return self.dialogue.read(
            "AT+COPS?", standard.operator, every_s=OPERATOR_EVERY_S, same=(state, cell)
        )

    def _understand(self, command: str, lines: tuple[str, ...]) -> Reading:
        reading = understand(self.readers, Asked(command, lines, self.model))
        self.dialogue.note_unread(command, reading.unread or ())
        return reading

    def _all_levers(self) -> dict[str, Lever]:
        levers = (*self.levers(), *self.band_levers().values(), *self.cell_levers().values())
        return {lever.name: lever for lever in levers}

    def _unlike(self, wanted: Mapping[str, str]) -> dict[str, str]:
        """Those that are set otherwise now, or do not say; also those that are no levers here."""
        setting = self._read_levers(self._all_levers().keys() & wanted.keys())
        return {
            name: value
            for name, value in wanted.items()
            if name not in setting or self.plain(setting[name]) != self.plain(value)
        }

    def _read_levers(self, names: Iterable[str]) -> dict[str, str]:
        setting = {}
        levers = self._all_levers()
        for name in names:
            lever = levers[name]
            reply = self.dialogue.ask(lever.read)
            found = (lever.value.search(line) for line in reply.lines)
            value = next((match[1] for match in found if match), lever.default)
            if reply.ok and value is not None:
                setting[name] = value
        return setting

    def _band_values(self, bands: Bands) -> dict[str, str]:
        levers = self.band_levers()
        values = {}
        for name, wanted in msgspec.structs.asdict(bands).items():
            if wanted is None:
                continue
            if name not in levers:
                can = tuple(f"bands of {known}" for known in levers)
                raise UnsupportedHoldError(f"bands of {name}", can)
            values[levers[name].name] = self.band_value(name, wanted)
        return values

    def _home_plmn(self) -> str | None:
        replies = (self.dialogue.ask(command) for command in self.imsi_commands)
        found = (standard.imsi(reply.lines) for reply in replies if reply.ok)
        imsi = next((imsi for imsi in found if imsi), None)
        if imsi is None:
            return None
        card = self.dialogue.ask("AT+CRSM=176,28589,0,0,4")
        digits = standard.mnc_digits(card.lines) if card.ok else None
        if digits is None:
            digits = 3 if imsi[:3] in MCC_WITH_THREE_DIGIT_MNC else 2
        return imsi[: 3 + digits]


def _found(reading: Reading, rats: frozenset[Rat]) -> tuple[Cell, ...]:
    """The cells of a scan that are wanted; a network named without one has no identity."""
    networks = (_network(found) for found in reading.operators or ())
    cells = [cell.recorded() for cell in reading.cells or ()]
    cells += [cell for cell in networks if cell is not None]
    wanted = (cell for cell in cells if not rats or cell.rat in rats)
    return tuple(dict.fromkeys(wanted))[:MAX_SCAN_CELLS]


def _network(found: FoundOperator) -> Cell | None:
    # Only modems of GSM alone leave the technology out.
    rat = Rat.GSM if found.act is None else RAT_BY_ACT.get(found.act)
    if rat is None or found.plmn is None:
        return None
    return Cell(rat=rat, mcc=found.plmn[:3], mnc=found.plmn[3:])


@cache
def families() -> tuple[type[Family], ...]:
    """Every family of the folder, the last resort at the end."""
    found: list[type[Family]] = []
    for info in pkgutil.iter_modules(folder.__path__):
        module = importlib.import_module(f"{folder.__name__}.{info.name}")
        found.extend(
            member
            for _, member in inspect.getmembers(module, inspect.isclass)
            if issubclass(member, Family) and member.__module__ == module.__name__
        )
    return tuple(sorted(found, key=lambda family: (family.last_resort, family.name)))


def family_of(identification: Identification) -> type[Family]:
    """The first family that claims the modem."""
    return next(family for family in families() if family.claims(identification))
