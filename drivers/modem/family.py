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

from drivers.modem import families as folder
from drivers.modem import standard
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import RefusedError, UnreadableError, UnsupportedLockError
from drivers.modem.standard import Identification, Operator, Registration, SimState
from wire.cells import Cell, Rat
from wire.kinds import radio
from wire.kinds.scan import Payload as Scan
from wire.messages import RatMode, Sim

COPS_SCAN_TIMEOUT_S = 180.0
MAX_SCAN_CHARS = 32_768
"""Of an answer that was not understood: a record has an end (256 KiB)."""
LEVER_TIMEOUT_S = 15.0
REGISTRATION = ("+C5GREG", "+CEREG", "+CGREG", "+CREG")
OPERATOR_EVERY_S = 10.0
_THREE_DIGIT_MNC = """
302 310 311 312 313 314 315 316 330 334 338 342 344 346 348 350 352 354 356 358 360 365 366 376
708 722 732 750
"""
MCC_WITH_THREE_DIGIT_MNC = frozenset(_THREE_DIGIT_MNC.split())
"""Used only where the card does not say (ITU-T E.212 assignments)."""

_DOMAIN_OF_RAT: dict[Rat | None, str] = {Rat.NR: "+C5GREG", Rat.LTE: "+CEREG"}
_SAFE_VALUE = re.compile(r"[A-Za-z0-9:_-]{1,64}")


class UsbLayout(NamedTuple):
    """How a family's devices appear on USB."""

    vendor_id: int
    product_ids: frozenset[int]
    at_interfaces: tuple[int, ...]
    """Interface numbers of AT ports, the one least used by others first."""


class Lever(NamedTuple):
    """One stored setting of the modem that decides which technologies it may use."""

    name: str
    read: str
    write: str
    """With `{}` for the value."""
    value: re.Pattern[str]
    """Finds the value in a line of the answer, as group 1."""


class Family(ABC):
    """One opened modem, spoken to in its family's words through a `Dialogue`."""

    name: ClassVar[str]
    usb: ClassVar[tuple[UsbLayout, ...]] = ()
    last_resort: ClassVar[bool] = False
    """Takes what no other family claims."""
    iccid_commands: ClassVar[tuple[str, ...]] = ("AT+CCID", "AT+ICCID", "AT+QCCID")

    def __init__(self, identification: Identification, dialogue: Dialogue) -> None:
        """Speak to the modem that identified itself so."""
        self.identification = identification
        self.dialogue = dialogue
        self._domain = REGISTRATION[0]

    @classmethod
    @abstractmethod
    def claims(cls, identification: Identification) -> bool:
        """Whether the modem is one of the family."""

    @abstractmethod
    def read_radio(self, *, neighbours: bool) -> radio.Payload:
        """One look at the radio; raises `TimedOutError` or `GoneError`."""

    def levers(self) -> tuple[Lever, ...]:
        """The settings this modem has for its lock; none where it cannot be locked."""
        return ()

    def locks(self) -> Mapping[RatMode, Mapping[str, str]]:
        """For each mode this modem can be locked to, the levers and their values."""
        return {}

    def configure(self) -> None:
        """Bring the modem into the state our parsers expect; refusals do no harm."""
        self.dialogue.wish("AT+COPS=3,2")
        for domain in REGISTRATION:
            self.dialogue.wish(f"AT{domain}=2")

    def lock(self, mode: RatMode) -> None:
        """Ask for `mode`; raises `UnsupportedLockError` or `RefusedError`.

        The modem needs seconds to follow: wait, and read back.
        """
        locks = self.locks()
        if mode not in locks:
            raise UnsupportedLockError(mode, frozenset(locks))
        self.restore(locks[mode])

    def read_lock(self) -> RatMode | None:
        """The mode the levers are set to now; None where that is none of ours, or unreadable."""
        setting = self._read_levers()
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
        """All levers as they are, to be given to `restore`; raises `UnreadableError`."""
        setting = self._read_levers()
        for lever in self.levers():
            if lever.name not in setting:
                raise UnreadableError("no value", command=lever.read)
        return setting

    def restore(self, setting: Mapping[str, str]) -> None:
        """Set the levers; raises `RefusedError`, also for a setting of some other family."""
        levers = {lever.name: lever for lever in self.levers()}
        for name, value in setting.items():
            if name not in levers or not _SAFE_VALUE.fullmatch(value):
                raise RefusedError(f"no such setting here: {name}={value[:64]!r}")
        for name, value in setting.items():
            self.dialogue.order(levers[name].write.format(value), timeout_s=LEVER_TIMEOUT_S)
        self.dialogue.forget()

    def plain(self, value: str) -> str:
        """A lever's value in the one spelling that is compared."""
        return value.upper()

    def sim_state(self) -> SimState:
        """What the modem says of the card. No PIN is ever tried."""
        reply = self.dialogue.ask("AT+CPIN?", timeout_s=5.0)
        return standard.sim_state(reply.lines, reply.final)

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
            for command in ("AT+CGSN", "AT+CGSN=1", "AT+GSN")
            if (reply := self.dialogue.ask(command)).ok
        )
        return next((imei for imei in found if imei), None)

    def scan(self) -> Scan:
        """Networks in range by AT+COPS=?; raises `RefusedError` or `TimedOutError`."""
        return self.scan_by("AT+COPS=?", standard.operators, timeout_s=COPS_SCAN_TIMEOUT_S)

    def scan_by(
        self,
        command: str,
        parse: Callable[[tuple[str, ...]], tuple[Cell, ...]],
        *,
        timeout_s: float,
    ) -> Scan:
        """One scan; what was not understood is kept in it. Raises as `scan`."""
        started_s = self.dialogue.now_s
        reply = self.dialogue.ask(command, timeout_s=timeout_s)
        if not reply.ok:
            raise RefusedError(reply.final, command=command, code=reply.code)
        cells: tuple[Cell, ...] = ()
        unread = None
        try:
            cells = parse(reply.lines)
        except UnreadableError as error:
            unread = error.text[:MAX_SCAN_CHARS]
        return Scan(
            command=command,
            duration_s=self.dialogue.now_s - started_s,
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

    def _read_levers(self) -> dict[str, str]:
        setting = {}
        for lever in self.levers():
            reply = self.dialogue.ask(lever.read)
            found = (lever.value.search(line) for line in reply.lines if reply.ok)
            value = next((match[1] for match in found if match), None)
            if value is not None:
                setting[lever.name] = value
        return setting

    def _home_plmn(self) -> str | None:
        reply = self.dialogue.ask("AT+CIMI")
        imsi = standard.imsi(reply.lines) if reply.ok else None
        if imsi is None:
            return None
        card = self.dialogue.ask("AT+CRSM=176,28589,0,0,4")
        digits = standard.mnc_digits(card.lines) if card.ok else None
        if digits is None:
            digits = 3 if imsi[:3] in MCC_WITH_THREE_DIGIT_MNC else 2
        return imsi[: 3 + digits]


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
