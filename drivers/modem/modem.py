"""One modem, opened: who it is, what its radio hears, and its RAT lock. Owned by one thread."""

import logging
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from drivers.modem import standard
from drivers.modem.at import Reply
from drivers.modem.dialogue import Dialogue
from drivers.modem.errors import StrangerError, TimedOutError, UnreadableError
from drivers.modem.family import Family, families, family_of
from drivers.modem.port import Port
from drivers.modem.reading import Address, Bands, LockedCell
from drivers.modem.standard import Identification, SimState
from wire.cells import Rat
from wire.kinds import radio, scan
from wire.messages import Modem as Identity
from wire.messages import RatMode, Sim

log = logging.getLogger(__name__)

PROBE_ATTEMPTS = 3
PROBE_TIMEOUT_S = 0.5
IDENTITY_EVERY_S = 30.0
"""How soon a card or a module that was changed on an open port is noticed at the latest."""
POWER_TIMEOUT_S = 15.0
RADIO_OFF_S = 3.0
_RADIO_OFF = frozenset({0, 4})
"""Of +CFUN; other numbers are vendors' ways to save power with the radio on."""
_CARD_LINES = ("+CPIN", "+QUSIM", "+QSIMSTAT")


class Modem:
    """An identified and configured modem."""

    def __init__(
        self,
        port: Port,
        *,
        usb_path: str,
        name: str | None,
        family: str | None,
        imei: str | None,
        clock: Callable[[], float],
    ) -> None:
        """Use `Modem.open`."""
        self._port = port
        self._clock = clock
        self._usb_path = usb_path
        self._wanted_imei = imei
        self._name = name
        self._family_name = family
        self._dialogue = Dialogue(self._send, clock)
        self._registration: radio.RegistrationState | None = None
        self._radio_is_off = False
        self._probe()
        self._identify()

    @classmethod
    def open(
        cls,
        path: str,
        *,
        usb_path: str,
        name: str | None = None,
        family: str | None = None,
        imei: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> Self:
        """The modem at the port `path`, asked who it is.

        `family` overrules what it says of itself. A modem that has not this `imei` is left as it
        is, now and whenever another one answers later: `StrangerError`. Raises `GoneError`;
        `TimedOutError` where nothing answers AT; `UnreadableError` where answers do not belong to
        their questions; and ValueError for a family that does not exist.
        """
        known = {known.name for known in families()}
        if family is not None and family not in known:
            raise ValueError(f"no modem family {family!r}; there are {', '.join(sorted(known))}")
        port = Port.open(path, clock=clock)
        try:
            return cls(port, usb_path=usb_path, name=name, family=family, imei=imei, clock=clock)
        except BaseException:
            port.close()
            raise

    @property
    def identity(self) -> Identity:
        """Who the modem says it is, as of now."""
        return self._identity

    @property
    def sim(self) -> Sim:
        """Which card is in it, as of now; all None without a readable one."""
        return self._sim

    @property
    def sim_state(self) -> SimState:
        """Whether the card is usable, and if not, why."""
        return self._sim_state

    @property
    def is_open(self) -> bool:
        """Whether the port is held: not after `close`, nor once it was found to be gone."""
        return self._port.is_open

    @property
    def family(self) -> str:
        """Name of the family it is treated as."""
        return self._family.name

    @property
    def supported_locks(self) -> frozenset[RatMode]:
        """Modes it can be locked to, by what it answered."""
        return self._supported_locks

    def read_radio(self, *, neighbours: bool = False) -> radio.Payload:
        """What it hears; raises `TimedOutError` or `GoneError`.

        Replies that are not understood are in the payload's `unread`, never an exception.
        """
        self._look_who_is_there()
        payload = self._family.read_radio(neighbours=neighbours)
        if payload.registration != self._registration:
            # A card that was changed or lost always leaves the network first.
            self._registration = payload.registration
            self._identity_due_s = self._clock()
            self._look_who_is_there()
        self._radio_is_off = payload.serving is None and self._says_radio_is_off()
        return payload

    @property
    def radio_is_off(self) -> bool:
        """Whether the last look heard nothing because the modem does not listen."""
        return self._radio_is_off

    @property
    def supported_bands(self) -> tuple[str, ...]:
        """Technologies whose bands it can be held on, as fields of `Bands`."""
        return tuple(self._family.band_levers())

    @property
    def supported_cells(self) -> tuple[Rat, ...]:
        """Technologies it can be held on one cell of."""
        return tuple(self._family.cell_levers())

    def lock(
        self,
        mode: RatMode | None,
        *,
        bands: Bands | None = None,
        cell: LockedCell | None = None,
    ) -> None:
        """Ask for a technology, bands and a cell.

        Raises `UnsupportedLockError` or `UnsupportedHoldError`, naming what is supported. The
        caller waits until the modem has followed, and reads back.
        """
        self._family.lock(mode, bands, cell)

    def wanted(
        self,
        mode: RatMode | None,
        *,
        bands: Bands | None = None,
        cell: LockedCell | None = None,
    ) -> dict[str, str]:
        """The levers and values of such a lock, for `change`; raises as `lock`."""
        return self._family.wanted(mode, bands, cell)

    def change(self, setting: Mapping[str, str]) -> bool:
        """Set the levers that are not so already; whether any was written.

        Raises `RefusedError`, `TimedOutError` or `GoneError`: some modems restart after it.
        """
        return self._family.change(setting)

    def holds(
        self,
        mode: RatMode | None,
        *,
        bands: Bands | None = None,
        cell: LockedCell | None = None,
    ) -> bool:
        """Whether it is set so now; raises as `lock`."""
        return self._family.holds(self._family.wanted(mode, bands, cell))

    def read_lock(self) -> RatMode | None:
        """The mode the modem is set to; None where that is none of ours or cannot be read."""
        return self._family.read_lock()

    def radio_off_and_on(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Leave the network and come back (TS 27.007 8.2): the first rung where a lock is ignored.

        Raises `RefusedError`, `TimedOutError` or `GoneError`.
        """
        try:
            self._dialogue.order("AT+CFUN=4", timeout_s=POWER_TIMEOUT_S)
            pause(RADIO_OFF_S)
        finally:
            # Also when the wait was interrupted: nobody else would switch it on again.
            self._dialogue.order("AT+CFUN=1", timeout_s=POWER_TIMEOUT_S)
            self._dialogue.forget()

    def switch_radio_on(self) -> bool:
        """Make sure that the radio is on; whether it was off.

        ModemManager leaves it so, and so does whoever was killed in the middle of
        `radio_off_and_on`. Raises as that does; a modem that does not say is left alone.
        """
        if not self._says_radio_is_off():
            return False
        self._dialogue.order("AT+CFUN=1", timeout_s=POWER_TIMEOUT_S)
        self._dialogue.forget()
        return True

    def _says_radio_is_off(self) -> bool:
        reading = self._family.ask("AT+CFUN?")
        return reading is not None and reading.cfun in _RADIO_OFF

    def reset(self) -> None:
        """Restart the modem: its ports vanish, and come back under whatever names.

        Raises `RefusedError`, `TimedOutError` or `GoneError`.
        """
        self._family.reset()

    def addresses(self) -> tuple[Address, ...]:
        """Addresses of its bearers; none without one."""
        return self._family.read_addresses()

    def setting(self) -> dict[str, str]:
        """All levers of the lock as they are now: to be saved before the first change."""
        return self._family.setting()

    def restore(self, setting: Mapping[str, str]) -> None:
        """Put levers back that `setting` gave; raises `RefusedError`."""
        self._family.restore(setting)

    def name_servers(self) -> tuple[str, ...]:
        """DNS servers of its bearer; none without one, or where it does not say."""
        return self._family.read_name_servers()

    def scan(self, rats: frozenset[Rat] = frozenset()) -> scan.Payload:
        """Cells of any network in range, of these technologies or of all; takes minutes.

        `interrupt` from elsewhere ends it. Raises `UnsupportedScanError` for a technology that
        the modem can never hear.
        """
        return self._family.scan(rats)

    def check(self) -> None:
        """Do nothing if the port is there; raises `GoneError`, and lets go of it, if not."""
        self._port.check()

    def interrupt(self) -> None:
        """From another thread: make the command that is being waited for time out now."""
        self._port.interrupt()

    def close(self) -> None:
        """Let go of the port."""
        self._port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _send(self, command: str, timeout_s: float) -> Reply:
        return self._port.command(command, timeout_s)

    def _probe(self) -> None:
        """Wait for an answer to AT: right after enumeration the first ones are lost."""
        for attempt in range(1, PROBE_ATTEMPTS + 1):
            try:
                self._port.command("AT", PROBE_TIMEOUT_S)
            except TimedOutError:
                if attempt == PROBE_ATTEMPTS:
                    raise
            else:
                return

    def _identify(self) -> None:
        self._dialogue.forget()
        self._dialogue.wish("ATE0")
        self._dialogue.wish("AT+CMEE=1")
        self._check_step()
        identification = self._ask_who()
        named = {family.name: family for family in families()}
        chosen = named[self._family_name] if self._family_name else family_of(identification)
        self._family: Family = chosen(identification, self._dialogue)
        self._port.answer_under(chosen.answers_under)
        identity = Identity(
            usb_path=self._usb_path,
            name=self._name,
            imei=self._family.read_imei() or identification.imei,
            model=identification.model,
            firmware=identification.firmware,
        )
        if self._wanted_imei not in {None, identity.imei}:
            raise StrangerError(identity.imei, port=self._port.path)
        self._family.configure()
        self._supported_locks = frozenset(self._family.locks())
        self._read_card()
        self._identity = identity
        self._identity_due_s = self._clock() + IDENTITY_EVERY_S
        log.info(
            "%s: %s %s, family %s, SIM %s",
            self._port.path,
            identification.manufacturer,
            identification.model,
            self._family.name,
            self._sim_state,
        )

    def _check_step(self) -> None:
        """Make sure that answers belong to their questions: bare ones cannot be told apart."""
        self._dialogue.ask("AT+CGMI")
        reply = self._dialogue.ask("AT")
        if reply.lines:
            raise UnreadableError(reply.raw, command="AT", port=self._port.path)

    def _ask_who(self) -> Identification:
        def bare(command: str, prefix: str) -> str | None:
            reply = self._dialogue.ask(command)
            return standard.bare(reply.lines, prefix) if reply.ok else None

        return standard.identification(
            self._dialogue.ask("ATI").lines,
            manufacturer=bare("AT+CGMI", "+CGMI"),
            model=bare("AT+CGMM", "+CGMM"),
            firmware=bare("AT+CGMR", "+CGMR"),
        )

    def _read_card(self) -> None:
        self._sim_state = self._family.sim_state()
        readable = self._sim_state is SimState.READY
        self._sim = self._family.read_sim() if readable else Sim(iccid=self._family.read_iccid())

    def _look_who_is_there(self) -> None:
        """Notice a card or module that was changed while the port stayed open."""
        now_s = self._clock()
        if any(line.startswith(_CARD_LINES) for line in self._port.urcs()):
            self._identity_due_s = now_s
        if now_s < self._identity_due_s:
            return
        self._identity_due_s = now_s + IDENTITY_EVERY_S
        imei = self._family.read_imei()
        if imei is not None and imei != self._identity.imei:
            log.warning("%s: another modem answers: %s", self._port.path, imei)
            # Where it is cut short the next look begins anew.
            self._identity_due_s = now_s
            self._identify()
            return
        state, iccid = self._family.sim_state(), self._family.read_iccid()
        changed = (state, iccid) != (self._sim_state, self._sim.iccid)
        if changed or state is not SimState.READY:
            self._dialogue.forget()
            self._read_card()
            log.info("%s: SIM %s, ICCID %s", self._port.path, self._sim_state, self._sim.iccid)


def serving_agrees(payload: radio.Payload, mode: RatMode) -> bool | None:
    """Whether the serving cell is what `mode` allows; None where that cannot be told.

    It cannot without a serving cell; nor for a 5G mode on LTE that is not known to be connected,
    because the NR leg of EN-DC is there only while data flows.
    """
    if payload.serving is None:
        return None
    rat, leg = payload.serving.rat, payload.nr is not None
    if mode is RatMode.AUTO:
        return True
    if rat is Rat.LTE and mode in {RatMode.G5_NSA, RatMode.G5}:
        return leg or (False if payload.rrc_state == "connect" else None)
    if rat is Rat.LTE and mode is RatMode.G4:
        return not leg
    return rat is _RAT_OF_MODE.get(mode)


_RAT_OF_MODE = {
    RatMode.G2: Rat.GSM,
    RatMode.G3: Rat.WCDMA,
    RatMode.G5_SA: Rat.NR,
    RatMode.G5: Rat.NR,
}
